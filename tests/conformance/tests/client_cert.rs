//! The certificate by which a client shows who it is: what its files must be, and to whom it is shown.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use ikcrm::{Client, ClientBuilder, Error, OpportunityUpdate};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

const BODY: &str = r#"{"code":0,"data":{"id":568587,"title":"ccc"}}"#;

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ikcrm-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn certified(name: &str) -> CertifiedKey<KeyPair> {
    generate_simple_self_signed([name.to_owned()]).unwrap()
}

/// A server that takes clients with and without a certificate.
struct Server {
    port: u16,
    /// Whether the client of each request had one, and how manieth its connection was.
    requests: Receiver<(bool, usize)>,
}

impl Server {
    /// One that answers each request so.
    fn start(
        own: &CertifiedKey<KeyPair>,
        known: &CertifiedKey<KeyPair>,
        answer: &'static str,
    ) -> Self {
        let config = Arc::new(config(own, known));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let (session, sender) =
                    (ServerConnection::new(Arc::clone(&config)), sender.clone());
                thread::spawn(move || {
                    let mut stream = StreamOwned::new(session.unwrap(), stream);
                    while read_request(&mut stream) {
                        let known = stream.conn.peer_certificates().is_some();
                        sender.send((known, number)).ok();
                        stream.write_all(answer.as_bytes()).unwrap();
                        stream.flush().unwrap();
                    }
                });
            }
        });
        Self { port, requests }
    }

    fn request(&self) -> (bool, usize) {
        self.requests.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

fn config(own: &CertifiedKey<KeyPair>, known: &CertifiedKey<KeyPair>) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    roots.add(known.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![own.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
        .unwrap()
}

/// Reads a head, and the body that it announces; false at the end.
fn read_request(stream: &mut impl Read) -> bool {
    let mut reader = BufReader::with_capacity(1, stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            return reader.read_exact(&mut vec![0; length]).is_ok();
        }
    }
}

fn answer() -> &'static str {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len()).leak()
}

fn builder(port: u16) -> ClientBuilder {
    let builder = Client::builder().token("secret-token").quota(None).max_retries(0);
    builder.base_url(format!("https://127.0.0.1:{port}"))
}

fn update(client: &Client) -> Result<ikcrm::Opportunity, Error> {
    client.update_opportunity(568_587, &OpportunityUpdate::new().title("ccc").customer_id(1))
}

#[test]
fn a_connection_with_a_certificate_is_never_anothers() {
    let folder = Folder::new("pool");
    let (own, known) = (certified("127.0.0.1"), certified("client.example"));
    let server = Server::start(&own, &known, answer());
    let ca = folder.write("ca.pem", &own.cert.pem());
    let certificate = folder.write("client.pem", &known.cert.pem());
    let key = folder.write("key.pem", &known.signing_key.serialize_pem());
    let without = builder(server.port).ca_bundle(&ca).build().unwrap();
    let with = builder(server.port).ca_bundle(&ca).client_cert(certificate).client_key(key);
    let with = with.build().unwrap();
    let mut seen = Vec::new();
    for client in [&with, &without, &with, &without] {
        update(client).unwrap();
        seen.push(server.request());
    }
    assert_eq!(seen, [(true, 0), (false, 1), (true, 0), (false, 1)]);
}

#[test]
fn a_certificate_goes_through_a_proxy_to_the_crm() {
    let folder = Folder::new("tunnel");
    let (own, known) = (certified("127.0.0.1"), certified("client.example"));
    let server = Server::start(&own, &known, answer());
    let both = known.cert.pem() + &known.signing_key.serialize_pem();
    let both = folder.write("client.pem", &both);
    let ca = folder.write("ca.pem", &own.cert.pem());
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let target = server.port;
    thread::spawn(move || {
        let mut near = proxy.accept().unwrap().0;
        assert!(read_request(&mut near));
        near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", target)).unwrap();
        let (mut there, mut back) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut there, &mut far).ok());
        std::io::copy(&mut back, &mut near).ok();
    });
    let client = builder(server.port).ca_bundle(ca).client_cert(both).proxy(url).build().unwrap();
    update(&client).unwrap();
    assert_eq!(server.request(), (true, 0));
}

#[test]
fn a_proxy_that_asks_is_shown_no_certificate() {
    let folder = Folder::new("proxy");
    let (own, known) = (certified("127.0.0.1"), certified("client.example"));
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let proxy = Server::start(&own, &known, refusal);
    let both = known.cert.pem() + &known.signing_key.serialize_pem();
    let both = folder.write("client.pem", &both);
    let ca = folder.write("ca.pem", &own.cert.pem());
    let url = format!("https://127.0.0.1:{}", proxy.port);
    let client = builder(1).ca_bundle(ca).client_cert(both).proxy(url).build().unwrap();
    let error = update(&client).unwrap_err();
    assert!(error.message().contains("403"), "{error}");
    assert_eq!(proxy.request(), (false, 0));
}

#[test]
fn what_is_wrong_with_the_files_is_told_by_their_names() {
    let folder = Folder::new("faults");
    let (one, other) = (certified("client.example"), certified("client.example"));
    let cert = folder.write("cert.pem", &one.cert.pem());
    let key = folder.write("key.pem", &one.signing_key.serialize_pem());
    let anothers = folder.write("other.pem", &other.signing_key.serialize_pem());
    let none = folder.write("none.pem", "nothing of use\n");
    let torn =
        folder.write("torn.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAo=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = folder.write("locked.pem", locked);
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAo=\n-----END RSA PRIVATE KEY-----\n";
    let old = folder.write("old.pem", old);
    let odd =
        folder.write("odd.pem", "-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----\n");
    let missing = folder.0.join("missing.pem");
    for (cert, key, option, words) in [
        (&missing, None, "client_cert", "cannot read {}: "),
        (&none, None, "client_cert", "{} holds no PEM certificate"),
        (&torn, None, "client_cert", "{} is not PEM: "),
        (
            &cert,
            None,
            "client_cert",
            "{} holds a certificate and no key; give the key's file as client_key",
        ),
        (&cert, Some(&missing), "client_key", "cannot read {}: "),
        (&cert, Some(&none), "client_key", "{} holds no PEM private key"),
        (
            &cert,
            Some(&anothers),
            "client_key",
            "the key in {} is not that of the first certificate in ",
        ),
        (
            &cert,
            Some(&locked),
            "client_key",
            "the key in {} is encrypted; write it without a password",
        ),
        (
            &cert,
            Some(&old),
            "client_key",
            "the key in {} is encrypted; write it without a password",
        ),
        (&cert, Some(&odd), "client_key", "{} holds a key that TLS cannot use: "),
    ] {
        let builder = Client::builder().token("t").client_cert(cert);
        let builder = key.into_iter().fold(builder, ClientBuilder::client_key);
        let error = builder.build().unwrap_err();
        let [fault] = error.fields() else { panic!("{error}") };
        let named = key.unwrap_or(cert).display().to_string();
        assert_eq!(fault.field, option);
        assert!(fault.message.starts_with(&words.replace("{}", &named)), "{}", fault.message);
    }
    Client::builder().token("t").client_cert(cert).client_key(key).build().unwrap();
}
