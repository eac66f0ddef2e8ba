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
    /// How many bytes of the answer's head came that ureq was not told of.
    begun: usize,
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
            begun: 0,
            in_head: true,
            received: 0,
            interim: 0,
            resting: false,
        }
    }

    /// A request begins, and so does what is counted of its answer.
    fn begin(&mut self) {
        told(Attempt::offered);
        (self.in_head, self.begun) = (true, 0);
        (self.received, self.interim, self.resting) = (0, 0, false);
    }

    /// Receives until the head is complete: how long it is with what came after it. All of that is in
    /// ureq's buffer, of which ureq sees no more than it was told of.
    fn receive_head(&mut self) -> io::Result<usize> {
        loop {
            let room = self.buffers.input_append_buf();
            let (begun, free) = room.split_at_mut_checked(self.begun).unwrap_or_default();
            match head::look(begun) {
                Head::Interim(length) => {
                    begun.copy_within(length.., 0);
                    self.begun -= length;
                    self.interim += length;
                    if self.interim > MAX_INTERIM {
                        let fault = "the interim answers (1xx) do not end";
                        return Err(Fault::of_answer(fault).into());
                    }
                }
                Head::Incomplete if free.is_empty() => {
                    let fault = "the answer's headers are longer than 16 KiB";
                    return Err(Fault::of_answer(fault).into());
                }
                Head::Incomplete => {
                    let received = self.link.read(free)?;
                    self.begun += received;
                    if self.count(received)? == 0 {
                        return Ok(0);
                    }
                }
                head @ (Head::Final(_) | Head::Foreign) => {
                    if let Head::Final(length) = head {
                        head::unfold(begun.get_mut(..length).unwrap_or_default());
                    }
                    self.in_head = false;
                    return Ok(self.begun);
                }
            }
        }
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
