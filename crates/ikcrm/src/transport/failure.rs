//! Makes the library's error of what went wrong in an attempt.

use std::fmt;
use std::io;

use super::attempt::{Attempt, Progress, Refusal};
use crate::error::{Error, Excerpt};

/// What our own layers find wrong, in words that need no more explaining.
#[derive(Debug)]
pub(super) struct Fault {
    /// Whether the same may work later.
    pub(super) passing: bool,
    /// Whether it is the answer that is wrong.
    pub(super) of_answer: bool,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn passing(message: String) -> Self {
        Self { passing: true, of_answer: false, message }
    }

    /// One that would come again: a certificate that is not trusted, a proxy that refuses.
    pub(super) fn permanent(message: String) -> Self {
        Self { passing: false, of_answer: false, message }
    }

    pub(super) fn of_answer(message: &str) -> Self {
        Self { passing: false, of_answer: true, message: message.to_owned() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

/// The error of something that was done to `what`, unless it says so itself or was ended.
pub(super) fn while_doing(what: impl fmt::Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| match fault_in(&error) {
        None => Fault::passing(format!("{what} failed: {error}")).into(),
        Some(_) => error,
    }
}

/// A kind that ureq does not take for the end of an answer: it swallows some while it reads one.
pub(super) fn unmasked(error: io::Error) -> io::Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | ConnectionAborted | ConnectionReset => io::Error::new(BrokenPipe, error),
        _ => error,
    }
}

fn fault_in(error: &io::Error) -> Option<&Fault> {
    error.get_ref()?.downcast_ref()
}

/// Whether the answer came and cannot be read.
pub(super) fn is_of_answer(error: &ureq::Error) -> bool {
    use ureq::Error as Ureq;
    match error {
        Ureq::BodyExceedsLimit(_) | Ureq::Protocol(_) | Ureq::LargeResponseHeader(..) => true,
        Ureq::Io(error) => fault_in(error).is_some_and(|fault| fault.of_answer),
        _ => false,
    }
}

/// The error of an attempt that failed.
pub(super) fn error(attempt: &Attempt, error: &ureq::Error) -> Error {
    let may_have_been_applied = attempt.progress() != Progress::Unsent;
    match attempt.ending() {
        Some(Refusal::Cancelled) => Error::cancelled(may_have_been_applied),
        Some(Refusal::Deadline) => Error::RequestTimeout {
            message: format!("the call's time ran out while {}", attempt.step()),
            may_have_been_applied,
        },
        None if is_of_answer(error) => Error::InvalidAnswer {
            message: format!(
                "the answer is not valid HTTP, or is larger than 8 MiB: {}",
                plain(error)
            ),
            status: attempt.status(),
            excerpt: Excerpt::default(),
            may_have_been_applied,
        },
        None => Error::Transport {
            message: broken(attempt, error),
            retryable: is_passing(error),
            may_have_been_applied,
        },
    }
}

fn broken(attempt: &Attempt, error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(inner) if fault_in(inner).is_some() => inner.to_string(),
        _ => format!("{} failed: {}", attempt.step(), plain(error)),
    }
}

/// The error's words without ureq's own before them.
fn plain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server hung up".to_owned()
        }
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn is_passing(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => fault_in(error).is_none_or(|fault| fault.passing),
        ureq::Error::BadUri(_) | ureq::Error::Tls(_) | ureq::Error::TlsRequired => false,
        _ => true,
    }
}
