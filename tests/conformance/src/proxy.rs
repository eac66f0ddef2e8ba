//! A sandbox behind a wire on which things go wrong, for the cases of `tests/jobs`.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ikcrm_sandbox::{DEFAULT_TOKEN, Sandbox, Seed};
use serde_json::{Map, Value, json};

use crate::http::{Request, read_request};
use crate::job::{Change, JobCase, JobFault, WireKind};

/// What goes wrong on the wire.
pub type WireFault = JobFault;

/// A sandbox, and the wire to it.
#[derive(Debug)]
pub struct JobServer {
    sandbox: Sandbox,
    url: String,
    wire: Arc<Wire>,
}

#[derive(Debug)]
struct Wire {
    /// Where the sandbox listens.
    to: String,
    calls: Mutex<Vec<String>>,
    /// Tells that a call came.
    arrived: Condvar,
    /// Opportunities that must not be sent again, and those that were.
    closed: Mutex<(BTreeSet<u64>, Vec<u64>)>,
    faults: Mutex<Vec<JobFault>>,
    /// Opportunities whose updates are held back until all of them came.
    held: Mutex<BTreeSet<u64>>,
    all_came: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the sandbox hold these opportunities, if it does not have them all.
fn seed(sandbox: &Sandbox, crm: &Change) -> io::Result<()> {
    let has = |id: &String| id.parse().is_ok_and(|id| sandbox.opportunity(id).is_some());
    if crm.keys().all(has) {
        return Ok(());
    }
    let with_id = |(id, fields): (&String, &Map<String, Value>)| {
        let id = id.parse::<u64>().map_err(io::Error::other)?;
        let id = ("id".to_owned(), json!(id));
        Ok(Value::Object(fields.clone().into_iter().chain([id]).collect()))
    };
    let opportunities = crm.iter().map(with_id).collect::<io::Result<Vec<_>>>()?;
    sandbox.seed(Seed::new().opportunities(opportunities)).map_err(io::Error::other)
}

impl JobServer {
    /// Starts what a case needs.
    ///
    /// # Errors
    ///
    /// When no port can be had, or the sandbox refuses the case's data.
    pub fn start(case: &JobCase) -> io::Result<Self> {
        let flag =
            |name: &str, default| case.sandbox.get(name).map_or(default, |on| *on == json!(true));
        let builder = Sandbox::builder().quota(None);
        let builder = builder.whole_list_rows(flag("whole_list_rows", false));
        let sandbox = builder.sorts_by_update(flag("sorts_by_update", true)).start()?;
        seed(&sandbox, &case.crm)?;
        let to = sandbox.url().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let faults = Mutex::new(case.faults.clone());
        let (calls, arrived, closed) = (Mutex::default(), Condvar::new(), Mutex::default());
        let (held, all_came) = (Mutex::default(), Condvar::new());
        let wire = Arc::new(Wire { to, calls, arrived, closed, faults, held, all_came });
        let served = Arc::clone(&wire);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let wire = Arc::clone(&served);
                // A broken connection is what a test asked for, or its client sees it.
                std::thread::spawn(move || wire.serve(stream).ok());
            }
        });
        let started = Self { sandbox, url, wire };
        started.change(&case.crm)?;
        Ok(started)
    }

    /// Where to call.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token to call with.
    #[must_use]
    pub fn token(&self) -> &'static str {
        DEFAULT_TOKEN
    }

    /// Changes opportunities as somebody else would.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses a change.
    pub fn change(&self, change: &Change) -> io::Result<()> {
        for (id, fields) in change {
            let body = json!({"opportunity": fields}).to_string();
            let head = format!(
                "PUT /api/v2/opportunities/{id} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\
                 Authorization: Token token={DEFAULT_TOKEN}, device=open_api, version_code=9.9.9\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = self.wire.exchange(&[head.as_bytes(), body.as_bytes()].concat())?;
            if !String::from_utf8_lossy(&answer).contains("\"code\":0") {
                return Err(io::Error::other(format!(
                    "{id}: {}",
                    String::from_utf8_lossy(&answer)
                )));
            }
        }
        Ok(())
    }

    /// The calls since this was asked last.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.wire.calls))
    }

    /// Waits until so many calls came since they were asked for last, or the time is over.
    pub fn wait_for_calls(&self, number: usize, longest: Duration) {
        let calls = lock(&self.wire.calls);
        let waiting =
            self.wire.arrived.wait_timeout_while(calls, longest, |calls| calls.len() < number);
        drop(waiting);
    }

    /// Holds the updates of these opportunities back until all of them are under way.
    pub fn hold(&self, ids: BTreeSet<u64>) {
        *lock(&self.wire.held) = ids;
        self.wire.all_came.notify_all();
    }

    /// From now on these opportunities must not be sent again.
    pub fn close(&self, ids: &BTreeSet<u64>) {
        lock(&self.wire.closed).0.extend(ids);
    }

    /// The opportunities that were sent although they must not be.
    #[must_use]
    pub fn sent_again(&self) -> Vec<u64> {
        lock(&self.wire.closed).1.clone()
    }

    /// What the CRM does not have as it must in the end.
    #[must_use]
    pub fn missing(&self, end: &Change) -> Vec<String> {
        let mut problems = Vec::new();
        for (id, fields) in end {
            let now = id.parse().ok().and_then(|id| self.opportunity(id)).unwrap_or_default();
            for (field, expected) in fields {
                let pointer = format!("/{}", field.replace('.', "/"));
                let found = now.pointer(&pointer).cloned().unwrap_or_default();
                if found != *expected {
                    problems.push(format!("in the end {id} has {field} {found}, not {expected}"));
                }
            }
        }
        problems
    }

    /// An opportunity as the CRM has it.
    #[must_use]
    pub fn opportunity(&self, id: u64) -> Option<Value> {
        self.sandbox.opportunity(id)
    }
}

impl Wire {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(request) = read_request(&mut stream)? else { return Ok(()) };
        let call = name(&request);
        lock(&self.calls).push(call.clone());
        self.arrived.notify_all();
        self.note_sent(&call);
        self.wait_for_others(&call);
        let fault = self.fault(&call);
        if fault.as_ref().is_none_or(|fault| fault.applied) {
            let answer = self.exchange(&closing(&request))?;
            if fault.is_none() {
                return stream.write_all(&answer);
            }
        }
        match fault {
            Some(fault) if fault.fault == WireKind::Answer => stream.write_all(&answer(&fault)),
            _ => Ok(()),
        }
    }

    fn wait_for_others(&self, call: &str) {
        let mut held = lock(&self.held);
        let id = call.strip_prefix("put ").and_then(|id| id.parse().ok());
        if id.is_some_and(|id: u64| held.remove(&id)) {
            self.all_came.notify_all();
            drop(self.all_came.wait_while(held, |held| !held.is_empty()));
        }
    }

    fn note_sent(&self, call: &str) {
        let mut closed = lock(&self.closed);
        let id = call.strip_prefix("put ").and_then(|id| id.parse().ok());
        if let Some(id) = id.filter(|id| closed.0.contains(id)) {
            closed.1.push(id);
        }
    }

    fn fault(&self, call: &str) -> Option<JobFault> {
        let mut faults = lock(&self.faults);
        let fault = faults.iter_mut().find(|fault| fault.on == call && fault.times > 0)?;
        fault.times -= 1;
        Some(fault.clone())
    }

    fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.to)?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// The call in short: `list 1`, `newest`, `get 600001`, `put 600001`, `field_map`, …
fn name(request: &Request) -> String {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let part =
        |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    match path.strip_prefix("/api/v2/").unwrap_or(path) {
        "opportunities" if part("sort") == Some("updated_at") => "newest".to_owned(),
        "opportunities" => format!("list {}", part("page").unwrap_or("1")),
        "auth/login" => "sign_in".to_owned(),
        "field_maps/opportunity" => "field_map".to_owned(),
        "custom_fields/opportunity/by_group" => "custom_fields".to_owned(),
        path => {
            let id = path.strip_prefix("opportunities/").unwrap_or(path);
            format!("{} {id}", request.method.to_ascii_lowercase())
        }
    }
}

/// The request with its connection closed after the answer.
fn closing(request: &Request) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", request.method, request.path);
    for (name, value) in request.headers.iter().filter(|(name, _)| *name != "connection") {
        head.extend([name, ": ", value, "\r\n"]);
    }
    [head.as_bytes(), b"\r\n", &request.body].concat()
}

fn answer(fault: &JobFault) -> Vec<u8> {
    let body = fault.json.clone().unwrap_or_default().to_string();
    let status = fault.status.unwrap_or(200);
    format!(
        "HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
