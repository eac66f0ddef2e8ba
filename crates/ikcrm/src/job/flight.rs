//! The updates of a run that are under way, and how many there may be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::crm::Crm;
use super::landing::{Landing, Landings};
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
    landings: Arc<Landings>,
    /// How long the last commit took.
    commit: Duration,
}

impl Flight {
    pub(super) fn new() -> Self {
        let landings = Arc::default();
        Self { rows: BTreeMap::new(), wide: 1, landings, commit: Duration::ZERO }
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
        let landing = Landing::new(row.number, Arc::clone(&self.landings));
        let id = row.id.unwrap_or_default();
        self.rows.insert(row.number, row);
        crm.update(id, update, landing);
    }

    /// The rows whose answers came, in the order in which they did.
    pub(super) fn take(&mut self) -> Vec<(Row, Result<Opportunity, Error>)> {
        let came = self.landings.take().into_iter();
        came.filter_map(|(number, answer)| Some((self.rows.remove(&number)?, answer))).collect()
    }

    /// Notes how long it took to write down what became of rows.
    pub(super) fn committed(&mut self, took: Duration) {
        self.commit = took;
    }

    /// Waits until an answer came, for a tenth of a second at most; then for more, as long as the last
    /// commit took at most: one that is for all costs less than one for each.
    pub(super) fn wait(&self, crm: &dyn Crm, longest: Duration) {
        crm.end_late();
        let longest = longest.min(SLICE);
        if self.landings.wait(1, longest) {
            self.landings.wait(self.rows.len(), self.commit.min(longest));
        }
    }
}
