//! TCP connections that can be interrupted, and that send a small request in one write.
//!
//! Reads and writes wait in slices of a tenth of a second and ask the attempt in between: no
//! thread, no extra system call on the fast path. Output is held back until ureq wants input, so
//! that header and body leave together.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::attempt::Attempt;
use crate::sync::SLICE;

/// The longest time that making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is taken to be open after bytes came.
const TRUSTED: Duration = Duration::from_secs(1);
/// Output beyond this is not held back.
const MAX_PENDING: usize = 64 * 1024;

/// Opens connections, unless a proxy's connector did.
#[derive(Debug)]
pub(super) struct SlicedConnector;

impl<In: Transport> Connector<In> for SlicedConnector {
    type Out = Either<In, SlicedTcp>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let addresses = details.addrs.to_vec();
        let connect = move || {
            let mut last = ErrorKind::AddrNotAvailable.into();
            for address in &addresses {
                match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        let stream = match Attempt::current() {
            Some(attempt) => attempt.off_thread(connect)?,
            None => connect()?,
        };
        let buffers = (details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(SlicedTcp::new(stream, buffers)?)))
    }
}

/// Marks the beginning of connecting.
#[derive(Debug)]
pub(super) struct Connecting;

impl Connector for Connecting {
    type Out = SlicedTcp;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<SlicedTcp>, Error> {
        told(Attempt::connecting);
        Ok(None)
    }
}

/// Marks the end of connecting: only what goes out from here on is the request.
#[derive(Debug)]
pub(super) struct Established;

impl<In: Transport> Connector<In> for Established {
    type Out = In;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<In>, Error> {
        if let Some(attempt) = Attempt::current() {
            attempt.connected();
            // What was cancelled meanwhile is not sent any more.
            attempt.check()?;
        }
        Ok(chained)
    }
}

/// A TCP connection.
pub(super) struct SlicedTcp {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// Output that is held back until input is wanted.
    pending: Vec<u8>,
    /// The read timeout that the socket has now.
    slice: Duration,
    /// When bytes last came.
    received_at: Instant,
}

impl SlicedTcp {
    fn new(stream: TcpStream, (input, output): (usize, usize)) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SLICE))?;
        stream.set_write_timeout(Some(SLICE))?;
        let buffers = LazyBuffers::new(input, output);
        Ok(Self { stream, buffers, pending: Vec::new(), slice: SLICE, received_at: Instant::now() })
    }

    /// Sends what was held back.
    fn flush(&mut self) -> io::Result<()> {
        let mut rest = self.pending.as_slice();
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(sent) => {
                    rest = rest.get(sent..).unwrap_or_default();
                    told(Attempt::sent_bytes);
                }
                Err(error) => again_or_fail(error)?,
            }
        }
        self.pending.clear();
        Ok(())
    }

    fn receive(&mut self) -> io::Result<usize> {
        self.flush()?;
        loop {
            self.shorten_slice()?;
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(received) => return Ok(received),
                Err(error) => again_or_fail(error)?,
            }
        }
    }

    /// Waits no longer than the deadline allows; away from it this costs no system call.
    fn shorten_slice(&mut self) -> io::Result<()> {
        let slice = Attempt::current().map_or(SLICE, |attempt| attempt.slice());
        if slice != self.slice {
            self.stream.set_read_timeout(Some(slice))?;
            self.slice = slice;
        }
        Ok(())
    }
}

/// Lets a wait go on after a slice or a signal, unless the attempt must end.
fn again_or_fail(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
            Attempt::current().map_or(Ok(()), |attempt| attempt.check())
        }
        _ => Err(error),
    }
}

fn told(what: impl FnOnce(&Attempt)) {
    if let Some(attempt) = Attempt::current() {
        what(&attempt);
    }
}

impl Transport for SlicedTcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.pending.extend_from_slice(self.buffers.output().get(..amount).unwrap_or_default());
        if self.pending.len() > MAX_PENDING {
            self.flush()?;
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let received = self.receive()?;
        if received > 0 {
            told(Attempt::received_bytes);
        }
        self.received_at = Instant::now();
        self.buffers.input_appended(received);
        Ok(received > 0)
    }

    /// An idle connection is open while it has nothing to read: neither bytes nor its end. No
    /// server hangs up within a second, so a busy connection is not worth the system call; should
    /// it be dead all the same, the call is made again on another.
    fn is_open(&mut self) -> bool {
        self.received_at.elapsed() < TRUSTED || would_block(&self.stream)
    }
}

#[cfg(unix)]
fn would_block(stream: &TcpStream) -> bool {
    use rustix::net::{RecvFlags, recv};
    let peeked = recv(stream, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    matches!(peeked, Err(rustix::io::Errno::AGAIN))
}

#[cfg(not(unix))]
fn would_block(stream: &TcpStream) -> bool {
    let peek = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0; 1]).map(drop));
    let idle = peek.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    idle && stream.set_nonblocking(false).is_ok()
}

impl std::fmt::Debug for SlicedTcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlicedTcp")
            .field("peer", &self.stream.peer_addr().ok())
            .finish_non_exhaustive()
    }
}
