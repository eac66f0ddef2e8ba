//! Makes calls from many threads with the environment's settings: `quota-worker THREADS CALLS`.
//!
//! A call that failed because the quota's store was away is made again; any other error ends it.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use ikcrm::{Client, Error, OpportunityUpdate};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (Some(threads), Some(calls)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: quota-worker THREADS CALLS");
        return ExitCode::FAILURE;
    };
    match work(threads, calls) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("[{}] {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

fn work(threads: usize, calls: usize) -> Result<(), Error> {
    let client = Client::from_env()?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| (0..calls).try_for_each(|_| call(&client))))
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })
}

fn call(client: &Client) -> Result<(), Error> {
    let update = OpportunityUpdate::new().title("ccc").customer_id(1);
    loop {
        match client.update_opportunity(568_587, &update) {
            Err(error) if error.code() == "quota_store" && error.retryable() => {
                thread::sleep(Duration::from_millis(100));
            }
            result => return result.map(drop),
        }
    }
}
