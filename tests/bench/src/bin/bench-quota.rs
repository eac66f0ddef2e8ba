//! The quota in Rust: what a slot costs, and `governor` as a peer.
//!
//! `bench-quota slot NAME COUNT [STORE]` takes and settles so many slots one after another, without
//! calls, and prints a line of JSON. `bench-quota governor SIDE_BY_SIDE CALLS` makes calls with the
//! environment's settings, whose pace `governor` sets.

use std::error::Error;
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{Quota as Pace, RateLimiter};
use ikcrm::fuzz::Slots;
use ikcrm::{Client, OpportunityUpdate, Quota};
use rustix::time::{ClockId, clock_gettime};

/// Which part of the slots warm up.
const WARM_UP: u32 = 10;

type Done<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Done {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["slot", name, count, store @ ..] => slot(name, count.parse()?, store.first().copied()),
        ["governor", side_by_side, calls] => {
            paced_by_governor(side_by_side.parse()?, calls.parse()?)
        }
        _ => Err("usage: bench-quota slot NAME COUNT [STORE] | governor SIDES CALLS".into()),
    }
}

fn slot(name: &str, count: u32, store: Option<&str>) -> Done {
    // A window so short that there is always a slot.
    let quota = Quota::new(1000, Duration::from_micros(1)).key("bench");
    let quota = store.into_iter().fold(quota, Quota::store);
    let slots = Slots::of(Client::builder().token("t").quota(quota))?.ok_or("no quota")?;
    // The first warm up; a Redis server that was just started lets nobody pass for a while.
    for _ in 0..count / WARM_UP {
        slots.take_and_settle()?;
    }
    let (begun, cpu) = (Instant::now(), cpu());
    for _ in 0..count {
        slots.take_and_settle()?;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    let (time, cpu) = (each(begun.elapsed()), each(self::cpu().saturating_sub(cpu)));
    println!(r#"{{"name":"{name}","slot_us":{time:.3},"cpu_us":{cpu:.3}}}"#);
    Ok(())
}

/// The processor's time of this process.
fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let whole = Duration::from_secs(spent.tv_sec.unsigned_abs());
    whole + Duration::from_nanos(spent.tv_nsec.unsigned_abs())
}

fn call(client: &Client) -> Result<(), ikcrm::Error> {
    let update = OpportunityUpdate::new().title("ccc").customer_id(1);
    client.update_opportunity(568_587, &update).map(drop)
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
