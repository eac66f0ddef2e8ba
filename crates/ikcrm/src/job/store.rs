//! The job's file: an `SQLite` database with the rows, their states and what the job counted.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{FromSql, ToSql};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::fault;
use super::row::{Fill, Row, RowState};
use crate::error::{Error, spelt};

/// Tells a job's file from other `SQLite` files: `ikjb`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"ikjb");
/// The version of the form of the file.
const VERSION: i32 = 1;
const SCHEMA: &str = include_str!("schema.sql");
const COLUMNS: &str = "number, key, id, state, fields, fill, as_of, listable, read_at, sent_at, \
                       attempts, cause, message, not_taken, given";
/// How many pages of 4 KB the log may have while rows are compared, until they are brought to the file, which
/// waits for the disk.
const LOG_PAGES: u32 = 4096;
/// How long a look at the file waits for one who writes.
const BUSY: Duration = Duration::from_secs(10);

/// An open job's file.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
    file: Option<FileId>,
}

/// What a file is, whatever its name.
#[derive(Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl Store {
    /// A new, empty job's file, which only its owner may read.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| unusable(path, error))?;
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Until it has its name, it may as well be lost: `publish` makes it durable at once.
        store.run("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
        let header =
            format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};");
        store.run(&header)?;
        store.run(SCHEMA)?;
        Ok(store)
    }

    /// A job's file that is there, to work on it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        store.check_form()?;
        Ok(store)
    }

    /// Whether there is a file of this name; an empty one is none.
    pub(super) fn is_there(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self, Error> {
        if !Self::is_there(path) {
            let plan = spelt("plan_updates");
            return Err(unusable(path, format!("there is no such file; make the job with {plan}")));
        }
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags);
        let connection = connection.map_err(|error| failure(path, &error))?;
        connection.busy_timeout(BUSY).map_err(|error| failure(path, &error))?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self { connection, path: path.to_owned(), file: file_id(path) })
    }

    /// Refuses files that are no jobs, and jobs of a form that is newer than this library.
    fn check_form(&self) -> Result<(), Error> {
        let pragma = |name| {
            let value = self.connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
            value.map_err(|error| self.failed(&error))
        };
        if pragma("application_id")? != APPLICATION_ID {
            return Err(unusable(&self.path, "it is not a job; nothing in it was changed"));
        }
        match pragma("user_version")? {
            VERSION => Ok(()),
            newer => Err(unusable(
                &self.path,
                format!(
                    "its format is version {newer}, but this ikcrm reads {VERSION}; use the ikcrm that \
                     made it, or a newer one"
                ),
            )),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to compare: readers see it meanwhile. A power cut may lose the last commits, whose rows
    /// are then compared again; a process that dies loses none.
    pub(super) fn begin_comparing(&self) -> Result<(), Error> {
        self.begin("NORMAL")?;
        self.run(&format!("PRAGMA wal_autocheckpoint = {LOG_PAGES};"))
    }

    /// Begins to send: readers see it meanwhile, and each commit is durable.
    pub(super) fn begin_sending(&self) -> Result<(), Error> {
        self.begin("FULL")?;
        self.index_states()
    }

    fn begin(&self, synchronous: &str) -> Result<(), Error> {
        fault::point();
        self.run(&format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};"))?;
        fault::point();
        Ok(())
    }

    /// Makes it one plain file again, unless somebody looks at it just now.
    pub(super) fn end_work(&self) -> Result<(), Error> {
        fault::point();
        self.run("PRAGMA wal_checkpoint(TRUNCATE);")?;
        fault::point();
        match self.connection.execute_batch("PRAGMA journal_mode = DELETE;") {
            Err(error) if !is_busy(&error) => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    /// Fails when the path no longer leads to the file that is open.
    pub(super) fn check_place(&self) -> Result<(), Error> {
        if file_id(&self.path) == self.file && Self::is_there(&self.path) {
            return Ok(());
        }
        Err(unusable(&self.path, "it was deleted or replaced while the job was running"))
    }

    fn run(&self, sql: &str) -> Result<(), Error> {
        self.connection.execute_batch(sql).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> Error {
        failure(&self.path, error)
    }

    /// All of the work or nothing of it.
    pub(super) fn transaction<T, E: From<Error>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.run("BEGIN IMMEDIATE")?;
        fault::point();
        let worked = work().and_then(|done| {
            fault::point();
            self.run("COMMIT")?;
            Ok(done)
        });
        fault::point();
        if worked.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK").ok();
        }
        worked
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, Error> {
        let done = self.connection.prepare_cached(sql).and_then(|mut s| s.execute(values));
        done.map_err(|error| self.failed(&error))
    }

    fn one<T: FromSql>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<T>, Error> {
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional());
        found.map_err(|error| self.failed(&error))
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        take: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(values, take)?.collect());
        found.map_err(|error| self.failed(&error))
    }

    // --- the job as a whole ---

    pub(super) fn get<T: FromSql>(&self, name: &str) -> Result<Option<T>, Error> {
        let value = self.one::<Option<T>>("SELECT value FROM job WHERE name = ?", [name])?;
        Ok(value.flatten())
    }

    pub(super) fn put(&self, name: &str, value: impl ToSql) -> Result<(), Error> {
        self.execute("INSERT OR REPLACE INTO job VALUES (?, ?)", params![name, value]).map(drop)
    }

    /// Adds to a number.
    pub(super) fn add(&self, name: &str, number: i64) -> Result<(), Error> {
        let sql =
            "INSERT INTO job VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2";
        self.execute(sql, params![name, number]).map(drop)
    }

    pub(super) fn get_json<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, Error> {
        let text = self.get::<String>(name)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    pub(super) fn put_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        self.put(name, json(value))
    }

    // --- the rows ---

    /// Adds a row.
    pub(super) fn add_row(&self, row: &Row) -> Result<(), Error> {
        let sql = "INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            row.number,
            row.key,
            row.id,
            row.state.as_str(),
            json(&row.fields),
            json(&row.fill),
            row.as_of,
            row.listable,
            row.read_at,
            row.sent_at,
            row.attempts,
            row.cause,
            row.message,
            not_taken(row),
            row.given,
        ];
        self.execute(sql, values).map(drop)
    }

    /// Writes what may change in a row.
    pub(super) fn put_row(&self, row: &Row) -> Result<(), Error> {
        let sql = "UPDATE row SET state = ?, fields = ?, fill = ?, listable = ?, read_at = ?, \
                   sent_at = ?, attempts = ?, cause = ?, message = ?, not_taken = ? WHERE number = ?";
        let values = params![
            row.state.as_str(),
            json(&row.fields),
            json(&row.fill),
            row.listable,
            row.read_at,
            row.sent_at,
            row.attempts,
            row.cause,
            row.message,
            not_taken(row),
            row.number,
        ];
        self.execute(sql, values).map(drop)
    }

    /// Writes what changes in a row when it is sent.
    pub(super) fn put_sent(&self, row: &Row) -> Result<(), Error> {
        let sql = "UPDATE row SET state = ?, sent_at = ?, attempts = ?, cause = ?, message = ?, \
                   not_taken = ? WHERE number = ?";
        let state = row.state.as_str();
        let not_taken = not_taken(row);
        let Row { number, sent_at, attempts, cause, message, .. } = row;
        let values = params![state, sent_at, attempts, cause, message, not_taken, number];
        self.execute(sql, values).map(drop)
    }

    /// Makes what finds rows by their ids, once all are there: sorted at once, that takes less time than
    /// row by row.
    pub(super) fn index_ids(&self) -> Result<(), Error> {
        self.run("CREATE INDEX row_id ON row (id)")
    }

    /// Makes what finds rows by their states, once most have the one that they keep.
    pub(super) fn index_states(&self) -> Result<(), Error> {
        self.run("CREATE INDEX IF NOT EXISTS row_state ON row (state, number)")
    }

    /// Writes a row down as it was given.
    pub(super) fn insert_source(&self, number: i64, cells: &[Json]) -> Result<(), Error> {
        let sql = "INSERT INTO source VALUES (?, ?)";
        self.execute(sql, params![number, json(&cells)]).map(drop)
    }

    /// A row as it was given.
    #[cfg(any(feature = "csv", feature = "xlsx"))]
    pub(super) fn source(&self, number: i64) -> Result<Vec<Json>, Error> {
        let cells = self.one::<String>("SELECT cells FROM source WHERE number = ?", [number])?;
        Ok(cells.and_then(|cells| serde_json::from_str(&cells).ok()).unwrap_or_default())
    }

    /// Rows in this state (or in any) after a number, at most so many.
    pub(super) fn rows(
        &self,
        state: Option<RowState>,
        after: i64,
        most: usize,
    ) -> Result<Vec<Row>, Error> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let sql = |wanted| {
            format!("SELECT {COLUMNS} FROM row WHERE {wanted} number > ? ORDER BY number LIMIT ?")
        };
        if let Some(state) = state {
            self.all(&sql("state = ? AND"), params![state.as_str(), after, most], row)
        } else {
            self.all(&sql(""), params![after, most], row)
        }
    }

    /// The rows in this state of these opportunities, by their ids.
    pub(super) fn rows_of(&self, ids: &[i64], state: RowState) -> Result<HashMap<i64, Row>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM row WHERE id IN (SELECT value FROM json_each(?)) AND +state = ?"
        );
        let rows = self.all(&sql, params![json(&ids), state.as_str()], row)?;
        Ok(rows.into_iter().filter_map(|row| Some((row.id?, row))).collect())
    }

    pub(super) fn row(&self, number: i64) -> Result<Option<Row>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM row WHERE number = ?");
        Ok(self.all(&sql, [number], row)?.pop())
    }

    /// How many rows are in each state.
    pub(super) fn counts(&self) -> Result<Vec<(RowState, i64)>, Error> {
        let sql = "SELECT state, count(*) FROM row GROUP BY state";
        let found = self.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        let known =
            found.into_iter().map(|(word, count)| Some((RowState::from_word(&word)?, count)));
        known
            .collect::<Option<_>>()
            .ok_or_else(|| unusable(&self.path, "a row has an unknown state"))
    }

    /// How many rows are not sent unless the caller accepts that: invalid ones, and duplicate ones of
    /// which none is sent.
    pub(super) fn rejected(&self) -> Result<(i64, i64), Error> {
        let counts = self.counts()?;
        let of = |state| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, n)| *n);
        let keeps_last = self.get::<bool>("keeps_last")? == Some(true);
        let duplicate = if keeps_last { 0 } else { of(RowState::Duplicate) };
        Ok((of(RowState::Invalid), duplicate))
    }

    /// How many rows of a state a list's row is enough for (or not).
    pub(super) fn count(
        &self,
        state: RowState,
        listable: bool,
        read_before: i64,
    ) -> Result<i64, Error> {
        let sql = "SELECT count(*) FROM row WHERE state = ? AND listable = ? AND read_at < ?";
        let count = self.one(sql, params![state.as_str(), listable, read_before])?;
        Ok(count.unwrap_or_default())
    }

    /// Brings all rows of a state into another one, to be read before they are sent.
    pub(super) fn take_up(&self, from: RowState) -> Result<usize, Error> {
        let sql = "UPDATE row SET state = 'planned', read_at = 0, cause = NULL, message = NULL \
                   WHERE state = ?";
        self.execute(sql, [from.as_str()])
    }

    /// Lets all rows of a state be read again before they are sent.
    pub(super) fn forget_readings(&self, state: RowState) -> Result<usize, Error> {
        self.execute("UPDATE row SET read_at = 0 WHERE state = ?", [state.as_str()])
    }

    /// Lets the rows of a state that were read before a time be read one by one: no list has them.
    pub(super) fn read_singly(&self, state: RowState, read_before: i64) -> Result<usize, Error> {
        let sql = "UPDATE row SET listable = 0 WHERE state = ? AND read_at < ?";
        self.execute(sql, params![state.as_str(), read_before])
    }

    /// Marks the rows that share their id with others, before any is compared: all, or all but the
    /// last.
    pub(super) fn mark_duplicates(&self, keep_last: bool) -> Result<usize, Error> {
        let any = "SELECT 1 FROM row WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1 LIMIT 1";
        if self.one::<bool>(any, [])?.is_none() {
            return Ok(0);
        }
        let sql = "UPDATE row SET state = 'duplicate', cause = 'duplicate', message = \
                   'the id ' || id || ' is in the rows ' || (SELECT group_concat(number, ', ') FROM \
                   (SELECT number FROM row AS other WHERE other.id = row.id AND other.state IN \
                   ('pending', 'planned', 'duplicate') ORDER BY number LIMIT 10)) || ?1 \
                   WHERE state IN ('pending', 'planned') AND id IN (SELECT id FROM row WHERE state \
                   IN ('pending', 'planned') GROUP BY id HAVING count(*) > 1) AND (NOT ?2 OR number < \
                   (SELECT max(number) FROM row AS last WHERE last.id = row.id AND last.state IN \
                   ('pending', 'planned')))";
        let end = if keep_last { "; only the last is sent" } else { "; none of them is sent" };
        self.execute(sql, params![end, keep_last])
    }

    /// The kinds of problems with how often each is, and the numbers of the first three rows.
    pub(super) fn problems(&self) -> Result<Vec<(String, String, i64)>, Error> {
        let sql = "SELECT state, cause, count(*) FROM row WHERE cause IS NOT NULL \
                   GROUP BY state, cause ORDER BY 3 DESC, 2";
        self.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    }

    pub(super) fn examples(&self, state: &str, cause: &str) -> Result<Vec<Row>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM row WHERE state = ? AND cause = ? ORDER BY number LIMIT 3"
        );
        self.all(&sql, [state, cause], row)
    }

    /// Takes rows out that are not yet sent; tells how many.
    pub(super) fn skip(&self, column: &str, value: &dyn ToSql) -> Result<usize, Error> {
        let column = if column == "key" { "key" } else { "id" };
        let sql = format!(
            "UPDATE row SET state = 'skipped', cause = NULL, message = NULL WHERE {column} = ? AND \
             state NOT IN ('updated', 'unchanged', 'sending', 'unknown')"
        );
        self.execute(&sql, [value])
    }

    // --- the options that rows use ---

    pub(super) fn add_choice(&self, field: &str, value: &str, label: &str) -> Result<(), Error> {
        let sql = "INSERT OR IGNORE INTO choice VALUES (?, ?, ?)";
        self.execute(sql, [field, value, label]).map(drop)
    }

    /// Field, id and label; the label is blank when the id was given.
    pub(super) fn choices(&self) -> Result<Vec<(String, String, String)>, Error> {
        let sql = "SELECT field, value, label FROM choice";
        self.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    }
}

/// Gives a job that was loaded beside its place its name, unless there is a file meanwhile.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), Error> {
    if Store::is_there(to) {
        return Err(unusable(to, "a file of this name was made meanwhile; it was left as it is"));
    }
    let durable = OpenOptions::new().write(true).open(from).and_then(|file| file.sync_all());
    fault::point();
    durable.and_then(|()| fs::rename(from, to)).map_err(|error| unusable(to, error))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    // The name itself must survive a power cut; where folders cannot be synced, that is all we can do.
    fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).ok();
    Ok(())
}

/// An error about the job's file.
pub(super) fn unusable(path: &Path, what: impl fmt::Display) -> Error {
    let message = format!("the job's file {}: {what}", path.display());
    Error::JobFile { message, path: path.to_owned() }
}

fn failure(path: &Path, error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    let what = match code {
        Some(ErrorCode::NotADatabase) => "it is not a job; nothing in it was changed".to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => format!("it is damaged ({error})"),
        Some(ErrorCode::DiskFull) => format!("the disk is full ({error})"),
        _ => error.to_string(),
    };
    unusable(path, &what)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| FileId(file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn not_taken(row: &Row) -> Option<String> {
    (!row.not_taken.is_empty()).then(|| json(&row.not_taken))
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let bad = |column: usize, error: serde_json::Error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    };
    let state: String = row.get(3)?;
    let fields: String = row.get(4)?;
    let fill: String = row.get(5)?;
    let not_taken: Option<String> = row.get(13)?;
    Ok(Row {
        number: row.get(0)?,
        key: row.get(1)?,
        id: row.get(2)?,
        state: RowState::from_word(&state)
            .ok_or_else(|| rusqlite::Error::InvalidColumnName(state.clone()))?,
        fields: serde_json::from_str(&fields).map_err(|error| bad(4, error))?,
        fill: serde_json::from_str::<Fill>(&fill).map_err(|error| bad(5, error))?,
        as_of: row.get(6)?,
        listable: row.get(7)?,
        read_at: row.get(8)?,
        sent_at: row.get(9)?,
        attempts: row.get(10)?,
        cause: row.get(11)?,
        message: row.get(12)?,
        not_taken: not_taken.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        given: row.get(14)?,
    })
}
