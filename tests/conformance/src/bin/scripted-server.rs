//! The scripted server as a program, for runners in other languages.
//!
//! One JSON text a line. `{"start": CASE}` answers where to call; `{"finish": true}` answers how it
//! went. It ends when its input does.

use std::error::Error;
use std::io::{self, BufRead, Write};

use ikcrm_conformance::{Case, Server};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
struct Request {
    start: Option<Box<Case>>,
    #[serde(default)]
    finish: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut playing: Option<Server> = None;
    for line in io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let answer = match (request.start, playing.take()) {
            (Some(case), _) => {
                let server = Server::start(&case)?;
                serde_json::to_string(playing.insert(server).address())?
            }
            (None, Some(server)) if request.finish => serde_json::to_string(&server.finish()?)?,
            _ => return Err("nothing to finish".into()),
        };
        let mut out = io::stdout();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
