//! A process that is stopped between taking its slot and sending, as a laptop that sleeps is.
#![cfg(all(feature = "fault-points", unix))]
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ikcrm::{CallOptions, Client, OpportunityUpdate};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

const LIMIT: Duration = Duration::from_secs(1);
const BODY: &str = r#"{"code":0,"data":{"id":568587}}"#;

/// What the stopped process does, which is this test in a process of its own; tells the error.
fn call(url: &str) {
    let client = Client::builder().token("t").base_url(url).build().unwrap();
    let options = match env::var("BOUND").unwrap().as_str() {
        "timeout" => CallOptions::new().timeout(LIMIT),
        _ => CallOptions::new().deadline(LIMIT),
    };
    let update = OpportunityUpdate::new().title("ccc").customer_id(1);
    let result = client.update_opportunity_with(568_587, &update, &options);
    let used = client.quota().unwrap().unwrap().used;
    match result {
        Ok(_) => println!("answered, {used} used"),
        Err(error) => println!("{} {}, {used} used", error.code(), error.may_have_been_applied()),
    }
}

/// Starts the process, which stops when it has a connection and before it sends.
fn stopped(test: &str, bound: &str) -> (Child, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).stdout(Stdio::piped());
    command.env("CALL", url).env("BOUND", bound).env("IKCRM_STOP_AT", "before send");
    let child = command.spawn().unwrap();
    let stopped = waitpid(Some(Pid::from_child(&child)), WaitOptions::UNTRACED);
    assert!(stopped.unwrap().unwrap().1.stopped());
    (child, listener.accept().unwrap().0)
}

/// Lets the process go on; what it told.
fn told(child: Child) -> String {
    kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn what_has_become_late_meanwhile_is_not_sent() {
    if let Ok(url) = env::var("CALL") {
        return call(&url);
    }
    for bound in ["timeout", "deadline"] {
        let (child, mut stream) = stopped("what_has_become_late_meanwhile_is_not_sent", bound);
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let told = told(child);
        assert!(told.contains("request_timeout false, 0 used"), "{told}");
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "nothing was sent");
    }
}

#[test]
fn what_is_still_in_time_is_sent() {
    if let Ok(url) = env::var("CALL") {
        return call(&url);
    }
    let (child, mut stream) = stopped("what_is_still_in_time_is_sent", "timeout");
    let answer = std::thread::spawn(move || {
        while !stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0) {}
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len()).unwrap();
        stream
    });
    let told = told(child);
    assert!(told.contains("answered, 1 used"), "{told}");
    drop(answer.join().unwrap());
}
