//! What a call does between TCP and HTTP: TLS that holds something, proxies, slots of the quota.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use ikcrm::{Client, ClientBuilder, Error, OpportunityUpdate, Quota};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const BODY: &str = r#"{"code":0,"data":{"id":568587,"title":"ccc"}}"#;
const STRAY: &str = r#"{"code":0,"data":{"id":568587,"title":"stray"}}"#;

type Encrypted = StreamOwned<ServerConnection, TcpStream>;

/// A CRM on loopback with TLS, whose connections are handed to the test.
struct Crm {
    port: u16,
    pem: PathBuf,
    connections: Receiver<Encrypted>,
}

impl Crm {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, pem) = identity(port);
        let (sender, connections) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                if sender.send(StreamOwned::new(session, stream.unwrap())).is_err() {
                    break;
                }
            }
        });
        Self { port, pem, connections }
    }

    fn builder(&self) -> ClientBuilder {
        let builder = Client::builder().token("secret-token").quota(None).max_retries(0);
        builder.base_url(format!("https://127.0.0.1:{}", self.port)).ca_bundle(&self.pem)
    }

    fn accept(&self) -> Encrypted {
        self.connections.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

impl Drop for Crm {
    fn drop(&mut self) {
        std::fs::remove_file(&self.pem).ok();
    }
}

/// A certificate for this machine, and the file that vouches for it.
fn identity(port: u16) -> (Arc<ServerConfig>, PathBuf) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let pem =
        std::env::temp_dir().join(format!("ikcrm-transport-{}-{port}.pem", std::process::id()));
    std::fs::write(&pem, cert.pem()).unwrap();
    (Arc::new(config), pem)
}

/// Reads a head, and the body that it announces; nothing at the end.
fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut reader = BufReader::with_capacity(1, stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let from = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
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
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

fn answer(stream: &mut impl Write, body: &str) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).unwrap();
    stream.flush().unwrap();
}

fn call(client: &Client) -> Receiver<Result<Option<String>, Error>> {
    let (sender, result) = mpsc::channel();
    let client = client.clone();
    thread::spawn(move || {
        let update = OpportunityUpdate::new().title("ccc").customer_id(1);
        let result = client.update_opportunity(568_587, &update);
        sender.send(result.map(|updated| updated.title().unwrap().map(|title| (*title).to_owned())))
    });
    result
}

fn wait<T>(result: &Receiver<T>) -> T {
    result.recv_timeout(Duration::from_secs(10)).unwrap()
}

#[test]
fn what_tls_holds_is_not_the_next_calls_answer() {
    let crm = Crm::start();
    let client = crm.builder().build().unwrap();
    let first = call(&client);
    let mut stream = crm.accept();
    read_request(&mut stream).unwrap();
    // Both leave in one record, so the second is within TLS when the first is read.
    let length = BODY.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{BODY}");
    stream.write_all(head.as_bytes()).unwrap();
    wait(&first).unwrap();
    answer(&mut stream, STRAY);
    let second = call(&client);
    let mut another = crm.accept();
    read_request(&mut another).unwrap();
    answer(&mut another, BODY);
    assert_eq!(wait(&second).unwrap().as_deref(), Some("ccc"));
    assert!(read_request(&mut stream).is_none(), "nothing is sent on the odd connection");
}

#[test]
fn a_goodbye_and_a_key_update_are_no_answer() {
    let crm = Crm::start();
    let client = crm.builder().build().unwrap();
    let first = call(&client);
    let mut stream = crm.accept();
    read_request(&mut stream).unwrap();
    answer(&mut stream, BODY);
    wait(&first).unwrap();
    // New keys leave the connection as good as it was.
    stream.conn.refresh_traffic_keys().unwrap();
    stream.flush().unwrap();
    let second = call(&client);
    read_request(&mut stream).unwrap();
    answer(&mut stream, BODY);
    wait(&second).unwrap();
    // A goodbye does not, though the TCP connection stays open.
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    let third = call(&client);
    let mut another = crm.accept();
    read_request(&mut another).unwrap();
    answer(&mut another, BODY);
    wait(&third).unwrap();
}

#[test]
fn a_slot_tells_whether_the_crm_may_count_an_encrypted_call() {
    let per = Duration::from_millis(100);
    let crm = Crm::start();
    let quota = Quota::new(1, per).max_wait(2 * per);
    let client = crm.builder().quota(quota).build().unwrap();
    let result = call(&client);
    let mut stream = crm.accept();
    read_request(&mut stream).unwrap();
    drop(stream);
    assert!(wait(&result).unwrap_err().may_have_been_applied());
    // The slot is held as long as the request may still be under way, and not only for a window:
    // the tickets that came are no answer.
    assert_eq!(wait(&call(&client)).unwrap_err().code(), "quota_exceeded");
    let untrusting = Client::builder().token("secret-token").max_retries(0);
    let untrusting = untrusting.base_url(format!("https://127.0.0.1:{}", crm.port));
    let untrusting = untrusting.quota(Quota::new(1, per).key("another")).build().unwrap();
    let result = call(&untrusting);
    let mut stream = crm.accept();
    assert!(read_request(&mut stream).is_none());
    let error = wait(&result).unwrap_err();
    assert_eq!((error.retryable(), error.may_have_been_applied()), (false, false));
    assert_eq!(untrusting.quota().unwrap().unwrap().used, 0, "nothing was sent");
}

#[test]
fn a_gateways_429_lets_all_wait_a_window() {
    let per = Duration::from_secs(100);
    let crm = Crm::start();
    let client = crm.builder().quota(Quota::new(10, per)).build().unwrap();
    let result = call(&client);
    let mut stream = crm.accept();
    read_request(&mut stream).unwrap();
    let body = r#"{"code":429,"message":"slow down"}"#;
    let head = format!("HTTP/1.1 429 Slow\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.flush().unwrap();
    let error = wait(&result).unwrap_err();
    assert_eq!((error.code(), error.api_code()), ("rate_limited", Some(429)));
    assert!(client.quota().unwrap().unwrap().next_free > per / 2);
}

/// A proxy for one connection: what it is asked, and then what it does.
fn proxy(answer: &'static [u8], forward: bool) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut near = listener.accept().unwrap().0;
        let request = read_request(&mut near).unwrap();
        let target = request.split(' ').nth(1).unwrap().to_owned();
        sender.send(request).unwrap();
        near.write_all(answer).unwrap();
        if !forward {
            return;
        }
        let mut far = TcpStream::connect(target).unwrap();
        let (mut there, mut back) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        let upwards = thread::spawn(move || std::io::copy(&mut there, &mut far).ok());
        std::io::copy(&mut back, &mut near).ok();
        upwards.join().ok();
    });
    (port, asked)
}

#[test]
fn a_call_goes_through_a_proxy_that_knows_the_user() {
    let crm = Crm::start();
    let head =
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n";
    let (port, asked) = proxy(head, true);
    let url = format!("http://us%40er:pass%3Aword@127.0.0.1:{port}");
    let client = crm.builder().proxy(url).build().unwrap();
    let result = call(&client);
    let connect = wait(&asked);
    let target = format!("127.0.0.1:{}", crm.port);
    assert!(connect.starts_with(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n")));
    // us@er:pass:word
    assert!(connect.contains("Proxy-Authorization: Basic dXNAZXI6cGFzczp3b3Jk\r\n"), "{connect}");
    assert!(!connect.contains("secret-token"));
    let mut stream = crm.accept();
    let request = read_request(&mut stream).unwrap();
    assert!(request.contains("secret-token") && !request.to_lowercase().contains("proxy"));
    answer(&mut stream, BODY);
    wait(&result).unwrap();
}

#[test]
fn a_proxy_that_refuses_is_told_from_the_crm() {
    let crm = Crm::start();
    for (head, retryable, contains) in [
        (&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..], false, "HTTP 407"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", false, "refused a connection to 127.0.0.1:"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", true, "could not reach 127.0.0.1:"),
        (b"SSH-2.0\r\n", false, "is not an HTTP proxy"),
        (b"HTTP/1.1 200 ", true, "asking the proxy"),
        (b"", true, "asking the proxy"),
    ] {
        let (port, _asked) = proxy(head, false);
        let url = format!("http://user:secret-password@127.0.0.1:{port}");
        let client = crm.builder().proxy(url).build().unwrap();
        let error = wait(&call(&client)).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!((error.code(), error.retryable()), ("transport", retryable), "{shown}");
        assert!(!error.may_have_been_applied());
        assert!(
            shown.contains(contains) && shown.contains(&format!("127.0.0.1:{port}")),
            "{shown}"
        );
        assert!(!shown.contains("secret-password") && !shown.contains("user:"), "{shown}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = crm.builder().proxy(format!("http://{nobody}")).build().unwrap();
    let error = wait(&call(&client)).unwrap_err();
    assert!(error.message().contains(&format!("connecting to the proxy {nobody}")), "{error}");
}

#[test]
fn a_proxy_may_be_encrypted_itself() {
    let crm = Crm::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, pem) = identity(port);
    // One bundle vouches for both.
    let both = [std::fs::read(&crm.pem).unwrap(), std::fs::read(&pem).unwrap()].concat();
    std::fs::write(&pem, both).unwrap();
    let client = crm.builder().ca_bundle(&pem).proxy(format!("https://127.0.0.1:{port}"));
    let result = call(&client.build().unwrap());
    let session = ServerConnection::new(config).unwrap();
    let mut near = StreamOwned::new(session, listener.accept().unwrap().0);
    let request = read_request(&mut near).unwrap();
    assert!(request.starts_with("CONNECT "), "{request}");
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    near.flush().unwrap();
    // The CRM's TLS begins within the proxy's.
    let mut hello = [0; 3];
    near.read_exact(&mut hello).unwrap();
    assert_eq!(hello[..2], [0x16, 0x03]);
    drop(near);
    let error = wait(&result).unwrap_err();
    assert!(error.message().contains("the TLS handshake with 127.0.0.1:"), "{error}");
    assert_eq!((error.retryable(), error.may_have_been_applied()), (true, false));
    std::fs::remove_file(pem).unwrap();
}

#[test]
fn a_handshake_and_a_proxy_that_stall_end_with_the_call() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let builder = || Client::builder().token("secret-token").quota(None);
    let builder = || builder().timeout(Duration::from_millis(200));
    for client in [
        builder().base_url(format!("https://{address}")),
        builder().base_url("https://crm.example.com").proxy(format!("http://{address}")),
        builder().base_url("https://crm.example.com").proxy(format!("https://{address}")),
    ] {
        let error = wait(&call(&client.build().unwrap())).unwrap_err();
        assert_eq!((error.code(), error.may_have_been_applied()), ("request_timeout", false));
        assert!(error.message().contains("connecting"), "{error}");
    }
}

#[test]
fn http_to_this_machine_goes_through_no_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let client = Client::builder().token("secret-token").quota(None);
    let client = client.base_url(format!("http://{}", listener.local_addr().unwrap()));
    let client = client.proxy(format!("http://{}", proxy.local_addr().unwrap())).build().unwrap();
    let result = call(&client);
    let mut stream = listener.accept().unwrap().0;
    assert!(read_request(&mut stream).unwrap().starts_with("PUT /api/v2/"));
    answer(&mut stream, BODY);
    wait(&result).unwrap();
    assert!(proxy.accept().is_err(), "nobody came to the proxy");
}
