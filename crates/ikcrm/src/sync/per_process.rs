//! `PerProcess`: what belongs to one process and is of no use to its forks.

use std::sync::OnceLock;

/// A value for each process that uses it: sockets, threads and locks do not survive a fork.
///
/// The first of a list that grows by one at each fork; reading it takes no lock that a fork could
/// leave locked.
pub(crate) struct PerProcess<T> {
    id: u32,
    value: T,
    forked: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    /// The value for the running process.
    pub(crate) fn new(value: T) -> Self {
        Self { id: std::process::id(), value, forked: OnceLock::new() }
    }

    /// The running process's value; `make` makes it of the parent's in a process that was forked
    /// meanwhile.
    pub(crate) fn current(&self, make: impl Fn(&T) -> T) -> &T {
        let id = std::process::id();
        let mut process = self;
        while process.id != id {
            process = process.forked.get_or_init(|| Box::new(Self::new(make(&process.value))));
        }
        &process.value
    }

    /// The running process's value, if it has one yet.
    pub(crate) fn existing(&self) -> Option<&T> {
        let id = std::process::id();
        let mut process = self;
        while process.id != id {
            process = process.forked.get()?;
        }
        Some(&process.value)
    }
}
