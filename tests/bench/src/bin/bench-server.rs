//! Answers every request on a kept-alive connection with the sample, after a latency if asked.
//!
//! `bench-server [LATENCY_MS]` prints its address and serves until its input closes.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ikcrm_bench::read_message;

const SAMPLE: &str = include_str!("../../../contract/sample_answer.json");

fn main() -> io::Result<()> {
    let latency = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let latency = Duration::from_millis(latency);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, latency));
        }
    });
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn serve(mut stream: TcpStream, latency: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{SAMPLE}",
        SAMPLE.len()
    );
    let mut buffer = vec![0; 64 * 1024];
    while read_message(&mut stream, &mut buffer)? > 0 {
        if !latency.is_zero() {
            std::thread::sleep(latency);
        }
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}
