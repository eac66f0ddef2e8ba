//! The quota in Rust: what a slot costs, and `governor` as a peer.
//!
//! `bench-quota slots URL CALLS NAME=STORE…` prints a line of JSON for each store: the time that a
//! call takes longer than one without a quota. `bench-quota governor SIDE_BY_SIDE CALLS` makes
//! calls with the environment's settings, whose pace `governor` sets.

use std::error::Error;
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{Quota as Pace, RateLimiter};
use ikcrm::{Client, OpportunityUpdate, Quota};

const ROUNDS: u32 = 10;

type Done<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Done {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["slots", url, calls, stores @ ..] => slots(url, calls.parse()?, stores),
        ["governor", side_by_side, calls] => {
            paced_by_governor(side_by_side.parse()?, calls.parse()?)
        }
        _ => Err("usage: bench-quota slots URL CALLS NAME=STORE… | governor SIDES CALLS".into()),
    }
}

fn client(url: &str, quota: Option<Quota>) -> Done<Client> {
    Ok(Client::builder().token("sandbox-token").base_url(url).quota(quota).build()?)
}

fn call(client: &Client) -> Result<(), ikcrm::Error> {
    let update = OpportunityUpdate::new().title("ccc").customer_id(1);
    client.update_opportunity(568_587, &update).map(drop)
}

/// Rounds of each in turn, so that a slow moment of the machine hits all alike.
fn slots(url: &str, calls: u32, stores: &[&str]) -> Done {
    // A window so short that there is always a slot.
    let quota = || Quota::new(1000, Duration::from_micros(1));
    let mut rows =
        vec![("none", client(url, None)?), ("this process", client(url, Some(quota()))?)];
    for store in stores {
        let (name, place) = store.split_once('=').ok_or("a store is NAME=URL")?;
        rows.push((name, client(url, Some(quota().store(place)))?));
    }
    let mut spent = vec![Duration::ZERO; rows.len()];
    for round in 0..=ROUNDS {
        for ((_, client), spent) in rows.iter().zip(&mut spent) {
            let begun = Instant::now();
            for _ in 0..calls / ROUNDS {
                call(client)?;
            }
            if round > 0 {
                // The first warms up.
                *spent += begun.elapsed();
            }
        }
    }
    let each: Vec<_> =
        spent.iter().map(|spent| spent.as_secs_f64() * 1e6 / f64::from(calls)).collect();
    let without = each.first().copied().unwrap_or_default();
    for ((name, _), each) in rows.iter().zip(each).skip(1) {
        println!(r#"{{"name":"{name}","slot_us":{:.3}}}"#, each - without);
    }
    Ok(())
}

/// 10 calls a second with bursts of 10, as the CRM's quota reads; refusals are left as they are.
fn paced_by_governor(side_by_side: usize, calls: usize) -> Done {
    let ten = NonZeroU32::new(10).ok_or("ten")?;
    let pace = RateLimiter::direct(Pace::per_second(ten).allow_burst(ten));
    let client = Client::from_env()?;
    thread::scope(|scope| {
        for _ in 0..side_by_side {
            scope.spawn(|| {
                for _ in 0..calls {
                    while let Err(refused) = pace.check() {
                        thread::sleep(refused.wait_time_from(DefaultClock::default().now()));
                    }
                    // The sandbox counts what it refused.
                    drop(call(&client));
                }
            });
        }
    });
    Ok(())
}
