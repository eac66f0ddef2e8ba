//! The script of a case while it is played: what is still to come and what went wrong.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::case::Exchange;

/// Shared by the connections of one case.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Progress>);

/// How far a script is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) left: VecDeque<Exchange>,
    pub(crate) exchanges: usize,
    pub(crate) connections: usize,
    pub(crate) problems: Vec<String>,
    /// The peer of the connection after which no more are accepted.
    pub(crate) last: Option<SocketAddr>,
}

impl Script {
    pub(crate) fn new(exchanges: &[Exchange]) -> Self {
        let left = exchanges.iter().cloned().collect();
        Self(Mutex::new(Progress { left, ..Progress::default() }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exchange for a request that came.
    pub(crate) fn next(&self) -> Option<Exchange> {
        let mut progress = self.lock();
        progress.exchanges += 1;
        let next = progress.left.pop_front();
        if next.is_none() {
            progress.problems.push("a request came after the last exchange".to_owned());
        }
        next
    }

    /// Notes what was wrong with the request that came last.
    pub(crate) fn note(&self, problems: Vec<String>) {
        let mut progress = self.lock();
        let exchange = progress.exchanges;
        progress.problems.extend(problems.into_iter().map(|p| format!("exchange {exchange}: {p}")));
    }
}
