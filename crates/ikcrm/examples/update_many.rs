//! Updates many opportunities by a job, which goes on where it was left:
//! `cargo run --features jobs --example update_many -- q3.job 600001=赢单 600002=输单`
//!
//! The client's settings come from the environment, such as `IKCRM_TOKEN`.

use ikcrm::{ApplyOptions, Client, OpportunityUpdate, PlanOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the job's file")?;
    let rows = arguments.map(|row| {
        let (id, stage) = row.split_once('=').unwrap_or((&row, ""));
        (id.to_owned(), OpportunityUpdate::new().stage(stage))
    });
    let client = Client::from_env()?;
    let mut job = client.plan_updates(rows, PlanOptions::new().job(path))?;
    println!("{job}");
    let options = ApplyOptions::new().skip_invalid(true).on_progress(|progress| {
        eprintln!("{}", progress.line());
        Ok(())
    });
    client.apply_updates(&mut job, options)?;
    println!("{job}");
    job.raise_for_failures()?;
    Ok(())
}
