//! `NativeList`: a list of opportunities, page after page.

use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::{CallOptions, Client, Error, OpportunityList};
use napi::bindgen_prelude::Utf16String;
use napi_derive::napi;

use crate::answer::text;
use crate::completion::{CompletionQueue, start};

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
    /// Reads the next page: `[total count, [row, …]]`, with null for the rows when there is none.
    #[napi]
    pub fn next(&self, queue: &CompletionQueue, call: i64) {
        let list = Arc::clone(&self.list);
        start(&self.client, queue, call, self.options.clone(), move |_, _| next(&list));
    }
}

fn next(list: &Mutex<OpportunityList>) -> Result<Utf16String, Error> {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = list.next_page()?.map(|page| {
        let rows: Vec<_> = page.rows.iter().map(|row| row.raw()).collect();
        format!("[{}]", rows.join(","))
    });
    let total = list.total_count().map(|total| total.to_string());
    let or_null = |json: Option<String>| json.unwrap_or_else(|| "null".to_owned());
    Ok(text(&format!("[{},{}]", or_null(total), or_null(rows))))
}
