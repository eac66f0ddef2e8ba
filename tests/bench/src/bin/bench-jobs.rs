//! Jobs of many rows, a measurement a process: `bench-jobs URL WHAT ROWS` prints a line of JSON.
//!
//! WHAT is `plan auto` or `plan none` (rows a second, and how the process grew), `apply`, or `calls`, which
//! is what `apply` does without a job.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ikcrm::{ApplyOptions, Client, Compare, OpportunityUpdate, PlanOptions, UpdateJob};

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
    let (begun, before) = (Instant::now(), peak_mib()?);
    let begun = match what.as_str() {
        "plan auto" => plan(&client, rows, Compare::Auto).map(|_| begun)?,
        "plan none" => plan(&client, rows, Compare::None).map(|_| begun)?,
        "apply" => apply(&client, rows)?,
        _ => calls(&client, rows)?,
    };
    #[expect(clippy::cast_precision_loss, reason = "a number of rows is far below 2^52")]
    let rows_per_s = rows as f64 / begun.elapsed().as_secs_f64();
    let grown_mib = peak_mib()? - before;
    println!("{{\"rows_per_s\": {rows_per_s:.0}, \"grown_mib\": {grown_mib:.1}}}");
    Ok(())
}

fn update(id: u64) -> OpportunityUpdate {
    let amount = if id.is_multiple_of(20) { "20001" } else { "20000" };
    OpportunityUpdate::new().stage("3511").expect_amount(amount).get_time("2019-02-14")
}

fn plan(client: &Client, rows: u64, compare: Compare) -> Done<UpdateJob> {
    let rows = (1..=rows).map(|id| (id, update(id)));
    Ok(client.plan_updates(rows, PlanOptions::new().compare(compare).partial(true))?)
}

fn apply(client: &Client, rows: u64) -> Done<Instant> {
    let mut job = plan(client, rows, Compare::None)?;
    let begun = Instant::now();
    client.apply_updates(&mut job, ApplyOptions::new())?;
    Ok(begun)
}

fn calls(client: &Client, rows: u64) -> Done<Instant> {
    let (begun, next) = (Instant::now(), AtomicU64::new(0));
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
    })?;
    Ok(begun)
}

/// The most memory that this process held so far. Not `ru_maxrss`, which a process inherits.
fn peak_mib() -> Done<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
