//! `Redis`: the slots that several machines share, on a Redis server and by its clock.
//!
//! One script, and so one round trip, to take a slot. To settle one costs no time: its answer is
//! read before the next slot is taken.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis::{
    Client, Connection, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError,
    RedisResult, Script, ServerErrorKind,
};

use super::store::{Store, StoreError, Warning, Warnings};
use super::window::{Fate, LATE, Limit, Request, Taken};
use crate::sync::{clock, lock};

/// How long an answer may take, and connecting with its several round trips.
const TIMEOUT: Duration = Duration::from_secs(1);
const CONNECTING: Duration = Duration::from_secs(2);
/// How long nobody passes at most after the slots were lost.
const LONGEST_LOSS: Duration = Duration::from_secs(600);
/// By how much more a server's clock may go on than ours, in a thousandth and at least.
const DRIFT: (u32, Duration) = (1000, Duration::from_millis(50));

const TAKE: &str = include_str!("take.lua");
const SETTLE: &str = include_str!("settle.lua");

pub(crate) struct Redis {
    url: String,
    key: String,
    take: Script,
    link: Mutex<Link>,
    warnings: Warnings,
}

/// The connection, and what is known from the last answers.
#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    /// How many answers are still to come.
    pending: usize,
    memory: Memory,
}

#[derive(Default)]
struct Memory {
    /// The window's own name, which it has anew after it was lost.
    born: String,
    /// The longest time that a slot was seen to be held.
    longest: Duration,
    /// The server's time, and ours before it was asked.
    server: Option<(Duration, Duration)>,
    /// Whether the server has told what it does when its memory is full.
    knows_policy: bool,
}

/// What the script that takes slots answers: see there.
type Answer = (bool, u64, usize, u64, String, u64, usize, u64, bool, String);

impl Redis {
    /// The window of this name on the server, which is connected to when it is first used.
    pub(crate) fn new(url: &str, name: &str) -> Self {
        Self {
            url: url.to_owned(),
            key: format!("ikcrm:quota:{name}"),
            take: Script::new(TAKE),
            link: Mutex::default(),
            warnings: Warnings::default(),
        }
    }

    /// Does something with a connection; once more with a new one when a kept one is broken.
    fn with<T>(
        &self,
        work: impl Fn(&mut Connection, &mut usize, &Memory) -> RedisResult<T>,
        learn: impl FnOnce(&T, &mut Memory),
    ) -> Result<T, StoreError> {
        let mut link = lock(&self.link);
        let Link { connection, pending, memory } = &mut *link;
        let end = Instant::now() + TIMEOUT;
        let mut kept = connection.take().map(|mut kept| {
            let answer = limit_time(&kept, end).and_then(|()| work(&mut kept, pending, memory));
            answer.map(|answer| (answer, kept))
        });
        if !matches!(kept, Some(Ok(_))) && Instant::now() < end {
            *pending = 0;
            kept = Some(connect(&self.url).and_then(|mut fresh| {
                limit_time(&fresh, Instant::now() + TIMEOUT)?;
                Ok((work(&mut fresh, pending, memory)?, fresh))
            }));
        }
        let worked = kept.unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        let (answer, kept) = worked.map_err(|error| {
            *pending = 0;
            told(&error)
        })?;
        learn(&answer, memory);
        *connection = Some(kept);
        Ok(answer)
    }

    /// Takes a slot; no id only looks.
    fn ask(&self, id: Option<u64>, request: Request, limit: Limit) -> Result<Answer, StoreError> {
        let asked = clock::now();
        let hold = request.open(limit) + limit.per;
        let answer: Answer = self.with(
            |connection, pending, memory| {
                let command = |how: &str, script: &str| {
                    let mut command = redis::cmd(how);
                    command
                        .arg(script)
                        .arg(1)
                        .arg(&self.key)
                        .arg(id.map(|id| format!("{id:x}")).unwrap_or_default())
                        .arg(limit.calls.get())
                        .arg(micros(limit.per))
                        .arg(micros(request.open(limit)))
                        .arg(request.ahead)
                        .arg(&memory.born)
                        .arg(micros(memory.longest.max(hold).min(LONGEST_LOSS)))
                        .arg(u8::from(!memory.knows_policy));
                    command.get_packed_command()
                };
                match send(connection, pending, &command("EVALSHA", self.take.get_hash())) {
                    Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                        send(connection, pending, &command("EVAL", TAKE))
                    }
                    answer => answer,
                }
            },
            |answer: &Answer, memory| {
                if id.is_some() {
                    memory.born.clone_from(&answer.4);
                }
                memory.knows_policy = true;
                let longest = Duration::from_micros(answer.5);
                memory.longest = memory.longest.max(longest).min(LONGEST_LOSS);
            },
        )?;
        self.warn(limit, &answer);
        if self.has_jumped(Duration::from_micros(answer.3), asked) {
            return self.give_back(id, hold, answer);
        }
        Ok(answer)
    }

    fn warn(&self, limit: Limit, answer: &Answer) {
        let (.., calls, per, lost, policy) = answer;
        let other = NonZeroUsize::new(*calls);
        let other = other.map(|calls| Limit { calls, per: Duration::from_micros(*per) });
        self.warnings.add_stricter(limit, other);
        if *lost {
            self.warnings.add_again(Warning::Lost);
        }
        if !["", "noeviction"].contains(&policy.as_str()) {
            self.warnings.add(Warning::Evicts { policy: policy.clone() });
        }
    }

    /// Whether the server's clock went further since its last answer than time has passed here.
    fn has_jumped(&self, server: Duration, asked: Duration) -> bool {
        let mut link = lock(&self.link);
        let before = link.memory.server.replace((server, asked));
        before.is_some_and(|(server_before, asked_before)| {
            let passed = clock::now().saturating_sub(asked_before);
            let (part, least) = DRIFT;
            server.saturating_sub(server_before) > passed + passed / part + least
        })
    }

    /// After a jump of the server's clock slots look free that are not.
    fn give_back(
        &self,
        id: Option<u64>,
        hold: Duration,
        answer: Answer,
    ) -> Result<Answer, StoreError> {
        let Some(id) = id else { return Ok(answer) };
        self.warnings.add_again(Warning::Lost);
        self.tell(&format!("{id:x}"), "unsent", Duration::ZERO)?;
        self.tell("", "blocked", hold)?;
        let (_, wait, used, server, born, longest, calls, per, lost, policy) = answer;
        Ok((false, wait.max(micros(hold)), used, server, born, longest, calls, per, lost, policy))
    }

    /// Tells the fate of a slot, without waiting for the answer.
    fn tell(&self, id: &str, fate: &str, open: Duration) -> Result<(), StoreError> {
        let mut command = redis::cmd("EVAL");
        command.arg(SETTLE).arg(1).arg(&self.key);
        command.arg(id).arg(fate).arg(micros(open));
        let command = command.get_packed_command();
        let send = |connection: &mut Connection, pending: &mut usize, _: &Memory| {
            connection.send_packed_command(&command)?;
            *pending += 1;
            Ok(())
        };
        self.with(send, |(), _| ())
    }
}

#[cfg(test)]
impl Redis {
    /// Stands for the time after a server's start, which tests do not wait for.
    pub(crate) fn forget_block(&self) {
        let mut connection = connect(&self.url).unwrap();
        redis::cmd("HDEL").arg(&self.key).arg("blocked").exec(&mut connection).unwrap();
    }
}

impl Store for Redis {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        let (taken, wait, ..) = self.ask(Some(request.id), request, limit)?;
        Ok(if taken { Taken::Slot } else { Taken::Busy(Duration::from_micros(wait)) })
    }

    fn settle(&self, id: u64, fate: Fate, _: Limit) -> Result<(), StoreError> {
        let (fate, open) = match fate {
            Fate::Unsent => ("unsent", Duration::ZERO),
            Fate::Answered => ("answered", Duration::ZERO),
            Fate::Unknown => ("unknown", LATE),
            Fate::Elsewhere(open) => ("elsewhere", open),
        };
        self.tell(&format!("{id:x}"), fate, open)
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.tell("", "blocked", duration)
    }

    fn usage(&self, limit: Limit, ahead: usize) -> Result<(usize, Duration), StoreError> {
        let request = Request { id: 0, hold: limit.per, ahead };
        let (_, wait, used, ..) = self.ask(None, request, limit)?;
        Ok((used, Duration::from_micros(wait)))
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.take()
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
    let info = url.into_connection_info();
    info.is_ok_and(|info| match info.addr() {
        ConnectionAddr::Tcp(..) => true,
        ConnectionAddr::TcpTls { insecure, .. } => !insecure,
        _ => false,
    })
}

/// The URL with this password; nothing when it has one.
pub(crate) fn with_password(url: &str, password: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let user = rest.get(..end)?.rfind('@').map_or("", |at| rest.get(..at).unwrap_or_default());
    if user.contains(':') {
        return None;
    }
    let place = rest.get(user.len()..)?.trim_start_matches('@');
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let spell =
        |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let password: String = password.bytes().map(spell).collect();
    Some(format!("{scheme}://{user}:{password}@{place}"))
}

fn connect(url: &str) -> RedisResult<Connection> {
    let info = url.into_connection_info()?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        set_tls_provider();
    }
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    let info: ConnectionInfo = info.set_redis_settings(settings);
    Client::open(info)?.get_connection_with_timeout(CONNECTING)
}

/// Where a program has several providers, rustls would panic for lack of a choice.
fn set_tls_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

fn limit_time(connection: &Connection, end: Instant) -> RedisResult<()> {
    let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    connection.set_read_timeout(Some(left))?;
    connection.set_write_timeout(Some(left))
}

/// Sends a command at once, and reads its answer after those that are still to come.
fn send(connection: &mut Connection, pending: &mut usize, command: &[u8]) -> RedisResult<Answer> {
    connection.send_packed_command(command)?;
    read_pending(connection, pending)?;
    Ok(redis::from_redis_value(connection.recv_response()?.extract_error()?)?)
}

/// Reads the answers that are still to come. A fate that could not be kept is no fault: its slot is
/// held as it was taken.
fn read_pending(connection: &mut Connection, pending: &mut usize) -> RedisResult<()> {
    while *pending > 0 {
        match connection.recv_response() {
            Err(error) if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => {
                return Err(error);
            }
            _ => *pending -= 1,
        }
    }
    Ok(())
}

fn told(error: &RedisError) -> StoreError {
    let text = error.to_string();
    let advice = match error.kind() {
        _ if text.contains("unknown command") => "; is this a Sentinel? give the master's address",
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            "; in a cluster, give the address of the node that has this key"
        }
        kind if kind == ErrorKind::Server(ServerErrorKind::NoPerm)
            || text.contains("can't run this") =>
        {
            "; the user needs +eval +evalsha +script|load +time +info +@hash +pexpire and ~ikcrm:quota:*"
        }
        _ => "",
    };
    let message = format!("the quota's Redis server cannot be used: {text}{advice}");
    StoreError { message, retryable: advice.is_empty() && passes(error, &text) }
}

/// Whether it may work later as it is.
fn passes(error: &RedisError, text: &str) -> bool {
    let refused = ["NOAUTH", "WRONGPASS", "WRONGTYPE"];
    let refused = error.code().is_some_and(|code| refused.contains(&code))
        // What Redis says when a long command comes without a password.
        || text.contains("unauthenticated");
    let wrong = [ErrorKind::AuthenticationFailed, ErrorKind::InvalidClientConfig];
    !refused && !wrong.contains(&error.kind()) && !text.contains("certificate")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
