//! `NativeList`: a list of opportunities, page after page.

use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::{CallOptions, Client, Error, OpportunityList};
use napi::bindgen_prelude::Utf16String;
use napi_derive::napi;

use crate::answer::text;
use crate::client::start;
use crate::completion::CompletionQueue;

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
    /// Reads the next page: `[total count, [row, …]]`, or null when there is none.
    #[napi]
    pub fn next(&self, queue: &CompletionQueue, call: i64) {
        let list = Arc::clone(&self.list);
        start(&self.client, queue, call, self.options.clone(), move |_, _| next(&list));
    }
}

fn next(list: &Mutex<OpportunityList>) -> Result<Utf16String, Error> {
    let page = list.lock().unwrap_or_else(PoisonError::into_inner).next_page()?;
    let Some(page) = page else { return Ok(text("null")) };
    let total = page.total_count.map_or_else(|| "null".to_owned(), |total| total.to_string());
    let rows: Vec<_> = page.rows.iter().map(|row| row.raw()).collect();
    Ok(text(&format!("[{total},[{}]]", rows.join(","))))
}
