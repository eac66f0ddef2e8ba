//! What crosses back into JavaScript: the answer's JSON text, or an error as data.

use ikcrm::{Error, FieldError, Opportunity};
use napi::bindgen_prelude::{Either, Utf16String};
use napi_derive::napi;

/// A fault of one field.
#[napi(object)]
pub struct FieldData {
    /// The field's name.
    pub field: String,
    /// A stable word for the kind of fault.
    pub code: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// An error, for `errors.js` to throw.
#[napi(object, use_nullable = true)]
pub struct ErrorData {
    /// The stable word that picks the class.
    pub code: String,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// The `code` in the answer's body.
    pub api_code: Option<i64>,
    /// What went wrong.
    pub message: String,
    /// The faults of single fields.
    pub fields: Vec<FieldData>,
    /// Whether the same call may work later.
    pub retryable: bool,
    /// Whether the CRM may have carried the update out.
    pub may_have_been_applied: bool,
}

/// The JSON text of the answer, or the error.
pub(crate) type Answer = Either<Utf16String, ErrorData>;

pub(crate) fn answer(result: Result<Opportunity, Error>) -> Answer {
    match result {
        Ok(opportunity) => Either::A(utf16(opportunity.raw()).into()),
        Err(error) => Either::B(error.into()),
    }
}

/// The text as V8 keeps it, made here on the worker: V8's own way from UTF-8 takes ten times as long
/// and the event loop's time. An answer is mostly ASCII.
fn utf16(text: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, other) = rest.split_at(rest.bytes().take_while(u8::is_ascii).count());
        units.extend(ascii.bytes().map(u16::from));
        let (wide, after) =
            other.split_at(other.find(|c: char| c.is_ascii()).unwrap_or(other.len()));
        units.extend(wide.encode_utf16());
        rest = after;
    }
    units
}

impl From<Error> for ErrorData {
    fn from(error: Error) -> Self {
        Self {
            code: error.code().to_owned(),
            status: error.status(),
            api_code: error.api_code(),
            message: error.message(),
            fields: error.fields().iter().map(FieldData::from).collect(),
            retryable: error.retryable(),
            may_have_been_applied: error.may_have_been_applied(),
        }
    }
}

impl From<&FieldError> for FieldData {
    fn from(fault: &FieldError) -> Self {
        Self {
            field: fault.field.clone(),
            code: fault.code.as_str().to_owned(),
            message: fault.message.clone(),
        }
    }
}
