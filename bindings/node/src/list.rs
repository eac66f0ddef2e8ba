//! `NativeList`: a list of opportunities, page after page.

use std::sync::Arc;

use ikcrm::{OpportunityList, Record};
use napi_derive::napi;

use crate::completion::{Call, CallQueue};
use crate::decode;

/// The pages of a list.
#[napi]
pub struct NativeList(Arc<OpportunityList>);

impl NativeList {
    pub(crate) fn new(list: OpportunityList) -> Self {
        Self(Arc::new(list))
    }
}

#[napi]
impl NativeList {
    /// The reading of the next page: `[total count, [row, …]]`, with null for the rows when there is
    /// none.
    #[napi]
    #[must_use]
    pub fn next(&self, calls: &CallQueue) -> i64 {
        let list = Arc::clone(&self.0);
        calls.keep(Call::new(self.0.prepare_next_page(None), move |page| {
            let rows: Option<Vec<&Record>> =
                page.as_ref().map(|page| page.rows.iter().map(|row| &**row).collect());
            decode::page(list.total_count(), rows.as_deref())
        }))
    }
}
