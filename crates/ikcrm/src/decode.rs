//! Makes an answer or an error of an HTTP response. Pure.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::error::{ApiError, ApiErrorKind};
use crate::opportunity::OPPORTUNITY;
use crate::record::{Kind, Record, Typed};
use crate::{Error, Opportunity};

const EXCERPT_BYTES: usize = 200;

/// What came back over HTTP.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// The form of every answer of the API.
#[derive(Deserialize)]
struct Envelope<'a> {
    code: Option<Json>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    message: Option<Json>,
    error: Option<Json>,
    original_message: Option<Json>,
}

impl Envelope<'_> {
    /// The body's `code`, a number or its digits.
    fn code(&self) -> Option<i64> {
        match self.code.as_ref()? {
            Json::Number(number) => number.as_i64(),
            Json::String(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// The CRM's own words: the first of its texts that says something.
    fn message(&self) -> String {
        [&self.message, &self.error, &self.original_message]
            .into_iter()
            .flatten()
            .map(|text| text.as_str().map_or_else(|| text.to_string(), ToOwned::to_owned))
            .find(|text| !text.trim().is_empty() && text != "null")
            .unwrap_or_default()
    }
}

/// The opportunity in an answer, or the error that it tells: the body's `code` first, then the
/// status.
pub(crate) fn opportunity(response: HttpResponse) -> Result<Opportunity, Error> {
    let HttpResponse { status, content_type, body } = response;
    let text = match String::from_utf8(body) {
        Ok(text) => text,
        Err(error) => return Err(foreign(status, &content_type, error.as_bytes(), "not UTF-8")),
    };
    let foreign = |what: &str| foreign(status, &content_type, text.as_bytes(), what);
    let envelope: Envelope<'_> = serde_json::from_str(&text).map_err(|error| {
        foreign(if error.is_data() { "not of the API's form" } else { "not JSON" })
    })?;
    match envelope.code() {
        Some(0) => {}
        Some(code) => return Err(refusal(status, code, envelope.message())),
        None => return Err(foreign("without a code")),
    }
    let Some(data) = envelope.data.filter(|data| data.get().starts_with('{')) else {
        return Err(foreign("without an object as data"));
    };
    let start = data.get().as_ptr() as usize - text.as_ptr() as usize;
    let record =
        Record::new(&OPPORTUNITY, Arc::from(text.as_str()), start..start + data.get().len());
    let has_id =
        begins_with_id(data.get()) || matches!(record.read("id", Kind::Id), Ok(Typed::Id(_)));
    if has_id { Ok(record.into()) } else { Err(foreign("without the opportunity's id")) }
}

/// Whether a numeric id comes first, as the CRM sends it: then the object need not be read through.
fn begins_with_id(json: &str) -> bool {
    let id =
        json.strip_prefix('{').map(str::trim_start).and_then(|rest| rest.strip_prefix("\"id\""));
    let value =
        id.map(str::trim_start).and_then(|rest| rest.strip_prefix(':')).map(str::trim_start);
    value.is_some_and(|value| value.starts_with(|first: char| first.is_ascii_digit()))
}

/// The error of an answer with a `code` other than 0.
fn refusal(status: u16, code: i64, message: String) -> Error {
    let kind = kind_of_code(code);
    let may_have_been_applied = kind == ApiErrorKind::Server || status >= 500;
    let api_code = Some(code);
    Error::Api(Box::new(ApiError { kind, status, api_code, message, may_have_been_applied }))
}

/// The kinds of the codes that are known; `tests/contract/errors.json` has them too.
#[doc(hidden)]
#[must_use]
pub fn kind_of_code(code: i64) -> ApiErrorKind {
    match code {
        100_401 | 100_400 | 100_000 | 100_500 | 100_600 | 401 => ApiErrorKind::Auth,
        100_100 | 100_111 => ApiErrorKind::NotFound,
        100_406 | 400_100 => ApiErrorKind::InvalidParameters,
        500 => ApiErrorKind::Server,
        _ => ApiErrorKind::Other,
    }
}

/// The error of a response that is not in the API's form: the status decides.
fn foreign(status: u16, content_type: &str, body: &[u8], what: &str) -> Error {
    let shown = body.get(..EXCERPT_BYTES).unwrap_or(body);
    let excerpt = String::from_utf8_lossy(shown);
    let retry_later = body.trim_ascii() == b"Retry later";
    let kind = match status {
        _ if retry_later => ApiErrorKind::RateLimited,
        401 => ApiErrorKind::Auth,
        404 => ApiErrorKind::NotFound,
        400 | 422 => ApiErrorKind::InvalidParameters,
        429 => ApiErrorKind::RateLimited,
        500.. => ApiErrorKind::Server,
        400.. => ApiErrorKind::Other,
        _ => return invalid(status, content_type, &excerpt, what),
    };
    let message = match excerpt.trim() {
        "" => format!("the answer had no body ({content_type})"),
        _ if retry_later => excerpt.into_owned(),
        text => format!("an answer {what} ({content_type}): {text}"),
    };
    let may_have_been_applied = !retry_later && (status >= 500 || status == 408);
    Error::Api(Box::new(ApiError { kind, status, api_code: None, message, may_have_been_applied }))
}

fn invalid(status: u16, content_type: &str, excerpt: &str, what: &str) -> Error {
    let hint = if (300..400).contains(&status) {
        "; redirects are not followed: check base_url"
    } else {
        ""
    };
    Error::InvalidAnswer {
        message: format!(
            "an answer {what} (HTTP {status}, {content_type}){hint}; it begins: {excerpt}"
        ),
        status: Some(status),
        may_have_been_applied: true,
    }
}
