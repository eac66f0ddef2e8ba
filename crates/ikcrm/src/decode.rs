//! Makes an answer or an error of an HTTP response. Pure.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::custom::CustomFields;
use crate::error::{ApiError, ApiErrorKind, Enterprise};
use crate::opportunity::{OPPORTUNITY, OPPORTUNITY_ROW};
use crate::record::{Entries, Index, Kind, Name, Record, Typed, span};
use crate::token::Token;
use crate::{Error, FieldMap, Opportunity, OpportunityPage, OpportunityRow};

const EXCERPT_BYTES: usize = 200;
/// What the CRM says, in plain text, to a call over quota.
const RETRY_LATER: &str = "Retry later";

/// What came back over HTTP.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

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
struct Data {
    status: u16,
    content_type: String,
    text: String,
    range: Range<usize>,
    index: Index,
    /// Whether the answer may hold secrets, which no message may show.
    secret: bool,
}

impl Data {
    /// The JSON text of `data`.
    fn json(&self) -> &str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    /// The error of an answer whose `data` is not what it must be.
    fn unlike(&self, what: &str) -> Error {
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
fn data(response: HttpResponse, secret: bool) -> Result<Data, Error> {
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

/// The opportunity in an answer.
pub(crate) fn opportunity(response: HttpResponse) -> Result<Opportunity, Error> {
    let mut data = data(response, false)?;
    let (text, index) = (Arc::from(data.text.as_str()), std::mem::take(&mut data.index));
    let record = Record::indexed(&OPPORTUNITY, text, data.range.clone(), index);
    let has_id = matches!(record.read("id", Kind::Id), Ok(Typed::Id(_)));
    if has_id { Ok(record.into()) } else { Err(data.unlike("without the opportunity's id")) }
}

/// The token in the answer to a sign-in.
pub(crate) fn sign_in(response: HttpResponse) -> Result<Token, Error> {
    let data = data(response, true).map_err(sign_in_refusal)?;
    let token = serde_json::from_str::<Json>(data.json()).ok();
    let token = token.as_ref().and_then(|data| data.get("user_token")?.as_str());
    let Some(token) = token else { return Err(data.unlike("without a user_token")) };
    Token::new(token.to_owned()).map_err(|_| data.unlike("whose user_token fits no header"))
}

/// The field map in an answer.
pub(crate) fn field_map(response: HttpResponse, entity: &str) -> Result<FieldMap, Error> {
    let data = data(response, false)?;
    let json = serde_json::from_str::<Json>(data.json()).unwrap_or_default();
    FieldMap::parse(entity, data.json(), &json)
        .ok_or_else(|| data.unlike(&format!("without a list of fields as data.{entity}")))
}

/// The definitions of custom fields in an answer.
pub(crate) fn custom_fields(response: HttpResponse) -> Result<CustomFields, Error> {
    let data = data(response, false)?;
    let json = serde_json::from_str::<Json>(data.json()).unwrap_or_default();
    CustomFields::parse(&json)
        .ok_or_else(|| data.unlike("without groups as data.custom_field_groups"))
}

/// `data` of a page.
#[derive(Deserialize)]
struct PageData<'a> {
    #[serde(borrow)]
    opportunities: Vec<&'a RawValue>,
    total_count: Option<Json>,
    per_page: Option<Json>,
}

/// The page of a list in an answer.
pub(crate) fn page(response: HttpResponse) -> Result<OpportunityPage, Error> {
    let data = data(response, false)?;
    let text: Arc<str> = Arc::from(data.text.as_str());
    let json = text.get(data.range.clone()).unwrap_or_default();
    let page: PageData<'_> = serde_json::from_str(json)
        .map_err(|_| data.unlike("without a list of rows as data.opportunities"))?;
    let row = |row: &RawValue| {
        let start = row.get().as_ptr() as usize - text.as_ptr() as usize;
        let range = start..start + row.get().len();
        let row = row.get().starts_with('{');
        row.then(|| Record::new(&OPPORTUNITY_ROW, Arc::clone(&text), range).into())
    };
    let rows: Option<Vec<OpportunityRow>> = page.opportunities.into_iter().map(row).collect();
    let number = |value: Option<Json>| value.as_ref().and_then(Json::as_u64);
    Ok(OpportunityPage {
        rows: rows.ok_or_else(|| data.unlike("with a row that is no object"))?,
        total_count: number(page.total_count),
        per_page: number(page.per_page),
    })
}

/// Whatever the CRM's code for a wrong password may be, it is a refusal to sign in.
fn sign_in_refusal(error: Error) -> Error {
    match error {
        Error::Api(mut refusal) => {
            use ApiErrorKind::{Auth, ChooseEnterprise, RateLimited, Server};
            let kept = matches!(refusal.kind, ChooseEnterprise | RateLimited | Server);
            if refusal.api_code.is_some() && !kept {
                refusal.kind = Auth;
            }
            Error::Api(refusal)
        }
        other => other,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<Opportunity, Error> {
        let (status, content_type) = (200, "application/json".to_owned());
        opportunity(HttpResponse { status, content_type, body: text.into() })
    }

    #[test]
    fn the_object_is_kept_to_the_letter_wherever_it_stands() {
        for object in ["{\"id\":1}", "{ \"id\" : 1 ,\n\"a\\n}{\":\"}\\\"{\", \"x\":{} }"] {
            for text in [
                format!("{{\"code\":0,\"data\":{object}}}"),
                format!(" {{ \"data\" :\n{object} , \"message\" : \"}}\", \"code\":\"0\" }} "),
            ] {
                assert_eq!(decoded(&text).unwrap().raw(), object);
            }
        }
    }

    #[test]
    fn what_looks_like_an_object_but_is_text_is_none() {
        let error = decoded("{\"code\":0,\"data\":\"{\\\"id\\\":1}\"}").unwrap_err();
        assert!(error.message().contains("without an object as data"));
    }
}
