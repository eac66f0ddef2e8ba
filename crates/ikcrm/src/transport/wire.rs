//! `Wire`: a connection as ureq sees it, in plain text. It counts what goes over it, so that
//! handshakes and session tickets are never taken for a request or an answer.

use std::io::{self, Write};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

use super::attempt::{Attempt, told};
use super::bounds::{BUFFER, MAX_ANSWER};
use super::failure::{Fault, unmasked};
use super::head::{self, Head};
use super::tcp::Layer;

/// The most bytes of interim answers before the answer.
const MAX_INTERIM: usize = 256 * 1024;
/// The most bytes of an answer with what chunks add to it.
const MAX_RECEIVED: u64 = 2 * MAX_ANSWER;

/// A connection.
pub(super) struct Wire {
    link: Box<dyn Layer>,
    encrypted: bool,
    buffers: LazyBuffers,
    /// The answer's first bytes, until its head is complete.
    begun: Vec<u8>,
    filled: usize,
    in_head: bool,
    /// How many bytes came of this answer, and of interim ones before it.
    received: u64,
    interim: usize,
    /// Whether the connection went back to the pool.
    resting: bool,
}

impl Wire {
    pub(super) fn new(link: Box<dyn Layer>, encrypted: bool) -> Self {
        Self {
            link,
            encrypted,
            buffers: LazyBuffers::new(BUFFER, BUFFER),
            begun: Vec::new(),
            filled: 0,
            in_head: true,
            received: 0,
            interim: 0,
            resting: false,
        }
    }

    /// A request begins, and so does what is counted of its answer.
    fn begin(&mut self) {
        told(Attempt::offered);
        (self.in_head, self.filled) = (true, 0);
        (self.received, self.interim, self.resting) = (0, 0, false);
    }

    /// Receives until the head is complete, and hands it on with what came after it.
    fn receive_head(&mut self) -> io::Result<usize> {
        loop {
            match head::look(self.begun.get(..self.filled).unwrap_or_default()) {
                Head::Interim(length) => self.skip(length)?,
                Head::Incomplete => {
                    if self.receive_more_of_head()? == 0 {
                        return Ok(0);
                    }
                }
                Head::Final(length) => {
                    head::unfold(self.begun.get_mut(..length).unwrap_or_default());
                    return Ok(self.hand_on_head());
                }
                Head::Foreign => return Ok(self.hand_on_head()),
            }
        }
    }

    fn skip(&mut self, length: usize) -> io::Result<()> {
        self.interim += length;
        if self.interim > MAX_INTERIM {
            return Err(Fault::of_answer("the interim answers (1xx) do not end").into());
        }
        self.begun.copy_within(length..self.filled, 0);
        self.filled -= length;
        Ok(())
    }

    fn receive_more_of_head(&mut self) -> io::Result<usize> {
        self.begun.resize(BUFFER, 0);
        let room = self.begun.get_mut(self.filled..).unwrap_or_default();
        if room.is_empty() {
            return Err(Fault::of_answer("the answer's headers are longer than 16 KiB").into());
        }
        let received = self.link.read(room)?;
        self.filled += received;
        self.count(received)
    }

    /// ureq's buffer is as large as this one, and empty before it.
    fn hand_on_head(&mut self) -> usize {
        self.in_head = false;
        let room = self.buffers.input_append_buf();
        let length = self.filled.min(room.len());
        if let (Some(room), Some(begun)) = (room.get_mut(..length), self.begun.get(..length)) {
            room.copy_from_slice(begun);
        }
        length
    }

    fn receive_body(&mut self) -> io::Result<usize> {
        let room = self.buffers.input_append_buf();
        if room.is_empty() {
            return Err(Fault::of_answer("a line of the answer is longer than 16 KiB").into());
        }
        let received = self.link.read(room)?;
        self.count(received)
    }

    fn count(&mut self, received: usize) -> io::Result<usize> {
        if received > 0 {
            told(Attempt::received_bytes);
        }
        self.received += received as u64;
        if self.received > MAX_RECEIVED {
            return Err(Fault::of_answer("it does not end").into());
        }
        Ok(received)
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.begin();
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.link.write_all(output).map_err(unmasked)?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let received = if self.in_head { self.receive_head() } else { self.receive_body() };
        let received = received.map_err(unmasked)?;
        self.buffers.input_appended(received);
        Ok(received > 0)
    }

    /// ureq asks when an answer is complete, and again before the connection is used for another
    /// request: then it must be idle, for whatever came meanwhile is not that request's answer.
    fn is_open(&mut self) -> bool {
        !std::mem::replace(&mut self.resting, true) || self.link.is_idle()
    }

    fn is_tls(&self) -> bool {
        self.encrypted
    }
}

/// Without what it holds.
impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("link", &self.link).finish_non_exhaustive()
    }
}
