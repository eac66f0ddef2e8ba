//! How calls behave around the answer: deadlines, cancelling, connections, threads, secrecy.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ikcrm::{CallOptions, Cancel, Client, Error, OpportunityUpdate};

const ANSWER: &str = r#"{"code":0,"data":{"id":568587,"title":"ccc"}}"#;
/// One that nobody asked for, about the same opportunity.
const STRAY: &str = r#"{"code":0,"data":{"id":568587,"title":"stray"}}"#;

/// A server whose connections are handed to the test.
struct Server {
    url: String,
    connections: Receiver<TcpStream>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, connections) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if sender.send(stream.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { url, connections }
    }

    fn client(&self) -> Client {
        let builder = Client::builder().token("secret-token").base_url(&self.url);
        builder.quota(None).build().unwrap()
    }

    fn accept(&self) -> BufReader<TcpStream> {
        BufReader::new(self.connections.recv_timeout(Duration::from_secs(10)).unwrap())
    }
}

/// Reads a request with its body; nothing when the client hung up.
fn read_request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let from = head.len();
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[from..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

fn answer(stream: &mut BufReader<TcpStream>) {
    answer_with(stream, ANSWER);
}

fn answer_with(stream: &mut BufReader<TcpStream>, body: &str) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.get_mut().write_all(answer.as_bytes()).unwrap();
}

fn answer_all(mut stream: BufReader<TcpStream>) {
    while read_request(&mut stream).is_some() {
        answer(&mut stream);
    }
}

fn update() -> OpportunityUpdate {
    OpportunityUpdate::new().title("ccc").customer_id(1)
}

/// Runs a call with these options on another thread.
fn call(client: &Client, options: CallOptions) -> Receiver<Result<ikcrm::Opportunity, Error>> {
    let (sender, result): (Sender<_>, _) = mpsc::channel();
    let client = client.clone();
    thread::spawn(move || {
        sender.send(client.update_opportunity_with(568_587, &update(), &options))
    });
    result
}

fn wait<T>(result: &Receiver<T>) -> T {
    result.recv_timeout(Duration::from_secs(10)).unwrap()
}

#[test]
fn a_cancel_ends_a_stalled_call() {
    let server = Server::start();
    let cancel = Cancel::new();
    let result = call(&server.client(), CallOptions::new().cancel(cancel.clone()));
    let mut stalled = server.accept();
    read_request(&mut stalled).unwrap();
    let begun = Instant::now();
    cancel.cancel();
    let error = wait(&result).unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", true));
}

#[test]
fn a_cancel_ends_the_wait_before_a_retry() {
    let server = Server::start();
    let cancel = Cancel::new();
    let result = call(&server.client(), CallOptions::new().cancel(cancel.clone()));
    let mut refused = server.accept();
    read_request(&mut refused).unwrap();
    let busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n";
    refused.get_mut().write_all(busy).unwrap();
    let begun = Instant::now();
    cancel.cancel();
    let error = wait(&result).unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", false));
}

#[test]
fn a_call_cancelled_before_it_began_sends_nothing() {
    let server = Server::start();
    let cancel = Cancel::new();
    cancel.cancel();
    let error = wait(&call(&server.client(), CallOptions::new().cancel(cancel))).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", false));
    assert!(server.connections.try_recv().is_err());
}

#[test]
fn a_probe_is_asked_on_the_calling_thread_and_ends_the_call() {
    let server = Server::start();
    let (client, (sender, probed)) = (server.client(), mpsc::channel());
    let (told, result) = mpsc::channel();
    thread::spawn(move || {
        let caller = thread::current().id();
        let cancel = Cancel::with_probe(move || {
            sender.send(thread::current().id() == caller).ok();
            true
        });
        let options = CallOptions::new().cancel(cancel);
        told.send(client.update_opportunity_with(568_587, &update(), &options))
    });
    let error = wait(&result).unwrap_err();
    assert_eq!(error.code(), "cancelled");
    assert!(wait(&probed));
}

#[test]
fn a_call_that_is_cancelled_while_it_connects_sends_nothing() {
    let server = Server::start();
    let cancel = Cancel::with_probe(|| true);
    let error = wait(&call(&server.client(), CallOptions::new().cancel(cancel))).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", false));
    assert!(read_request(&mut server.accept()).is_none());
}

#[test]
fn the_deadline_covers_the_whole_call() {
    let server = Server::start();
    let timeout = Duration::from_millis(150);
    let begun = Instant::now();
    let result = call(&server.client(), CallOptions::new().timeout(timeout));
    let mut stalled = server.accept();
    read_request(&mut stalled).unwrap();
    let error = wait(&result).unwrap_err();
    assert!(begun.elapsed() >= timeout);
    assert_eq!((error.code(), error.may_have_been_applied()), ("request_timeout", true));
    assert!(error.to_string().contains("waiting for the CRM's answer"), "{error}");
}

#[test]
fn an_answer_that_trickles_ends_at_the_deadline() {
    let server = Server::start();
    let result = call(&server.client(), CallOptions::new().timeout(Duration::from_millis(300)));
    let mut trickling = server.accept();
    read_request(&mut trickling).unwrap();
    trickling.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"co").unwrap();
    let error = wait(&result).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("request_timeout", true));
    assert!(error.to_string().contains("receiving"), "{error}");
}

#[test]
fn a_head_without_end_is_no_answer() {
    let server = Server::start();
    let result = call(&server.client(), CallOptions::new());
    let mut stream = server.accept();
    read_request(&mut stream).unwrap();
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
    while stream.get_mut().write_all(&[b'a'; 1024]).is_ok() {}
    assert_eq!(wait(&result).unwrap_err().code(), "invalid_answer");
}

#[test]
fn a_base_url_may_end_with_the_path_of_the_api() {
    let server = Server::start();
    let builder = Client::builder().token("secret-token").quota(None);
    let client = builder.base_url(format!("{}/api/v2/", server.url)).build().unwrap();
    let result = call(&client, CallOptions::new());
    let mut stream = server.accept();
    let request = read_request(&mut stream).unwrap();
    assert!(request.starts_with("PUT /api/v2/opportunities/568587 HTTP/1.1"), "{request}");
    answer(&mut stream);
    wait(&result).unwrap();
}

#[test]
fn calls_reuse_one_connection() {
    let server = Server::start();
    let client = server.client();
    let calls = thread::spawn(move || {
        (0..100).for_each(|_| drop(client.update_opportunity(568_587, &update()).unwrap()));
    });
    answer_all(server.accept());
    calls.join().unwrap();
    assert!(server.connections.try_recv().is_err());
}

#[test]
fn an_answer_that_nobody_asked_for_is_not_the_next_calls() {
    let server = Server::start();
    let client = server.client();
    let first = call(&client, CallOptions::new());
    let mut stream = server.accept();
    read_request(&mut stream).unwrap();
    answer(&mut stream);
    wait(&first).unwrap();
    // On loopback it has arrived when this returns: at once after the answer, and before the call.
    answer_with(&mut stream, STRAY);
    let second = call(&client, CallOptions::new());
    let mut another = server.accept();
    read_request(&mut another).unwrap();
    answer(&mut another);
    assert_eq!(wait(&second).unwrap().title().unwrap().as_deref(), Some("ccc"));
    assert!(read_request(&mut stream).is_none(), "nothing is sent on the odd connection");
}

#[test]
fn a_cancel_ends_an_answer_that_goes_on_and_on() {
    let server = Server::start();
    for head in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "",
    ] {
        let cancel = Cancel::new();
        let result = call(&server.client(), CallOptions::new().cancel(cancel.clone()));
        let mut stream = server.accept();
        read_request(&mut stream).unwrap();
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        let part = match head {
            "" => "HTTP/1.1 100 Continue\r\n\r\n",
            head if head.ends_with("0\r\n") => "a: b\r\n",
            _ => "1\r\nx\r\n",
        };
        for _ in 0..100 {
            stream.get_mut().write_all(part.as_bytes()).unwrap();
        }
        cancel.cancel();
        let begun = Instant::now();
        while stream.get_mut().write_all(part.as_bytes()).is_ok() {}
        let error = wait(&result).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", true), "{head:?}");
    }
}

#[test]
fn a_request_that_nobody_reads_ends_with_the_call() {
    let server = Server::start();
    let update = update().note("x".repeat(16 << 20));
    for cancelled in [true, false] {
        let (cancel, client) = (Cancel::new(), server.client());
        let timeout = Duration::from_millis(if cancelled { 60_000 } else { 500 });
        let options = CallOptions::new().cancel(cancel.clone()).timeout(timeout);
        let (sender, result) = mpsc::channel();
        let update = update.clone();
        thread::spawn(move || {
            sender.send(client.update_opportunity_with(568_587, &update, &options))
        });
        let mut stalled = server.accept();
        // The head has come, so the rest is on its way, and stays there.
        stalled.read_exact(&mut [0; 100]).unwrap();
        if cancelled {
            cancel.cancel();
        }
        let error = wait(&result).unwrap_err();
        let code = if cancelled { "cancelled" } else { "request_timeout" };
        assert_eq!((error.code(), error.may_have_been_applied()), (code, true));
    }
}

#[test]
fn an_answer_that_comes_before_the_request_is_sent_counts() {
    let server = Server::start();
    let update = update().note("x".repeat(16 << 20));
    let client = server.client();
    let (sender, result) = mpsc::channel();
    thread::spawn(move || sender.send(client.update_opportunity(568_587, &update)));
    let mut stream = server.accept();
    stream.read_exact(&mut [0; 100]).unwrap();
    let refusal = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.get_mut().write_all(refusal).unwrap();
    drop(stream);
    let error = wait(&result).unwrap_err();
    assert_eq!((error.code(), error.status(), error.retryable()), ("api", Some(413), false));
}

/// The part that [`a_call_takes_four_system_calls_and_starts_no_thread`] runs under strace.
#[test]
#[ignore = "run by another test, with the server's URL in its environment"]
fn make_calls() {
    let (url, calls) = (std::env::var("TEST_URL").unwrap(), std::env::var("TEST_CALLS").unwrap());
    let client = Client::builder().token("secret-token").base_url(url).quota(None).build().unwrap();
    for _ in 0..calls.parse().unwrap() {
        client.update_opportunity(568_587, &update()).unwrap();
    }
}

#[test]
fn a_call_takes_four_system_calls_and_starts_no_thread() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: strace is not installed, so system calls were not counted");
        return;
    }
    let (few, many) = (traced_calls(100), traced_calls(1100));
    let count = |trace: &str, name: &str| trace.lines().filter(|l| l.contains(name)).count();
    assert_eq!(count(&few, "clone3("), count(&many, "clone3("), "threads started");
    assert_eq!(count(&many, "sendto(") - count(&few, "sendto("), 1000, "writes");
    // getpid, a look at the connection, sendto, recvfrom; now and then the trace has one call on two
    // lines.
    let more = many.lines().count() - few.lines().count();
    assert!((3900..4500).contains(&more), "{more} system calls in 1000 calls");
}

/// What strace saw of a process that made this many calls.
fn traced_calls(calls: u32) -> String {
    let server = Server::start();
    let trace = std::env::temp_dir().join(format!("ikcrm-trace-{}-{calls}", std::process::id()));
    let mut child = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "make_calls", "--ignored"])
        .env("TEST_URL", &server.url)
        .env("TEST_CALLS", calls.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    answer_all(server.accept());
    assert!(child.wait().unwrap().success());
    let text = std::fs::read_to_string(&trace).unwrap();
    std::fs::remove_file(trace).unwrap();
    text
}

#[test]
fn header_and_body_leave_in_one_write() {
    let server = Server::start();
    let result = call(&server.client(), CallOptions::new());
    let mut stream = server.accept();
    // The first read returns what the first segment brought.
    let first = stream.fill_buf().unwrap().to_vec();
    let text = String::from_utf8(first).unwrap();
    assert!(text.ends_with(r#"{"opportunity":{"title":"ccc","customer_id":1}}"#), "{text}");
    read_request(&mut stream).unwrap();
    answer(&mut stream);
    wait(&result).unwrap();
}

#[test]
fn spawned_calls_run_side_by_side() {
    const CALLS: usize = 64;
    let server = Server::start();
    let client = server.client();
    let (sender, results) = mpsc::channel();
    for _ in 0..CALLS {
        let sender = sender.clone();
        let call = client.prepare_update(568_587, update(), CallOptions::new());
        call.spawn(move |result| sender.send(result.map(drop)).unwrap());
    }
    // No call is answered before all have arrived.
    let mut streams: Vec<_> = (0..CALLS).map(|_| server.accept()).collect();
    for stream in &mut streams {
        read_request(stream).unwrap();
    }
    streams.iter_mut().for_each(answer);
    for _ in 0..CALLS {
        wait(&results).unwrap();
    }
}

#[test]
fn a_spawned_call_is_cancelled_before_its_turn() {
    const ALL_THREADS: usize = 256;
    let server = Server::start();
    let client = server.client();
    let spawn = |options| {
        let (sender, result) = mpsc::channel();
        let call = client.prepare_update(568_587, update(), options);
        call.spawn(move |result| sender.send(result.map(drop)).unwrap());
        result
    };
    let (all, one) = (Cancel::new(), Cancel::new());
    let options = |cancel: &Cancel| CallOptions::new().cancel(cancel.clone());
    let stalled: Vec<_> = (0..ALL_THREADS).map(|_| spawn(options(&all))).collect();
    let waiting = spawn(options(&one));
    one.cancel();
    let error = wait(&waiting).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", false));
    assert!(stalled.iter().all(|result| result.try_recv().is_err()), "the others are under way");
    all.cancel();
    assert!(stalled.iter().all(|result| wait(result).unwrap_err().code() == "cancelled"));
}

#[test]
fn no_text_shows_the_token() {
    let token = "tok-1234567890";
    let builder = Client::builder().token(token).base_url("http://example.com");
    assert!(!format!("{builder:?}").contains(token));
    let error = builder.build().unwrap_err();
    assert!(!format!("{error:?} {error}").contains(token));
    let client = Client::builder().token(token).base_url("http://127.0.0.1:1").build().unwrap();
    assert!(!format!("{client:?}").contains(token));
    let error = client.update_opportunity_with(1, &update(), &CallOptions::new().max_retries(0));
    let error = error.unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("transport", false));
    assert!(!format!("{error:?} {error}").contains(token));
    let odd = Client::builder().token("tok 1234567890").build().unwrap_err();
    assert!(!format!("{odd:?} {odd}").contains("1234567890"));
}

#[test]
fn an_attribute_in_an_unexpected_form_fails_when_it_is_read() {
    let server = Server::start();
    let result = call(&server.client(), CallOptions::new());
    let mut stream = server.accept();
    read_request(&mut stream).unwrap();
    let body = r#"{"code":0,"data":{"id":568587,"title":"t","expect_amount":[1],"odd":{"a":1}}}"#;
    answer_with(&mut stream, body);
    let opportunity = wait(&result).unwrap();
    assert_eq!(opportunity.title().unwrap().as_deref(), Some("t"));
    let error = opportunity.expect_amount().unwrap_err();
    assert_eq!(error.code(), "invalid_answer");
    assert!(!format!("{error} {error:?}").contains("[1]"));
    assert_eq!(opportunity.get_raw("expect_amount"), Some("[1]"));
    assert_eq!(opportunity.keys().collect::<Vec<_>>(), ["id", "title", "expect_amount", "odd"]);
    assert_eq!(format!("{opportunity:?}"), "Opportunity(Opportunity { id: 568587, 4 keys })");
}
