//! Works on a job in a process of its own, for tests that kill it: `job-worker URL TOKEN
//! PATH ROWS`.
//!
//! It plans the rows, a JSON list of objects, and applies the job until nothing is left: several rows at
//! once, or paced by a quota if `IKCRM_PACED` is set.

use std::error::Error;
use std::time::Duration;

use ikcrm::{ApplyOptions, Client, PlanOptions, Quota, RowInput, Value};
use serde_json::Map;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token, path, rows] = arguments.as_slice() else {
        return Err("four arguments".into());
    };
    let rows: Vec<Map<String, serde_json::Value>> = serde_json::from_str(rows)?;
    let rows = rows.into_iter().map(|row| {
        row.into_iter().map(|(name, value)| (name, Value::from(value))).collect::<RowInput>()
    });
    let client = Client::builder().base_url(url).token(token).max_retries(0);
    let paced = std::env::var_os("IKCRM_PACED").map(|_| Quota::new(1000, Duration::from_secs(5)));
    let client = client.quota(paced).timeout(Duration::from_millis(200)).build()?;
    let mut job = client.plan_updates(rows, PlanOptions::new().job(path))?;
    client.apply_updates(&mut job, ApplyOptions::new().max_errors(1000))?;
    Ok(())
}
