//! `OpportunityList`: the rows of a list, page after page as they are needed.

use std::fmt;
use std::sync::Arc;

use crate::api::opportunities;
use crate::call::Engine;
use crate::config::CallOptions;
use crate::error::Error;
use crate::lookup;
use crate::request::CheckedQuery;
use crate::response::{OpportunityPage, OpportunityRow};
use crate::sync::Cancel;

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
    engine: Arc<Engine>,
    query: CheckedQuery,
    options: CallOptions,
    /// The page to read next; nothing after the last.
    next: Option<u32>,
    /// How many rows came.
    seen: u64,
    total_count: Option<u64>,
    /// The rows of the page before.
    before: Vec<OpportunityRow>,
    rows: std::vec::IntoIter<OpportunityRow>,
}

impl OpportunityList {
    pub(crate) fn new(engine: Arc<Engine>, query: CheckedQuery, options: CallOptions) -> Self {
        Self {
            engine,
            query,
            options,
            next: Some(1),
            seen: 0,
            total_count: None,
            before: Vec::new(),
            rows: Vec::new().into_iter(),
        }
    }

    /// How many rows the CRM says that the whole list has, as of the page that was read last; nothing
    /// before the first.
    #[must_use]
    pub fn total_count(&self) -> Option<u64> {
        self.total_count
    }

    /// Replaces the flag that ends the reading of a page, so that a list goes on after a page that was
    /// cancelled.
    pub fn set_cancel(&mut self, cancel: Cancel) {
        self.options.cancel = Some(cancel);
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
        let Some(number) = self.next else { return Ok(None) };
        let page = self.read(number)?;
        if self.is_repeated(&page) {
            return Err(opportunities::repeated(number));
        }
        self.seen += page.rows.len() as u64;
        self.total_count = page.total_count;
        self.before.clone_from(&page.rows);
        self.next = if self.is_last(&page) { None } else { number.checked_add(1) };
        Ok((!page.rows.is_empty()).then_some(page))
    }

    fn read(&mut self, number: u32) -> Result<OpportunityPage, Error> {
        let call = self.engine.call(&self.options);
        if let Some(label) = &self.query.stage {
            let id = lookup::resolve_filter("stage", label, &call)?;
            self.query.parameters.push(("stage", id));
            self.query.stage = None;
        }
        call.send(&opportunities::list(&self.query, number), opportunities::page)
    }

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
        f.debug_struct("OpportunityList")
            .field("query", &self.query)
            .field("next", &self.next)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Iterator for OpportunityList {
    type Item = Result<OpportunityRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.rows.next() {
            return Some(Ok(row));
        }
        match self.next_page() {
            Ok(page) => self.rows = page?.rows.into_iter(),
            Err(error) => {
                self.next = None;
                return Some(Err(error));
            }
        }
        self.rows.next().map(Ok)
    }
}
