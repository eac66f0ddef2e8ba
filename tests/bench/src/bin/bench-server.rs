//! Answers requests on a kept-alive connection, after a latency if asked: with pages of a list of a
//! million, with the field map, else with the sample.
//!
//! `bench-server [LATENCY_MS]` prints its address and serves until its input closes.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ikcrm_bench::read_message;

const SAMPLE: &str = include_str!("../../../contract/sample_answer.json");
const FIELD_MAP: &str = include_str!("../../../contract/sample_field_map.json");
const PER_PAGE: usize = 100;

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
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = read_message(&mut stream, &mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let answer = answer(buffer.get(..length).unwrap_or_default());
        if !latency.is_zero() {
            std::thread::sleep(latency);
        }
        stream.write_all(answer.as_bytes())?;
    }
}

fn answer(request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let page = line.split_once("page=").map(|(_, rest)| rest);
    let body = match page {
        Some(page) => {
            let digits: String = page.chars().take_while(char::is_ascii_digit).collect();
            Cow::from(list(digits.parse().unwrap_or(1)))
        }
        None if line.contains("/field_maps/") => FIELD_MAP.into(),
        None => about(&line).into(),
    };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The sample, about the opportunity that was asked for.
fn about(line: &str) -> String {
    let path = line.split(' ').nth(1).unwrap_or_default();
    let id = path.rsplit('/').next().unwrap_or_default();
    SAMPLE.replacen("\"id\": 568587", &format!("\"id\": {id}"), 1)
}

/// A page of a list of a million opportunities, whose ids are their places in it. They have the values of
/// the sample, so that an opportunity that is read by itself is as the list shows it.
fn list(page: usize) -> String {
    let last = page * PER_PAGE;
    let row = |id: usize| {
        format!(
            r#"{{"id":{id},"title":"opportunity {id}","customer_id":1,"customer":{{"id":1,"name":"c"}},"user_id":5,"expect_amount":"20000.0","stage":"3514","get_time":"2019-02-14","created_at":"2019-01-01 10:00","updated_at":"2019-01-01 10:00"}}"#
        )
    };
    let rows: Vec<_> = (last - PER_PAGE + 1..=last).map(row).collect();
    format!(
        r#"{{"code":0,"data":{{"opportunities":[{}],"total_count":1000000,"per_page":100,"page":{page}}}}}"#,
        rows.join(",")
    )
}
