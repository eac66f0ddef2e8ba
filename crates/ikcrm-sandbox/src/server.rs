//! The sockets: a thread that accepts, and one for each connection; all of them end with the server.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::answers;
use crate::crm::Crm;
use crate::failures::{Fault, Outcome};
use crate::http::{ReadError, Reader, Request};

/// What fits one call and nothing more.
const STACK: usize = 512 << 10;
/// How long to wait when a connection cannot be accepted, for there may be no file left for it.
const PAUSE: Duration = Duration::from_millis(10);

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    /// The process that has the threads. A fork inherits the sockets, but not them.
    process: u32,
}

#[derive(Debug)]
struct Shared {
    crm: Arc<Crm>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    is_over: bool,
    open: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    /// The thread's own, so that it is closed when the thread lets go of it.
    stream: Weak<TcpStream>,
    thread: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start(port: u16, crm: Arc<Crm>) -> io::Result<Self> {
        let listener = Arc::new(TcpListener::bind(("127.0.0.1", port))?);
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { crm, connections: Mutex::default() });
        let (accepts, with) = (Arc::clone(&listener), Arc::clone(&shared));
        let accepting =
            thread("ikcrm-sandbox").spawn(move || while accept(&accepts, &with) {}).map(Some)?;
        Ok(Self { address, listener, shared, accepting, process: std::process::id() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        if std::process::id() != self.process {
            // The threads are the parent's, and so are the connections: leave them alone.
            std::mem::forget(accepting);
            return;
        }
        self.shared.crm.end();
        let open = self.shared.end();
        // Where this does nothing, connecting ends the wait for a connection.
        rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both).ok();
        TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).ok();
        accepting.join().ok();
        for Connection { stream, thread } in open {
            if let Some(stream) = stream.upgrade() {
                stream.shutdown(Shutdown::Both).ok();
            }
            thread.join().ok();
        }
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets no more connections in, and gives those that are open.
    fn end(&self) -> Vec<Connection> {
        let mut connections = self.connections();
        connections.is_over = true;
        std::mem::take(&mut connections.open)
    }
}

fn thread(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK)
}

/// Serves the next connection on a thread of its own; false when the server ends.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> bool {
    let accepted = listener.accept();
    let mut connections = shared.connections();
    if connections.is_over {
        return false;
    }
    let Ok((stream, _)) = accepted else {
        drop(connections);
        thread::sleep(PAUSE);
        return true;
    };
    connections.open.retain(|known| !known.thread.is_finished());
    // Answers are small and awaited: they must not wait for more.
    stream.set_nodelay(true).ok();
    let served = Arc::new(stream);
    let (stream, crm) = (Arc::downgrade(&served), Arc::clone(&shared.crm));
    // Without a thread for it, the connection is closed.
    if let Ok(thread) = thread("ikcrm-sandbox-call").spawn(move || serve(&served, &crm)) {
        connections.open.push(Connection { stream, thread });
    }
    true
}

/// Answers one request after the other. A connection that breaks is its client's concern.
fn serve(stream: &TcpStream, crm: &Crm) {
    let mut reader = Reader::new(stream);
    while let Ok(true) = exchange(stream, &mut reader, crm) {}
}

/// Answers the next request; tells whether another may follow.
fn exchange(mut stream: &TcpStream, reader: &mut Reader<'_>, crm: &Crm) -> io::Result<bool> {
    let request = match reader.next() {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(false),
        Err(ReadError::Io(error)) => return Err(error),
        Err(ReadError::Bad(status)) => {
            let answer = answers::of_status(status);
            return stream.write_all(&answer.bytes(&Request::default())).map(|()| false);
        }
    };
    match crm.call(&request) {
        Outcome::Answer(answer) => {
            stream.write_all(&answer.bytes(&request))?;
            Ok(request.keep_alive)
        }
        Outcome::Fault(fault) => fail(stream, fault).map(|()| false),
    }
}

fn fail(mut stream: &TcpStream, fault: Fault) -> io::Result<()> {
    match fault {
        // Closing with no time to linger resets the connection.
        Fault::Reset => Ok(rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?),
        // Ends when the client gives up, or the server ends.
        Fault::Hang => io::copy(&mut stream, &mut io::sink()).map(drop),
        Fault::Garbage => stream.write_all(b"this is no HTTP at all\r\n\r\n"),
    }
}
