//! Jobs of many rows, a measurement a process: `bench-jobs URL WHAT ROWS` prints a line of JSON.
//!
//! WHAT is `plan auto` or `plan none` (rows a second, and how the process grew); `sqlite auto` or `sqlite none`,
//! which is what `SQLite` takes to write the same rows by itself; `apply`; or `calls`, which is what `apply` does
//! without a job.

use std::error::Error;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ikcrm::{ApplyOptions, Client, Compare, OpportunityUpdate, PlanOptions, UpdateJob};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use rustix::time::{ClockId, clock_gettime};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// As many as a job has under way.
const AT_ONCE: u64 = 32;

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, what, rows] = arguments.as_slice() else {
        return Err("usage: bench-jobs URL WHAT ROWS".into());
    };
    let rows = rows.parse()?;
    let client = Client::builder().token("bench-token").base_url(url).quota(None).build()?;
    client.field_map("opportunity")?;
    let before = peak_mib()?;
    let took = match what.as_str() {
        "plan auto" => timed(|| plan(&client, rows, Compare::Auto))?.0,
        "plan none" => timed(|| plan(&client, rows, Compare::None))?.0,
        "sqlite auto" => insert(&client, rows)? + compare(&client, rows)?,
        "sqlite none" => insert(&client, rows)?,
        "apply" => {
            let mut job = plan(&client, rows, Compare::None)?;
            timed(|| Ok(client.apply_updates(&mut job, ApplyOptions::new())?))?.0
        }
        _ => timed(|| calls(&client, rows))?.0,
    };
    #[expect(clippy::cast_precision_loss, reason = "a number of rows is far below 2^52")]
    let [rows_per_s, cpu_us] =
        [rows as f64 / took.wall.as_secs_f64(), took.cpu.as_secs_f64() * 1e6 / rows as f64];
    let grown_mib = peak_mib()? - before;
    println!(
        "{{\"rows_per_s\": {rows_per_s:.0}, \"cpu_us\": {cpu_us:.2}, \"grown_mib\": {grown_mib:.1}}}"
    );
    Ok(())
}

/// How long something took, and how much of the processors' time in all threads.
#[derive(Clone, Copy, Default)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

impl Add for Took {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { wall: self.wall + other.wall, cpu: self.cpu + other.cpu }
    }
}

fn timed<T>(work: impl FnOnce() -> Done<T>) -> Done<(Took, T)> {
    let now = || {
        [ClockId::Monotonic, ClockId::ProcessCPUTime]
            .map(|clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default())
    };
    let [wall, cpu] = now();
    let done = work()?;
    let [then, spent] = now();
    Ok((Took { wall: then.saturating_sub(wall), cpu: spent.saturating_sub(cpu) }, done))
}

fn update(id: u64) -> OpportunityUpdate {
    let amount = if id.is_multiple_of(20) { "20001" } else { "20000" };
    OpportunityUpdate::new().stage("3514").expect_amount(amount).get_time("2019-02-14")
}

fn plan(client: &Client, rows: u64, compare: Compare) -> Done<UpdateJob> {
    let rows = (1..=rows).map(|id| (id, update(id)));
    Ok(client.plan_updates(rows, PlanOptions::new().compare(compare).partial(true))?)
}

/// The rows of a job are read from its file by this many, which is not measured.
const CHUNK: i64 = 10_000;
const INSERTS: [(&str, &str); 2] = [
    ("* FROM row", "INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
    ("* FROM source", "INSERT INTO source VALUES (?, ?)"),
];

const CHANGED: &str = "id, state, fields, fill, listable, read_at, sent_at, attempts, cause, message, \
                       not_taken, number FROM row";

/// How long `SQLite` takes to insert the rows of a job that was not compared, and to index them.
fn insert(client: &Client, rows: u64) -> Done<Took> {
    let job = plan(client, rows, Compare::None)?;
    let (there, copy) = (Connection::open(job.path())?, Copy::of(&job)?);
    let sql = copy.connection();
    sql.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
    let schema = "SELECT sql FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL";
    let made = |kind| {
        let mut schema = there.prepare(schema)?;
        let made = schema.query_map([kind], |row| row.get::<_, String>(0))?;
        made.collect::<Result<Vec<_>, _>>()
    };
    sql.execute_batch(&made("table")?.join(";"))?;
    let mut took = Took::default();
    sql.execute_batch("BEGIN")?;
    for (columns, insert) in INSERTS {
        for first in (1..=i64::try_from(rows)?).step_by(usize::try_from(CHUNK)?) {
            let read = rows_of(&there, columns, first)?;
            let mut insert = sql.prepare_cached(insert)?;
            let mut work =
                || read.iter().try_for_each(|row| insert.execute(params_from_iter(row)).map(drop));
            took = took + timed(|| Ok(work()?))?.0;
        }
    }
    let ends = || {
        sql.execute_batch(&format!("{}; COMMIT", made("index")?.join(";")))?;
        Ok(std::fs::File::open(&copy.0)?.sync_all()?)
    };
    Ok(took + timed(ends)?.0)
}

/// How long `SQLite` takes to find the rows of a job and to write what became of them, page by page.
fn compare(client: &Client, rows: u64) -> Done<Took> {
    let (before, after) = (plan(client, rows, Compare::None)?, plan(client, rows, Compare::Auto)?);
    let (there, copy) = (Connection::open(after.path())?, Copy::of(&before)?);
    std::fs::copy(before.path(), &copy.0)?;
    let sql = copy.connection();
    sql.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
    let mut took = Took::default();
    for first in (1..=i64::try_from(rows)?).step_by(usize::try_from(CHUNK)?) {
        let read = rows_of(&there, CHANGED, first)?;
        took = took + timed(|| read.chunks(100).try_for_each(|page| write(sql, page)))?.0;
    }
    Ok(took + timed(|| Ok(sql.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?))?.0)
}

fn write(sql: &Connection, page: &[Vec<Value>]) -> Done {
    sql.execute_batch("BEGIN IMMEDIATE")?;
    let mut find = sql.prepare_cached("SELECT * FROM row WHERE id = ?")?;
    let mut update = sql.prepare_cached(
        "UPDATE row SET state = ?, fields = ?, fill = ?, listable = ?, read_at = ?, sent_at = ?, \
         attempts = ?, cause = ?, message = ?, not_taken = ? WHERE number = ?",
    )?;
    for row in page {
        let (id, changed) = row.split_first().ok_or("no column")?;
        find.query_row([id], |row| row.get::<_, String>(4))?;
        update.execute(params_from_iter(changed))?;
    }
    Ok(sql.execute_batch("COMMIT")?)
}

fn rows_of(there: &Connection, columns: &str, first: i64) -> Done<Vec<Vec<Value>>> {
    let sql = format!("SELECT {columns} WHERE number BETWEEN ? AND ?");
    let mut select = there.prepare_cached(&sql)?;
    let columns = select.column_count();
    let read = select.query_map([first, first + CHUNK - 1], |row| {
        (0..columns).map(|column| row.get(column)).collect()
    })?;
    Ok(read.collect::<Result<_, _>>()?)
}

/// A file beside a job's, which goes with this.
struct Copy(std::path::PathBuf, Connection);

impl Copy {
    fn of(job: &UpdateJob) -> Done<Self> {
        let path = job.path().with_extension("copy");
        Ok(Self(path.clone(), Connection::open(path)?))
    }

    fn connection(&self) -> &Connection {
        &self.1
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for end in ["copy", "copy-wal", "copy-shm"] {
            std::fs::remove_file(self.0.with_extension(end)).ok();
        }
    }
}

fn calls(client: &Client, rows: u64) -> Done {
    let next = AtomicU64::new(0);
    let work = || -> Result<(), ikcrm::Error> {
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed) + 1;
            if id > rows {
                return Ok(());
            }
            client.update_opportunity(id, &update(id).partial(true))?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().map_err(|_| "a thread failed")?.map_err(Box::<dyn Error>::from)
        })
    })
}

/// The most memory that this process held so far. Not `ru_maxrss`, which a process inherits.
fn peak_mib() -> Done<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
