//! The sandbox behind its wire as a program, for runners of `tests/jobs` in other languages.
//!
//! One JSON text a line. `{"start": CASE}` answers where to call, `{"change": …}` changes opportunities
//! as somebody else would, `"calls"` answers the calls since it was asked last, and
//! `"finish"` what the CRM does not have as the case says. It ends when its input does.

use std::error::Error;
use std::io::{self, BufRead, Write};

use ikcrm_conformance::{Change, JobCase, JobServer};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Start(Box<JobCase>),
    Change(Change),
    Calls,
    Finish,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut playing: Option<(JobServer, Box<JobCase>)> = None;
    for line in io::stdin().lock().lines() {
        let answer = answer(serde_json::from_str(&line?)?, &mut playing)?;
        let mut out = io::stdout();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(
    request: Request,
    playing: &mut Option<(JobServer, Box<JobCase>)>,
) -> Result<Value, Box<dyn Error>> {
    if let Request::Start(case) = request {
        let server = JobServer::start(&case)?;
        let address = json!({"base_url": server.url(), "token": server.token()});
        *playing = Some((server, case));
        return Ok(address);
    }
    let Some((server, case)) = playing else { return Err("nothing was started".into()) };
    Ok(match request {
        Request::Change(change) => {
            server.change(&change)?;
            json!({})
        }
        Request::Calls => json!(server.calls()),
        Request::Start(_) | Request::Finish => json!({"problems": server.missing(&case.end)}),
    })
}
