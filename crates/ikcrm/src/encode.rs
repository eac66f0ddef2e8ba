//! Makes the HTTP request of a checked call. Pure.

use serde::Serialize;

use crate::config::Config;
use crate::validate::{Checked, Fields};

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Serialize)]
struct Body<'a> {
    opportunity: &'a Fields<'a>,
}

/// `PUT /api/v2/opportunities/:id`.
pub(crate) fn update(config: &Config, call: &Checked<'_>) -> HttpRequest {
    #[expect(clippy::expect_used, reason = "text keys and checked values, written to memory")]
    let body = serde_json::to_vec(&Body { opportunity: &call.fields }).expect("JSON");
    HttpRequest { url: format!("{}/api/v2/opportunities/{}", config.base_url, call.id), body }
}
