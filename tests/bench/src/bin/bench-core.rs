//! CPU per call of the core and of a hand-written loop on a raw socket, in one run.
//!
//! `bench-core URL CALLS` prints a line of JSON for each: name, µs of CPU and of time per call.

use std::error::Error;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ikcrm::{Client, Decimal, OpportunityUpdate, date};
use ikcrm_bench::read_message;
use rustix::time::{ClockId, clock_gettime};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// The shares of a run, so that a slow moment of the machine hits both sides alike.
const ROUNDS: u32 = 10;

fn main() -> Done {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("usage: bench-core URL CALLS")?;
    let calls: u32 = args.next().ok_or("usage: bench-core URL CALLS")?.parse()?;
    let (mut raw, mut core) = (raw_socket(&url)?, core(&url)?);
    let (mut raw_cost, mut core_cost) = (Cost::default(), Cost::default());
    raw_cost.of(100, &mut raw)?;
    core_cost.of(100, &mut core)?;
    (raw_cost, core_cost) = (Cost::default(), Cost::default());
    for _ in 0..ROUNDS {
        raw_cost.of(calls / ROUNDS, &mut raw)?;
        core_cost.of(calls / ROUNDS, &mut core)?;
    }
    raw_cost.print("raw socket, Rust");
    core_cost.print("ikcrm core, Rust");
    Ok(())
}

/// What calls cost so far.
#[derive(Default)]
struct Cost {
    calls: u32,
    cpu: Duration,
    time: Duration,
}

impl Cost {
    fn of(&mut self, calls: u32, call: &mut impl FnMut() -> Done) -> Done {
        let (cpu, time) = (cpu_time()?, Instant::now());
        for _ in 0..calls {
            call()?;
        }
        self.cpu += cpu_time()?.saturating_sub(cpu);
        self.time += time.elapsed();
        self.calls += calls;
        Ok(())
    }

    fn print(&self, name: &str) {
        let micros = |total: Duration| total.as_secs_f64() * 1e6 / f64::from(self.calls);
        println!(
            "{{\"name\": {name:?}, \"cpu_us\": {:.2}, \"time_us\": {:.2}}}",
            micros(self.cpu),
            micros(self.time)
        );
    }
}

fn cpu_time() -> Done<Duration> {
    Ok(clock_gettime(ClockId::ProcessCPUTime).try_into()?)
}

/// Writes the request and reads the answer to its length: the least that any client must do.
fn raw_socket(url: &str) -> Done<impl FnMut() -> Done + use<>> {
    let address = url.strip_prefix("http://").ok_or("the URL must begin with http://")?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let body = r#"{"opportunity":{"title":"ccc","customer_id":1,"expect_amount":"20000","get_time":"2019-02-14"}}"#;
    let request = format!(
        "PUT /api/v2/opportunities/568587 HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Token token=bench-token, device=open_api, version_code=9.9.9\r\n\
         Content-Type: application/json\r\nAccept: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut buffer = vec![0; 64 * 1024];
    Ok(move || {
        stream.write_all(request.as_bytes())?;
        match read_message(&mut stream, &mut buffer)? {
            0 => Err("the server hung up".into()),
            _ => Ok(()),
        }
    })
}

/// The whole call: checked, encoded, sent, decoded.
fn core(url: &str) -> Done<impl FnMut() -> Done + use<>> {
    let client = Client::builder().token("bench-token").base_url(url).quota(None).build()?;
    Ok(move || {
        let update = OpportunityUpdate::new()
            .title("ccc")
            .customer_id(1)
            .expect_amount(Decimal::from(20_000))
            .get_time(date(2019, 2, 14));
        client.update_opportunity(568_587, &update)?;
        Ok(())
    })
}
