//! The form that all answers of the API have. Pure.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value as Json;

use crate::error::{ApiError, ApiErrorKind, Enterprise, Error};
use crate::response::{Entries, Index, Name, span};
use crate::transport::HttpResponse;

const EXCERPT_BYTES: usize = 200;
/// What the CRM says, in plain text, to a call over quota.
const RETRY_LATER: &str = "Retry later";

/// The form of every answer of the API.
#[derive(Default)]
struct Envelope {
    code: Option<Json>,
    /// Where the object lies, with its keys.
    data: Option<(Range<usize>, Index)>,
    message: Option<Json>,
    error: Option<Json>,
    original_message: Option<Json>,
    org_list: Option<Json>,
}

impl Envelope {
    fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let envelope = deserializer.deserialize_map(EnvelopeIn(text))?;
        deserializer.end()?;
        Ok(envelope)
    }

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

    /// The enterprises to choose from.
    fn enterprises(&self) -> Vec<Enterprise> {
        let text = |row: &Json, name: &str| match row.get(name) {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let enterprise =
            |row: &Json| Enterprise { corp_id: text(row, "corp_id"), name: text(row, "name") };
        let rows = self.org_list.as_ref().and_then(Json::as_array);
        rows.into_iter().flatten().map(enterprise).collect()
    }

    /// The error of an answer with a `code` other than 0.
    fn refusal(&self, status: u16, code: i64) -> Error {
        let kind = kind_of_code(code);
        Error::Api(Box::new(ApiError {
            kind,
            status,
            api_code: Some(code),
            message: self.message(),
            endpoint: None,
            enterprises: self.enterprises(),
            may_have_been_applied: kind == ApiErrorKind::Server || status >= 500,
        }))
    }
}

/// Reads the envelope that is this text, and the keys of its `data` on the way: one pass for all.
struct EnvelopeIn<'a>(&'a str);

impl<'de> Visitor<'de> for EnvelopeIn<'de> {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(Name(name)) = map.next_key()? {
            match name.as_ref() {
                "code" => envelope.code = map.next_value()?,
                "data" => envelope.data = self.data(&name, &mut map)?,
                "message" => envelope.message = map.next_value()?,
                "error" => envelope.error = map.next_value()?,
                "original_message" => envelope.original_message = map.next_value()?,
                "org_list" => envelope.org_list = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(envelope)
    }
}

impl<'de> EnvelopeIn<'de> {
    /// The object under this name, unless the value is something else.
    fn data<A: MapAccess<'de>>(
        &self,
        name: &str,
        map: &mut A,
    ) -> Result<Option<(Range<usize>, Index)>, A::Error> {
        let Some(object) = self.value_of(name).filter(|value| value.starts_with('{')) else {
            return map.next_value::<IgnoredAny>().map(|_| None);
        };
        let index = map.next_value_seed(Entries(self.0))?;
        let start = span(object, self.0).start;
        // Only white space lies between the last value and the end.
        let last = index.last().map_or(start, |(_, value)| value.end);
        let end = self.0.get(last..).and_then(|rest| rest.find('}')).unwrap_or_default();
        Ok(Some((start..last + end + 1, index)))
    }

    /// The text from the value of this key on.
    fn value_of(&self, key: &str) -> Option<&'de str> {
        let rest = self.0.get(span(key, self.0).end..)?.strip_prefix('"')?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    }
}

/// `data` of an answer that tells success, and what is needed to complain of it.
pub(super) struct Data {
    status: u16,
    content_type: String,
    pub(super) text: String,
    pub(super) range: Range<usize>,
    pub(super) index: Index,
    /// Whether the answer may hold secrets, which no message may show.
    secret: bool,
}

impl Data {
    /// The JSON text of `data`.
    pub(super) fn json(&self) -> &str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    /// The error of an answer whose `data` is not what it must be.
    pub(super) fn unlike(&self, what: &str) -> Error {
        let shown = shown(self.text.as_bytes(), self.secret);
        foreign(self.status, &self.content_type, &shown, what)
    }
}

/// What a message may show of a body.
fn shown(body: &[u8], secret: bool) -> String {
    if secret && body.trim_ascii() != RETRY_LATER.as_bytes() {
        return "(not shown, since it may hold secrets)".to_owned();
    }
    String::from_utf8_lossy(body.get(..EXCERPT_BYTES).unwrap_or(body)).into_owned()
}

/// `data` of an answer, or the error that it tells: the body's `code` first, then the status.
pub(super) fn data(response: HttpResponse, secret: bool) -> Result<Data, Error> {
    let HttpResponse { status, content_type, body } = response;
    let text = match String::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let shown = shown(error.as_bytes(), secret);
            return Err(foreign(status, &content_type, &shown, "not UTF-8"));
        }
    };
    let foreign =
        |what: &str| foreign(status, &content_type, &shown(text.as_bytes(), secret), what);
    let envelope = Envelope::parse(&text).map_err(|error| {
        foreign(if error.is_data() { "not of the API's form" } else { "not JSON" })
    })?;
    match envelope.code() {
        Some(0) => {}
        Some(code) => return Err(envelope.refusal(status, code)),
        None => return Err(foreign("without a code")),
    }
    let Some((range, index)) = envelope.data else {
        return Err(foreign("without an object as data"));
    };
    Ok(Data { status, content_type, text, range, index, secret })
}

/// The kinds of the codes that are known; `tests/contract/errors.json` has them too.
#[doc(hidden)]
#[must_use]
pub fn kind_of_code(code: i64) -> ApiErrorKind {
    match code {
        100_401 | 100_400 | 100_000 | 100_500 | 100_600 | 401 => ApiErrorKind::Auth,
        100_100 | 100_111 => ApiErrorKind::NotFound,
        100_406 | 400_100 => ApiErrorKind::InvalidParameters,
        200_075 => ApiErrorKind::ChooseEnterprise,
        500 => ApiErrorKind::Server,
        _ => ApiErrorKind::Other,
    }
}

/// The error of a response that is not in the API's form: the status decides.
fn foreign(status: u16, content_type: &str, shown: &str, what: &str) -> Error {
    let retry_later = shown.trim() == RETRY_LATER;
    let kind = match status {
        _ if retry_later => ApiErrorKind::RateLimited,
        401 => ApiErrorKind::Auth,
        404 => ApiErrorKind::NotFound,
        400 | 422 => ApiErrorKind::InvalidParameters,
        429 => ApiErrorKind::RateLimited,
        500.. => ApiErrorKind::Server,
        400.. => ApiErrorKind::Other,
        _ => return invalid(status, content_type, shown, what),
    };
    let message = match shown.trim() {
        "" => format!("the answer had no body ({content_type})"),
        _ if retry_later => shown.to_owned(),
        text => format!("an answer {what} ({content_type}): {text}"),
    };
    Error::Api(Box::new(ApiError {
        kind,
        status,
        api_code: None,
        message,
        endpoint: None,
        enterprises: Vec::new(),
        may_have_been_applied: !retry_later && (status >= 500 || status == 408),
    }))
}

fn invalid(status: u16, content_type: &str, shown: &str, what: &str) -> Error {
    let hint = if (300..400).contains(&status) {
        "; redirects are not followed: check base_url"
    } else {
        ""
    };
    Error::InvalidAnswer {
        message: format!(
            "an answer {what} (HTTP {status}, {content_type}){hint}; it begins: {shown}"
        ),
        status: Some(status),
        may_have_been_applied: true,
    }
}
