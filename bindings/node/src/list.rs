//! `NativeList`: a list of opportunities, page after page.

use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::{CallOptions, Client, Error, OpportunityList};
use napi_derive::napi;

use crate::completion::NativeCall;
use crate::decode;

/// The pages of a list.
#[napi]
pub struct NativeList {
    client: Client,
    list: Arc<Mutex<OpportunityList>>,
    /// Ends the calls of the list.
    options: CallOptions,
}

impl NativeList {
    pub(crate) fn new(client: Client, list: OpportunityList, options: CallOptions) -> Self {
        Self { client, list: Arc::new(Mutex::new(list)), options }
    }
}

#[napi]
impl NativeList {
    /// The reading of the next page: `[total count, [row, …]]`, with null for the rows when there is
    /// none.
    #[napi]
    #[must_use]
    pub fn next(&self) -> NativeCall {
        let list = Arc::clone(&self.list);
        NativeCall::new(&self.client, self.options.clone(), move |_, _| next(&list))
    }
}

fn next(list: &Mutex<OpportunityList>) -> Result<String, Error> {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    let page = list.next_page()?;
    let rows: Option<Vec<_>> =
        page.as_ref().map(|page| page.rows.iter().map(|row| &**row).collect());
    Ok(decode::page(list.total_count(), rows.as_deref()))
}
