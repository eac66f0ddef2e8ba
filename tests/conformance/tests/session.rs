//! One sign-in for all that wait, and none too many.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ikcrm::{
    CallOptions, Cancel, Client, ClientBuilder, Error, Opportunity, OpportunityUpdate, TokenStore,
    TokenStoreFailure,
};
use ikcrm_sandbox::{DEFAULT_ACCOUNT, Sandbox};

const SIGN_IN: &str = "POST /api/v2/auth/login";
const DEAD: &str = "dead-token";

fn sandbox() -> Sandbox {
    Sandbox::builder().quota(None).start().unwrap()
}

/// A client that may sign in.
fn builder(url: impl Into<String>) -> ClientBuilder {
    let (login, password) = DEFAULT_ACCOUNT;
    Client::builder().base_url(url).login(login).password(password).quota(None)
}

fn update(client: &Client) -> Result<Opportunity, Error> {
    client.update_opportunity(568_587, &OpportunityUpdate::new().title("ccc").customer_id(1))
}

/// The results of calls that many threads make at once.
fn updates(client: &Client, threads: usize) -> Vec<Result<Opportunity, Error>> {
    thread::scope(|scope| {
        let calls: Vec<_> = (0..threads).map(|_| scope.spawn(|| update(client))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn fifty_threads_on_a_dead_token_make_one_sign_in() {
    let sandbox = sandbox();
    let client = builder(sandbox.url()).token(DEAD).build().unwrap();
    assert!(updates(&client, 50).iter().all(Result::is_ok));
    assert_eq!(sandbox.calls_of(SIGN_IN), 1);
}

#[test]
fn fifty_threads_without_a_token_make_one_sign_in() {
    let sandbox = sandbox();
    let client = builder(sandbox.url()).build().unwrap();
    assert!(updates(&client, 50).iter().all(Result::is_ok));
    assert_eq!((sandbox.calls_of(SIGN_IN), sandbox.stats().calls), (1, 51));
}

#[test]
fn all_that_wait_share_a_refused_sign_in() {
    let sandbox = sandbox();
    let client = builder(sandbox.url()).password("wrong").build().unwrap();
    let codes: Vec<_> =
        updates(&client, 20).into_iter().map(|result| result.unwrap_err().api_code()).collect();
    assert_eq!(codes, [Some(100_402); 20]);
    assert_eq!(sandbox.stats().calls, 1);
}

#[test]
fn two_clients_on_one_account_do_not_loop() {
    let sandbox = sandbox();
    // Two programs: within one the clients of an account share its token.
    let client = |()| builder(sandbox.url()).token_store(Memory::default()).build().unwrap();
    let clients = [(); 2].map(client);
    let results: Vec<_> = (0..20).map(|call| update(&clients[call % 2])).collect();
    // The first client signs in, the second ends that token, and then they leave each other be.
    assert_eq!(sandbox.calls_of(SIGN_IN), 2);
    let error = results[2].as_ref().unwrap_err();
    assert_eq!((error.code(), error.api_code()), ("sign_in_limited", Some(100_401)));
    assert!(error.retry_after().unwrap() > Duration::from_secs(30), "{error}");
    assert!(results.iter().skip(1).step_by(2).all(Result::is_ok), "the second goes on");
}

/// The error of a user's token store.
#[derive(Debug, PartialEq)]
struct DiskFull;

impl std::error::Error for DiskFull {}

impl std::fmt::Display for DiskFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the disk is full")
    }
}

/// A token store in memory, which can be told to fail.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<(Option<String>, bool)>>);

impl TokenStore for Memory {
    fn get(&self) -> Result<Option<String>, TokenStoreFailure> {
        Ok(self.0.lock().unwrap().0.clone())
    }

    fn set(&self, token: &str) -> Result<(), TokenStoreFailure> {
        let mut memory = self.0.lock().unwrap();
        if memory.1 {
            return Err(DiskFull.into());
        }
        memory.0 = Some(token.to_owned());
        Ok(())
    }
}

#[test]
fn clients_that_share_a_token_store_sign_in_once() {
    let sandbox = sandbox();
    let store = Memory::default();
    let client = |token: Option<&str>| {
        let builder = builder(sandbox.url()).token_store(store.clone());
        token.into_iter().fold(builder, ClientBuilder::token).build().unwrap()
    };
    let (first, second) = (client(None), client(Some(DEAD)));
    for _ in 0..5 {
        update(&first).unwrap();
        update(&second).unwrap();
    }
    assert_eq!(sandbox.calls_of(SIGN_IN), 1);
}

#[test]
fn a_store_that_fails_is_told_and_the_token_kept() {
    let sandbox = sandbox();
    let store = Memory::default();
    store.0.lock().unwrap().1 = true;
    let client = builder(sandbox.url()).token_store(store).build().unwrap();
    let error = update(&client).unwrap_err();
    assert_eq!(error.code(), "token_store");
    assert_eq!(error.to_string(), "the token store cannot be written: the disk is full");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref(), Some(&DiskFull), "the store's own error");
    update(&client).unwrap();
    assert_eq!(sandbox.calls_of(SIGN_IN), 1);
}

#[test]
fn a_hook_that_panics_leaves_the_client_usable() {
    let sandbox = sandbox();
    let client = builder(sandbox.url()).on_token(|_| panic!("as told")).build().unwrap();
    let error = update(&client).unwrap_err();
    assert_eq!(error.code(), "token_store");
    assert!(error.to_string().contains("on_token panicked"), "{error}");
    update(&client).unwrap();
}

#[test]
fn clients_made_for_each_call_sign_in_once_and_each_is_told() {
    let sandbox = sandbox();
    let (sender, told) = mpsc::channel();
    for number in 0..20 {
        let sender = sender.clone();
        let hook = move |token: &str| sender.send((number, token.to_owned())).unwrap();
        let client = builder(sandbox.url()).on_token(hook).build().unwrap();
        update(&client).unwrap();
    }
    assert_eq!(sandbox.calls_of(SIGN_IN), 1);
    assert_eq!(told.try_iter().map(|(number, _)| number).collect::<Vec<_>>(), [0]);
    // Another enterprise or password is another session.
    let other = builder(sandbox.url()).password("wrong").build().unwrap();
    assert_eq!(update(&other).unwrap_err().code(), "auth");
}

#[test]
fn a_sign_in_that_fails_in_passing_is_not_sent_again_at_once() {
    let (url, connections) = server();
    let client = builder(url).build().unwrap();
    let (_, first) = call(&client, CallOptions::new());
    let mut stream = wait(&connections);
    read_request(&mut stream);
    let answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
    stream.get_mut().write_all(answer.as_bytes()).unwrap();
    let error = wait(&first).unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("server", true));
    let codes = updates(&client, 10).into_iter().map(|result| result.unwrap_err().code());
    assert_eq!(codes.collect::<Vec<_>>(), ["server"; 10]);
    assert!(connections.try_recv().is_err(), "nobody else signed in");
    stream.get_mut().set_nonblocking(true).unwrap();
    assert!(stream.read(&mut [0]).is_err(), "nothing else was sent");
}

#[test]
fn a_token_store_that_hangs_holds_a_call_no_longer_than_its_time() {
    /// A store that answers when it is let go.
    struct Hanging(Mutex<Receiver<()>>);
    impl TokenStore for Hanging {
        fn get(&self) -> Result<Option<String>, TokenStoreFailure> {
            self.0.lock().unwrap().recv().ok();
            Ok(None)
        }
        fn set(&self, _: &str) -> Result<(), TokenStoreFailure> {
            Ok(())
        }
    }
    let sandbox = sandbox();
    let (let_go, hangs) = mpsc::channel();
    let client = builder(sandbox.url()).token_store(Hanging(Mutex::new(hangs))).build().unwrap();
    let (cancel, cancelled) = call(&client, CallOptions::new());
    let (_, late) = call(&client, CallOptions::new().timeout(Duration::from_millis(50)));
    let error = wait(&late).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("request_timeout", false));
    cancel.cancel();
    assert_eq!(wait(&cancelled).unwrap_err().code(), "cancelled");
    drop(let_go);
    update(&client).unwrap();
}

/// A server whose connections are handed to the test.
fn server() -> (String, Receiver<BufReader<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, connections) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            if sender.send(BufReader::new(stream.unwrap())).is_err() {
                break;
            }
        }
    });
    (url, connections)
}

/// Reads a request and tells its first line.
fn read_request(stream: &mut BufReader<TcpStream>) -> String {
    let (mut lines, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line);
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
    lines.first().unwrap().trim().to_owned()
}

/// A call on another thread, with its cancel.
fn call(client: &Client, options: CallOptions) -> (Cancel, Receiver<Result<(), Error>>) {
    let cancel = Cancel::new();
    let options = options.cancel(cancel.clone());
    let (sender, result) = mpsc::channel();
    let client = client.clone();
    thread::spawn(move || {
        let update = OpportunityUpdate::new().title("ccc").customer_id(1);
        sender.send(client.update_opportunity_with(568_587, &update, &options).map(drop))
    });
    (cancel, result)
}

fn wait<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(Duration::from_secs(10)).unwrap()
}

#[test]
fn a_call_that_waits_for_another_ones_sign_in_can_be_cancelled() {
    let (url, connections) = server();
    let client = builder(url).build().unwrap();
    let (first_cancel, first) = call(&client, CallOptions::new());
    let mut stalled = wait(&connections);
    assert_eq!(read_request(&mut stalled), "POST /api/v2/auth/login HTTP/1.1");
    let (second_cancel, second) = call(&client, CallOptions::new());
    second_cancel.cancel();
    let error = wait(&second).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", false));
    assert!(first.try_recv().is_err(), "the first call goes on");
    first_cancel.cancel();
    assert_eq!(wait(&first).unwrap_err().code(), "cancelled");
    assert!(connections.try_recv().is_err(), "nobody else signed in");
}

#[test]
fn waiting_for_a_sign_in_is_bounded_by_the_calls_timeout() {
    let (url, connections) = server();
    let client = builder(url).build().unwrap();
    let (cancel, _first) = call(&client, CallOptions::new());
    let mut stalled = wait(&connections);
    read_request(&mut stalled);
    let (_, second) = call(&client, CallOptions::new().timeout(Duration::from_millis(50)));
    let error = wait(&second).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("request_timeout", false));
    assert!(error.to_string().contains("waiting for another call's sign-in"), "{error}");
    cancel.cancel();
}

#[test]
fn a_cancelled_sign_in_that_was_sent_counts() {
    let (url, connections) = server();
    let client = builder(url).build().unwrap();
    let (cancel, first) = call(&client, CallOptions::new());
    let mut stalled = wait(&connections);
    read_request(&mut stalled);
    let (_, second) = call(&client, CallOptions::new());
    cancel.cancel();
    assert_eq!(wait(&first).unwrap_err().code(), "cancelled");
    let error = wait(&second).unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("sign_in_limited", true));
    assert!(error.to_string().contains("cancelled or ran out of time"), "{error}");
    assert!(connections.try_recv().is_err(), "nobody signed in again");
}

#[test]
fn a_sign_in_that_ran_out_of_time_counts() {
    let (url, connections) = server();
    let client = builder(url).build().unwrap();
    let (_, first) = call(&client, CallOptions::new().timeout(Duration::from_secs(1)));
    let mut stalled = wait(&connections);
    read_request(&mut stalled);
    assert_eq!(wait(&first).unwrap_err().code(), "request_timeout");
    assert_eq!(update(&client).unwrap_err().code(), "sign_in_limited");
    assert!(connections.try_recv().is_err(), "nobody signed in again");
}

#[test]
fn no_text_shows_login_or_password() {
    let (login, password) = ("13800000000", "secret-password");
    let builder = Client::builder().login(login).password(password).base_url("http://127.0.0.1:1");
    let client = builder.clone().max_retries(0).build().unwrap();
    let error = update(&client).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("transport", false));
    let text = format!("{builder:?} {client:?} {error:?} {error}");
    assert!(!text.contains(login) && !text.contains(password), "{text}");
}
