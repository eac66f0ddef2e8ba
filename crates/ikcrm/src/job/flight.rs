//! The updates of a run that are under way, and how many there may be.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::crm::Crm;
use super::landing::{Landed, Landing};
use super::row::Row;
use crate::error::Error;
use crate::input::check::Fields;
use crate::response::Opportunity;
use crate::sync::SLICE;

/// How many updates may be under way at once. More would hardly be faster, for 32 calls of 50 ms each
/// are 640 rows a second, and each holds a thread and a connection of the CRM's.
const MOST: usize = 32;

/// Rows whose updates are under way.
pub(super) struct Flight {
    rows: BTreeMap<i64, Row>,
    /// How many may be under way just now. It begins with one and grows with each answer, so that the
    /// first row shows what is wrong with all; each passing failure halves it.
    wide: usize,
    /// What came while it was waited for.
    first: Option<Landed>,
    bring: Sender<Landed>,
    landed: Receiver<Landed>,
}

impl Flight {
    pub(super) fn new() -> Self {
        let (bring, landed) = channel();
        Self { rows: BTreeMap::new(), wide: 1, first: None, bring, landed }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many more updates may start, if so many may fail yet.
    pub(super) fn free(&self, may_fail: u64) -> usize {
        let most = usize::try_from(may_fail).unwrap_or(MOST).min(self.wide);
        most.saturating_sub(self.rows.len())
    }

    /// The CRM answered: one more may be under way.
    pub(super) fn widen(&mut self) {
        self.wide = (self.wide + 1).min(MOST);
    }

    /// A call failed in passing: fewer may be under way.
    pub(super) fn narrow(&mut self) {
        self.wide = (self.wide / 2).max(1);
    }

    /// Starts the update of a row.
    pub(super) fn start(&mut self, crm: &dyn Crm, row: Row, update: Fields<'static>) {
        let landing = Landing::new(row.number, self.bring.clone());
        let id = row.id.unwrap_or_default();
        self.rows.insert(row.number, row);
        crm.update(id, update, landing);
    }

    /// The rows whose answers came, in the order in which they did.
    pub(super) fn take(&mut self) -> Vec<(Row, Result<Opportunity, Error>)> {
        let came = self.first.take().into_iter().chain(self.landed.try_iter());
        came.filter_map(|(number, answer)| Some((self.rows.remove(&number)?, answer))).collect()
    }

    /// Waits until an answer came, for a tenth of a second at most.
    pub(super) fn wait(&mut self, crm: &dyn Crm, longest: Duration) {
        crm.end_late();
        if self.first.is_none() {
            self.first = self.landed.recv_timeout(longest.min(SLICE)).ok();
        }
    }
}
