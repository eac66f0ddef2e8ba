//! The form that all answers of the API have. Pure.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::error::{ApiError, ApiErrorKind, Enterprise, Error, Excerpt, spelt};
use crate::response::{Index, Scan, name, take_object};
use crate::transport::HttpResponse;

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

/// How an answer is not what it must be.
enum Unlike {
    Json,
    Form,
}

impl Envelope {
    /// Reads the keys of its `data` on the way: one pass for all.
    fn parse(text: &str) -> Result<Self, Unlike> {
        let mut envelope = Self::default();
        let mut scan = Scan::new(text, 0);
        let object = scan.object(|scan, key| {
            let key = name(text.get(key)?);
            if key == "data" {
                envelope.data = None;
                if scan.peek()? == b'{' {
                    envelope.data = Some(take_object(scan, text)?);
                    return Some(());
                }
            }
            let value = text.get(scan.value()?)?;
            let place = match key.as_ref() {
                "code" => &mut envelope.code,
                "message" => &mut envelope.message,
                "error" => &mut envelope.error,
                "original_message" => &mut envelope.original_message,
                "org_list" => &mut envelope.org_list,
                _ => return Some(()),
            };
            *place = serde_json::from_str(value).ok()?;
            Some(())
        });
        match object {
            Some(_) if scan.is_at_end() => Ok(envelope),
            None if serde_json::from_str::<IgnoredAny>(text).is_ok() => Err(Unlike::Form),
            _ => Err(Unlike::Json),
        }
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
    fn refusal(&self, answer: &Answer, code: i64) -> Error {
        let kind = kind_of_code(code);
        Error::Api(Box::new(ApiError {
            kind,
            status: answer.status,
            api_code: Some(code),
            message: self.message(),
            endpoint: None,
            enterprises: self.enterprises(),
            retry_after: None,
            excerpt: answer.excerpt(),
            may_have_been_applied: kind == ApiErrorKind::Server,
        }))
    }
}

/// An answer whose body is text, and what is needed to complain of it.
struct Answer {
    status: u16,
    content_type: String,
    retry_after: Option<Duration>,
    text: Arc<str>,
    /// Whether the answer may hold secrets, which no error may show.
    secret: bool,
}

impl Answer {
    /// The error of an answer that is `what`, unlike what it must be: the status decides. `words`
    /// and `api_code` are what it says all the same.
    fn foreign(&self, what: &str, words: String, api_code: Option<i64>) -> Error {
        let Self { status, ref content_type, .. } = *self;
        let retry_later = self.text.trim() == RETRY_LATER;
        let kind = match status {
            _ if retry_later => ApiErrorKind::RateLimited,
            401 => ApiErrorKind::Auth,
            404 => ApiErrorKind::NotFound,
            400 | 422 => ApiErrorKind::InvalidParameters,
            429 => ApiErrorKind::RateLimited,
            500.. => ApiErrorKind::Server,
            400.. => ApiErrorKind::Other,
            _ => return self.invalid(what),
        };
        let message = match self.text.trim() {
            "" => format!("the answer had no body ({content_type}){}", self.hint()),
            _ if retry_later => self.text.to_string(),
            _ if words.is_empty() => format!("the answer {what} ({content_type}){}", self.hint()),
            _ => words + &self.hint(),
        };
        Error::Api(Box::new(ApiError {
            kind,
            status,
            api_code,
            message,
            endpoint: None,
            enterprises: Vec::new(),
            retry_after: self.retry_after,
            excerpt: self.excerpt(),
            may_have_been_applied: !retry_later && (status >= 500 || status == 408),
        }))
    }

    fn invalid(&self, what: &str) -> Error {
        let Self { status, ref content_type, .. } = *self;
        let hint = self.hint();
        Error::InvalidAnswer {
            message: format!("the answer {what} (HTTP {status}, {content_type}){hint}"),
            status: Some(status),
            excerpt: self.excerpt(),
            may_have_been_applied: true,
        }
    }

    /// What to look at when whoever answered is not the CRM.
    fn hint(&self) -> String {
        let base_url = spelt("base_url");
        match self.status {
            300..400 => format!("; redirects are not followed: check {base_url}"),
            404 => format!("; this is not how the CRM says it: check {base_url}"),
            _ => String::new(),
        }
    }

    fn excerpt(&self) -> Excerpt {
        if self.secret { Excerpt::default() } else { Excerpt::of(&self.text) }
    }

    /// What the body says, even when it has a character that is only half there.
    fn envelope(&mut self) -> Result<Envelope, Unlike> {
        let parsed = Envelope::parse(&self.text);
        match parsed.is_err().then(|| mended(&self.text)) {
            Some(mended) if *mended != *self.text => {
                self.text = mended.into();
                Envelope::parse(&self.text)
            }
            _ => parsed,
        }
    }
}

/// `data` of an answer that tells success.
pub(super) struct Data {
    answer: Answer,
    pub(super) range: Range<usize>,
    pub(super) index: Index,
}

impl Data {
    /// The text of the whole answer.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.answer.text
    }

    /// The JSON text of `data`.
    pub(super) fn json(&self) -> &str {
        self.answer.text.get(self.range.clone()).unwrap_or_default()
    }

    /// Where the value of this key of `data` lies in the text.
    pub(super) fn find(&self, key: &str) -> Option<Range<usize>> {
        self.index.find(key, self.text())
    }

    /// The error of an answer whose `data` is not what it must be.
    pub(super) fn unlike(&self, what: &str) -> Error {
        self.answer.invalid(what)
    }
}

/// Whether the status alone tells what kind of failure it is: such an answer may be a gateway's,
/// whose JSON is not the CRM's word.
pub(super) fn status_decides(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..)
}

/// `data` of an answer, or the error that it tells: by the body's `code`, unless the status decides.
pub(super) fn data(response: HttpResponse, secret: bool) -> Result<Data, Error> {
    let HttpResponse { status, content_type, retry_after, body } = response;
    let (text, is_text) = match simdutf8::basic::from_utf8(&body) {
        Ok(text) => (text.into(), true),
        Err(_) => (String::from_utf8_lossy(&body).into(), false),
    };
    let mut answer = Answer { status, content_type, retry_after, text, secret };
    if !is_text {
        return Err(answer.foreign("is not UTF-8", String::new(), None));
    }
    let mut envelope = answer.envelope().map_err(|unlike| {
        let what = match unlike {
            Unlike::Json => "is not JSON",
            Unlike::Form => "is not in the API's form",
        };
        answer.foreign(what, String::new(), None)
    })?;
    let (code, success) = (envelope.code(), (200..300).contains(&status));
    if code == Some(0)
        && success
        && let Some((range, index)) = envelope.data.take()
    {
        return Ok(Data { answer, range, index });
    }
    let what = match code {
        Some(0) if success => "has no object as data",
        Some(0) => "has code 0 but a failing status",
        Some(code) if !status_decides(status) => return Err(envelope.refusal(&answer, code)),
        Some(_) => "has a code and a failing status",
        None => "has no code",
    };
    Err(answer.foreign(what, envelope.message(), code))
}

/// The text with U+FFFD in the place of each escape that is half of a character: JSON allows such
/// an escape, and no text can hold it.
fn mended(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        let next = escape.get(6..).unwrap_or_default();
        let length = match (surrogate(escape), surrogate(next)) {
            (Some(0xD800..0xDC00), Some(0xDC00..)) => 12,
            (Some(_), _) => 6,
            // The character after the backslash is one too.
            (None, _) => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        mended.push_str(before);
        mended.push_str(if length == 6 { "\\ufffd" } else { escape });
        rest = after;
    }
    mended + rest
}

/// The half of a character that the text begins with, as an escape.
fn surrogate(text: &str) -> Option<u32> {
    let unit = u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    (0xD800..0xE000).contains(&unit).then_some(unit)
}

/// The kinds of the codes that are known; `contract/errors.json` has them too.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_becomes_one_that_says_so() {
        for (text, whole) in [
            ("\\ud83d\\ude00 \\u5546 \\\\ud83d \\n", None),
            ("a\\ud83d", Some("a\\ufffd")),
            ("\\ude00\\ud83d\\uD83D\\uDE00", Some("\\ufffd\\ufffd\\uD83D\\uDE00")),
            ("\\\\\\ud83dx\\", Some("\\\\\\ufffdx\\")),
            ("\\商\\u12", None),
        ] {
            assert_eq!(mended(text), whole.unwrap_or(text));
        }
    }
}
