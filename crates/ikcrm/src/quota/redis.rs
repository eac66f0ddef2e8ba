//! `Redis`: the slots that several machines share, on a Redis server and by its clock.
//!
//! One script, and so one round trip, to take a slot, and one to settle it.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis::{Client, Connection, IntoConnectionInfo, RedisResult, Script};

use super::store::{Store, StoreError};
use super::window::{Fate, Limit, Request, Taken};
use crate::sync::lock;

/// How long connecting or an answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Redis {
    url: String,
    key: String,
    take: Script,
    settle: Script,
    link: Mutex<Option<Link>>,
}

/// A connection, and in which run of the server it was made.
struct Link {
    connection: Connection,
    run: String,
    started: Instant,
}

impl Redis {
    /// The window of this name on the server, which is connected to when it is first used.
    pub(crate) fn new(url: &str, name: &str) -> Self {
        Self {
            url: url.to_owned(),
            key: format!("ikcrm:quota:{name}"),
            take: Script::new(include_str!("take.lua")),
            settle: Script::new(include_str!("settle.lua")),
            link: Mutex::default(),
        }
    }

    /// Runs a script; once more on a new connection when a kept one turns out to be broken.
    fn run<T>(&self, script: impl Fn(&mut Link) -> RedisResult<T>) -> Result<T, StoreError> {
        let mut kept = lock(&self.link);
        if let Some(link) = kept.as_mut()
            && let Ok(answer) = script(link)
        {
            return Ok(answer);
        }
        *kept = None;
        let fresh = Link::open(&self.url).and_then(|mut link| Ok((script(&mut link)?, link)));
        let (answer, link) = fresh.map_err(|error| {
            StoreError(format!("the quota's Redis server cannot be used: {error}"))
        })?;
        *kept = Some(link);
        Ok(answer)
    }

    /// Whether a slot was taken, how long to wait, and how many are taken; no id only looks.
    fn take(
        &self,
        id: Option<u64>,
        request: Request,
        limit: Limit,
    ) -> Result<(bool, Duration, usize), StoreError> {
        let (taken, wait, used): (bool, u64, usize) = self.run(|link| {
            self.take
                .key(&self.key)
                .arg(id.map(|id| format!("{id:x}")).unwrap_or_default())
                .arg(limit.calls.get())
                .arg(micros(limit.per))
                .arg(micros(request.hold))
                .arg(request.ahead)
                .arg(&link.run)
                .arg(micros(link.started.elapsed()))
                .invoke(&mut link.connection)
        })?;
        Ok((taken, Duration::from_micros(wait), used))
    }

    /// Sets the time from now on at which a field's slot is free; nothing for at once.
    fn set(&self, field: &str, left: Option<Duration>) -> Result<(), StoreError> {
        let left = left.map_or_else(|| "-1".to_owned(), |left| micros(left).to_string());
        self.run(|link| {
            self.settle.key(&self.key).arg(field).arg(&left).invoke(&mut link.connection)
        })
    }
}

#[cfg(test)]
impl Redis {
    /// Stands for the time after a server's start, which tests do not wait for.
    pub(crate) fn forget_block(&self) {
        self.set("blocked", None).unwrap();
    }
}

impl Link {
    fn open(url: &str) -> RedisResult<Self> {
        let mut connection = Client::open(url)?.get_connection_with_timeout(TIMEOUT)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        let asked = Instant::now();
        let info: String = redis::cmd("INFO").arg("server").query(&mut connection)?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
        let run = field("run_id:").unwrap_or_default().to_owned();
        let uptime = field("uptime_in_seconds:").and_then(|text| text.parse().ok());
        let uptime = Duration::from_secs(uptime.unwrap_or_default());
        Ok(Self { connection, run, started: asked.checked_sub(uptime).unwrap_or(asked) })
    }
}

impl Store for Redis {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        let (taken, wait, _) = self.take(Some(request.id), request, limit)?;
        Ok(if taken { Taken::Slot } else { Taken::Busy(wait) })
    }

    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError> {
        let id = format!("{id:x}");
        match fate {
            Fate::Unsent => self.set(&id, None),
            Fate::Answered => self.set(&id, Some(limit.per)),
            Fate::Unknown => Ok(()),
        }
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.set("blocked", Some(duration))
    }

    fn usage(&self, limit: Limit) -> Result<(usize, Duration), StoreError> {
        let request = Request { id: 0, hold: limit.per, ahead: 0 };
        let (_, wait, used) = self.take(None, request, limit)?;
        Ok((used, wait))
    }
}

/// Shows neither the URL, which may hold a password, nor the connection.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Whether this is the URL of a Redis server.
pub(crate) fn is_url(url: &str) -> bool {
    url.into_connection_info().is_ok()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
