//! Plays the script of one case on a loopback port of its own.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustls::ServerConfig;
use serde::Serialize;

use crate::case::{Case, ListensAs, Tls};
use crate::connection;
use crate::script::Script;
use crate::tls::{self, Identity};

/// Where the case's CRM is.
#[derive(Debug, Clone, Serialize)]
pub struct Address {
    /// The base URL.
    pub base_url: String,
    /// The PEM file to trust, when the case has one.
    pub ca_bundle: Option<PathBuf>,
    /// The PEM file of the client's certificate and key, when the case has one.
    pub client_cert: Option<PathBuf>,
}

/// How a case went on the wire.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Requests that came.
    pub exchanges: usize,
    /// Connections that were made.
    pub connections: usize,
    /// What was not as scripted.
    pub problems: Vec<String>,
}

/// A server that plays one case.
#[derive(Debug)]
pub struct Server {
    address: Address,
    socket: SocketAddr,
    script: Arc<Script>,
    accepting: Option<JoinHandle<()>>,
    /// Where connections are to be refused. Nobody listens on the port of an end of a connection, and
    /// nobody else gets it: another test's server would answer there.
    _held: Option<(TcpStream, TcpStream)>,
}

/// The two ends of a connection.
fn connection(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream)> {
    let near = TcpStream::connect(listener.local_addr()?)?;
    Ok((near, listener.accept()?.0))
}

/// Listens on a port that this process has not had before: clients of an earlier case with the same
/// account would share their session with this one's.
fn listen() -> io::Result<TcpListener> {
    static HAD: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut refused = Vec::new();
    loop {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        if HAD.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(listener);
        }
        // Held, so that the system gives another one.
        refused.push(listener);
    }
}

impl Server {
    /// Listens for the case's exchanges.
    ///
    /// # Errors
    ///
    /// When no port, certificate or file can be had.
    pub fn start(case: &Case) -> io::Result<Self> {
        let listener = listen()?;
        let is_closed = case.server == ListensAs::ClosedPort;
        let held = is_closed.then(|| connection(&listener)).transpose()?;
        let socket = match &held {
            Some((near, _)) => near.local_addr()?,
            None => listener.local_addr()?,
        };
        let script = Arc::new(Script::new(&case.exchanges));
        let spoken = case.tls.filter(|tls| *tls != Tls::NotSpoken);
        let identity = spoken.map(Identity::new).transpose()?;
        let address = Address {
            base_url: format!("{}://{socket}", if case.tls.is_some() { "https" } else { "http" }),
            ca_bundle: ca_bundle(case.tls, identity.as_ref(), socket)?,
            client_cert: client_cert(identity.as_ref(), socket)?,
        };
        let config = identity.map(|identity| identity.config);
        let tls = case.tls;
        let accepting = (!is_closed).then(|| {
            let script = Arc::clone(&script);
            thread::spawn(move || accept(&listener, &script, tls, config.as_ref()))
        });
        Ok(Self { address, socket, script, accepting, _held: held })
    }

    /// Where to call.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Stops and tells how it went.
    ///
    /// # Errors
    ///
    /// When the server cannot be told to stop.
    pub fn finish(mut self) -> io::Result<Report> {
        if let Some(accepting) = self.accepting.take() {
            self.connect_last()?;
            accepting.join().ok();
        }
        for path in [&self.address.ca_bundle, &self.address.client_cert].into_iter().flatten() {
            std::fs::remove_file(path)?;
        }
        let mut progress = self.script.lock();
        let left = progress.left.len();
        if left > 0 {
            progress.problems.push(format!("{left} exchanges did not happen"));
        }
        Ok(Report {
            exchanges: progress.exchanges,
            connections: progress.connections,
            problems: std::mem::take(&mut progress.problems),
        })
    }

    /// Makes the connection that ends accepting. Connections are accepted in order, so it comes
    /// after all of the case's.
    fn connect_last(&self) -> io::Result<()> {
        let mut progress = self.script.lock();
        let last = TcpStream::connect(self.socket)?;
        progress.last = Some(last.local_addr()?);
        Ok(())
    }
}

/// Serves each connection on a thread of its own, until the last one.
fn accept(
    listener: &TcpListener,
    script: &Arc<Script>,
    tls: Option<Tls>,
    config: Option<&Arc<ServerConfig>>,
) {
    while let Ok((stream, peer)) = listener.accept() {
        let mut progress = script.lock();
        if progress.last == Some(peer) {
            return;
        }
        progress.connections += 1;
        // A refused certificate needs a connection, but no request.
        if tls.is_none() && progress.left.is_empty() && progress.exchanges == 0 {
            progress.problems.push("somebody connected, but nothing may be sent".to_owned());
        }
        let (script, config) = (Arc::clone(script), config.cloned());
        thread::spawn(move || match tls {
            Some(Tls::NotSpoken) => refuse(stream),
            _ => serve(stream, &script, config.as_ref()),
        });
    }
}

/// An error here is a client that hung up, as some cases want.
fn serve(stream: TcpStream, script: &Script, config: Option<&Arc<ServerConfig>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match config {
        Some(config) => {
            let mut below = stream.try_clone()?;
            let served = connection::serve(tls::encrypt(stream, config)?, script);
            if served.is_err() {
                // Closed with something unread, the alert would not arrive.
                below.shutdown(Shutdown::Write)?;
                below.read_to_end(&mut Vec::new())?;
            }
            served
        }
        None => connection::serve(stream, script),
    }
}

/// Answers as a server does that gets TLS where it expects HTTP.
fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Writes the file that a runner is to trust, unless the case is about a certificate it does not.
fn ca_bundle(
    tls: Option<Tls>,
    identity: Option<&Identity>,
    socket: SocketAddr,
) -> io::Result<Option<PathBuf>> {
    let Some(identity) = identity.filter(|_| tls != Some(Tls::Untrusted)) else { return Ok(None) };
    write("", socket, &identity.pem).map(Some)
}

/// Writes the file by which a runner shows who it is.
fn client_cert(identity: Option<&Identity>, socket: SocketAddr) -> io::Result<Option<PathBuf>> {
    let pem = identity.and_then(|identity| identity.client.as_ref());
    pem.map(|pem| write("client-", socket, pem)).transpose()
}

fn write(what: &str, socket: SocketAddr, pem: &str) -> io::Result<PathBuf> {
    let name = format!("ikcrm-{what}{}-{}.pem", std::process::id(), socket.port());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, pem)?;
    Ok(path)
}
