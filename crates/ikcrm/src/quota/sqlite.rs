//! `Sqlite`: the slots that the processes of one machine share, in a file.
//!
//! A row holds a whole window; every change reads, changes and writes it in one transaction. Times
//! are counted by the machine's clock since it started, which is the same for all processes.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use serde::{Deserialize, Serialize};

use super::store::{Store, StoreError};
use super::window::{Fate, Limit, Request, Taken, Window};
use crate::sync::lock;

/// How long a process waits for another one's transaction, which takes well under a millisecond.
const BUSY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    name: String,
    connection: Mutex<Option<Connection>>,
}

/// What a row holds.
#[derive(Default, Serialize, Deserialize)]
struct State {
    window: Window,
    written_at: Duration,
}

impl Sqlite {
    /// The window of this name in the file, which is opened when it is first used.
    pub(crate) fn new(path: PathBuf, name: &str) -> Self {
        Self { path, name: name.to_owned(), connection: Mutex::default() }
    }

    /// Does something with the window, for all processes at once.
    fn with<T>(&self, work: impl FnOnce(&mut Window, Duration) -> T) -> Result<T, StoreError> {
        let mut connection = lock(&self.connection);
        self.transact(&mut connection, work).map_err(|error| {
            StoreError(format!("the quota's file {} cannot be used: {error}", self.path.display()))
        })
    }

    fn transact<T>(
        &self,
        connection: &mut Option<Connection>,
        work: impl FnOnce(&mut Window, Duration) -> T,
    ) -> rusqlite::Result<T> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(open(&self.path)?),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let text: Option<String> = transaction
            .prepare_cached("SELECT state FROM windows WHERE name = ?1")?
            .query_row([&self.name], |row| row.get(0))
            .optional()?;
        let now = machine_time();
        let mut state = text.map_or(Ok(State::default()), |text| State::read(&text, now))?;
        let result = work(&mut state.window, now);
        let state = State { written_at: now, ..state };
        transaction
            .prepare_cached("INSERT OR REPLACE INTO windows (name, state) VALUES (?1, ?2)")?
            .execute((&self.name, serde_json::to_string(&state).unwrap_or_default()))?;
        transaction.commit()?;
        Ok(result)
    }
}

impl State {
    /// What was written, by today's clock. After a restart of the machine the clock counts from 0
    /// again, and what was written lies before that: no more time is left than was left then.
    fn read(text: &str, now: Duration) -> rusqlite::Result<Self> {
        let state: Result<Self, _> = serde_json::from_str(text);
        let mut state = state.map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
        })?;
        if state.written_at > now {
            state.window.count_from(state.written_at);
        }
        Ok(state)
    }
}

impl Store for Sqlite {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        self.with(|window, now| window.take(request, limit, now))
    }

    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError> {
        match fate {
            Fate::Unknown => Ok(()),
            _ => self.with(|window, now| window.settle(id, fate, limit.per, now)),
        }
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.with(|window, now| window.block(duration, now))
    }

    fn usage(&self, limit: Limit) -> Result<(usize, Duration), StoreError> {
        self.with(|window, now| window.usage(limit, now))
    }
}

/// The file that a URL's path names.
pub(crate) fn path_of(path: &str) -> PathBuf {
    // On Windows, `/C:/quota.db` is `C:/quota.db`.
    let drive = path.strip_prefix('/').filter(|rest| rest.get(1..2) == Some(":"));
    PathBuf::from(drive.unwrap_or(path))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // A commit then needs no flush to the disk: what a power cut loses is older than the restart.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute(
        "CREATE TABLE IF NOT EXISTS windows (name TEXT PRIMARY KEY, state TEXT NOT NULL)",
        (),
    )?;
    Ok(connection)
}

/// The time since the machine started.
#[cfg(unix)]
fn machine_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// Where the clock since the start cannot be read without unsafe code, the time of day stands in.
#[cfg(not(unix))]
fn machine_time() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    const LIMIT: Limit = Limit { calls: NonZeroUsize::MIN, per: Duration::from_secs(10) };

    #[test]
    fn a_restart_of_the_machine_leaves_no_more_time_than_was_left() {
        let second = Duration::from_secs;
        let mut state = State { written_at: second(1000), ..State::default() };
        let request = Request { id: 1, hold: second(40), ahead: 0 };
        assert_eq!(state.window.take(request, LIMIT, second(999)), Taken::Slot);
        state.window.settle(1, Fate::Answered, LIMIT.per, second(999));
        let text = serde_json::to_string(&state).unwrap();
        let mut after = State::read(&text, second(3)).unwrap().window;
        let wait = after.take(Request { id: 2, ..request }, LIMIT, second(3));
        assert_eq!(wait, Taken::Busy(second(6)));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let store = Sqlite::new(PathBuf::from("/no/such/folder/quota.db"), "test");
        let StoreError(message) = store.usage(LIMIT).unwrap_err();
        assert!(message.contains("/no/such/folder/quota.db"), "{message}");
    }
}
