//! `OpportunityList`: the rows of a list, page after page as they are needed.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use super::calls::checked;
use super::prepared::PreparedCall;
use crate::api::opportunities;
use crate::call::{Call, Engine};
use crate::config::CallOptions;
use crate::error::Error;
use crate::lookup;
use crate::request::CheckedQuery;
use crate::response::{OpportunityPage, OpportunityRow};
use crate::sync::{Cancel, Permits, block_on, lock};

/// The opportunities of a query: an iterator over its rows, which reads a page when it needs one.
///
/// ```no_run
/// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
/// let query = ikcrm::OpportunityQuery::new().stage("谈判/合同");
/// for row in client.list_opportunities(&query)? {
///     let row = row?;
///     println!("{:?} for {:?}", row.title()?, row.customer_name()?);
/// }
/// # Ok::<(), ikcrm::Error>(())
/// ```
///
/// A list is no snapshot: what is made or deleted while it is read may move rows from page to page,
/// so that one is seen twice or not at all; ordered by `id` or `created_at`, ascending, new rows come
/// last and move none. An iterator that failed is at its end; [`next_page`](Self::next_page) may be
/// called again after a failure and reads the same page.
#[must_use = "a list reads nothing until it is asked for rows"]
pub struct OpportunityList {
    pager: Arc<Pager>,
    rows: std::vec::IntoIter<OpportunityRow>,
    /// Whether the iterator is at its end.
    ended: bool,
}

/// Reads the pages of a list, one at a time.
struct Pager {
    engine: Arc<Engine>,
    options: CallOptions,
    /// Who may read a page.
    turn: Permits,
    at: Mutex<Position>,
}

/// How far a list was read.
#[derive(Debug, Clone)]
struct Position {
    query: CheckedQuery,
    /// The page to read next; nothing after the last.
    next: Option<u32>,
    /// How many rows came.
    seen: u64,
    total_count: Option<u64>,
    /// The rows of the page before.
    before: Vec<OpportunityRow>,
}

impl OpportunityList {
    pub(super) fn new(engine: Arc<Engine>, query: CheckedQuery, options: CallOptions) -> Self {
        let at = Position { query, next: Some(1), seen: 0, total_count: None, before: Vec::new() };
        let pager = Pager { engine, options, turn: Permits::new(1), at: Mutex::new(at) };
        Self { pager: Arc::new(pager), rows: Vec::new().into_iter(), ended: false }
    }

    /// How many rows the CRM says that the whole list has, as of the page that was read last; nothing
    /// before the first. It does not wait for a page that is being read.
    #[must_use]
    pub fn total_count(&self) -> Option<u64> {
        lock(&self.pager.at).total_count
    }

    /// Reads the next page: `GET /api/v2/opportunities`; nothing when there is none.
    ///
    /// The iterator is built on it: rows that it has read but not yet given are not given here.
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when the label of the stage stands for none that is possible, and what a
    /// call can fail with.
    pub fn next_page(&mut self) -> Result<Option<OpportunityPage>, Error> {
        let options = &self.pager.options;
        block_on(self.pager.next_page(options), options.cancel.as_ref())
    }

    /// The call of [`next_page`](Self::next_page), to be made later or elsewhere; `cancel` ends this
    /// call alone. Pages are read one at a time, in order, however many are asked for at once.
    pub fn prepare_next_page(
        &self,
        cancel: Option<Cancel>,
    ) -> PreparedCall<Option<OpportunityPage>> {
        let options = cancel.into_iter().fold(self.pager.options.clone(), CallOptions::also_cancel);
        let pager = Arc::clone(&self.pager);
        PreparedCall::new(&self.pager.engine, options, |_, options| async move {
            pager.next_page(&options).await
        })
    }
}

impl Pager {
    async fn next_page(&self, options: &CallOptions) -> Result<Option<OpportunityPage>, Error> {
        checked().await;
        let call = self.engine.call(options);
        call.to("GET", opportunities::ALL, pin!(self.read(&call))).await
    }

    async fn read(&self, call: &Call<'_>) -> Result<Option<OpportunityPage>, Error> {
        let _turn = call.budget().wait_for("another page of the list", self.turn.take()).await?;
        let mut at = lock(&self.at).clone();
        let Some(number) = at.next else { return Ok(None) };
        if let Some(label) = at.query.stage.take() {
            let id = lookup::resolve_filter("stage", &label, call).await?;
            at.query.parameters.push(("stage", id));
        }
        let page = call.send(&opportunities::list(&at.query, number), opportunities::page).await?;
        if at.is_repeated(&page) {
            return Err(opportunities::repeated(number));
        }
        at.seen += page.rows.len() as u64;
        at.total_count = page.total_count;
        at.before.clone_from(&page.rows);
        at.next = if at.is_last(&page) { None } else { number.checked_add(1) };
        *lock(&self.at) = at;
        Ok((!page.rows.is_empty()).then_some(page))
    }
}

impl Position {
    /// Whether the CRM serves one page again and again. A single row may also have moved on by one.
    fn is_repeated(&self, page: &OpportunityPage) -> bool {
        let too_many = page.total_count.is_none_or(|total| self.seen >= total);
        !page.rows.is_empty() && page.rows == self.before && (page.rows.len() > 1 || too_many)
    }

    /// Whether no page comes after this one. The CRM's count decides unless it is plainly wrong; a
    /// page that is not full is the last one when there is no count to go by.
    fn is_last(&self, page: &OpportunityPage) -> bool {
        let rows = page.rows.len() as u64;
        let full = u64::from(self.query.per_page).min(page.per_page.unwrap_or(u64::MAX));
        match page.total_count {
            _ if rows == 0 => true,
            Some(total) if self.seen <= total => self.seen == total,
            _ => rows < full,
        }
    }
}

impl fmt::Debug for OpportunityList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = lock(&self.pager.at);
        f.debug_struct("OpportunityList")
            .field("query", &at.query)
            .field("next", &at.next)
            .field("seen", &at.seen)
            .finish_non_exhaustive()
    }
}

impl Iterator for OpportunityList {
    type Item = Result<OpportunityRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.rows.next() {
            return Some(Ok(row));
        }
        if self.ended {
            return None;
        }
        match self.next_page() {
            Ok(page) => self.rows = page?.rows.into_iter(),
            Err(error) => {
                self.ended = true;
                return Some(Err(error));
            }
        }
        self.rows.next().map(Ok)
    }
}
