//! TCP connections that can be interrupted, and that send a small request in one write.
//!
//! Reads and writes wait in slices of a tenth of a second and ask the attempt before each: no
//! thread, no extra system call on the fast path. Output is held back until input is wanted, so
//! that header and body leave together.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::attempt::{Attempt, interruptible, slice, told};
use crate::sync::SLICE;

/// The longest time that making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a look takes at an answer that nobody waits for any more.
const LOOK: Duration = Duration::from_millis(1);
/// Output beyond this is not held back.
const MAX_PENDING: usize = 64 * 1024;

/// A layer of a connection: TCP, or TLS over another.
pub(super) trait Layer: Read + Write + std::fmt::Debug + Send + Sync {
    /// Whether nothing has come that was not read: neither bytes nor the end. Never waits.
    fn is_idle(&mut self) -> bool;
}

impl Layer for Box<dyn Layer> {
    fn is_idle(&mut self) -> bool {
        self.as_mut().is_idle()
    }
}

/// A TCP connection.
pub(super) struct Tcp {
    stream: TcpStream,
    /// Output that is held back until input is wanted.
    pending: Vec<u8>,
    /// The read timeout that the socket has now.
    slice: Duration,
    /// Why no more can be sent.
    broken: Option<io::Error>,
}

impl Tcp {
    /// Connects to the first of the addresses that answers.
    pub(super) fn connect(addresses: Vec<SocketAddr>) -> io::Result<Self> {
        let stream = interruptible(move || connect(&addresses))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SLICE))?;
        stream.set_write_timeout(Some(SLICE))?;
        Ok(Self { stream, pending: Vec::new(), slice: SLICE, broken: None })
    }

    fn send(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        told(Attempt::sending);
        let mut rest = self.pending.as_slice();
        while !rest.is_empty() {
            slice()?;
            match self.stream.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(sent) => {
                    rest = rest.get(sent..).unwrap_or_default();
                    told(Attempt::sent_bytes);
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        Ok(())
    }

    /// Waits no longer than the deadline allows; away from it this costs no system call.
    fn set_slice(&mut self, slice: Duration) -> io::Result<()> {
        if slice != self.slice {
            self.stream.set_read_timeout(Some(slice))?;
            self.slice = slice;
        }
        Ok(())
    }
}

/// Gives each address its part of the time, so that one that is silent does not take it all.
fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let end = Instant::now() + CONNECT_TIMEOUT;
    let mut last = ErrorKind::AddrNotAvailable.into();
    for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
        let part = end.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(1);
        match TcpStream::connect_timeout(address, part.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            // Another kind than that of an attempt that was ended.
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                last = io::Error::other("nobody answered in time");
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the other side does not listen any more.
fn is_hang_up(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

/// Whether a wait merely ended before anything happened.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // After sending there is a look at least: an answer that came counts more than a cancel.
        let mut look = !self.pending.is_empty();
        self.flush()?;
        loop {
            let slice = if look { slice().unwrap_or(LOOK) } else { slice()? };
            look = false;
            self.set_slice(slice)?;
            match self.stream.read(buffer) {
                Err(error) if is_pause(&error) => {}
                Ok(received @ 1..) => return Ok(received),
                result => return self.broken.take().map_or(result, Err),
            }
        }
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken.is_none() {
            self.pending.extend_from_slice(bytes);
        }
        if self.pending.len() > MAX_PENDING {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    /// Sends what was held back. A server that hangs up meanwhile may have answered before: that it
    /// did hang up is told when there is nothing to read.
    fn flush(&mut self) -> io::Result<()> {
        let sent = self.send();
        match sent {
            Err(error) if is_hang_up(&error) => {
                self.pending.clear();
                self.broken = Some(error);
                Ok(())
            }
            sent => sent,
        }
    }
}

impl Layer for Tcp {
    #[cfg(unix)]
    fn is_idle(&mut self) -> bool {
        use rustix::net::{RecvFlags, recv};
        let peeked = recv(&self.stream, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(peeked, Err(rustix::io::Errno::AGAIN))
    }

    #[cfg(not(unix))]
    fn is_idle(&mut self) -> bool {
        let peek = self.stream.set_nonblocking(true);
        let peek = peek.and_then(|()| self.stream.peek(&mut [0; 1]).map(drop));
        let idle = peek.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && idle
    }
}

impl std::fmt::Debug for Tcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tcp").field("peer", &self.stream.peer_addr().ok()).finish_non_exhaustive()
    }
}
