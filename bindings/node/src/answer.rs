//! What crosses back into JavaScript: the answer's JSON text, or an error as data.

use ikcrm::{Enterprise, Error, FieldError};
use napi::bindgen_prelude::{Either, Latin1String, Utf16String};
use napi_derive::napi;

use crate::hooks::Failure;

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

/// An enterprise that an account belongs to.
#[napi(object)]
pub struct EnterpriseData {
    /// What to sign in with, as `corpId`.
    pub corp_id: String,
    /// The enterprise's name.
    pub name: String,
}

/// An error, for `failure.ts` to throw.
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
    /// The enterprises to choose from.
    pub enterprises: Vec<EnterpriseData>,
    /// Whether the same call may work later.
    pub retryable: bool,
    /// The milliseconds after which it may.
    pub retry_after_ms: Option<f64>,
    /// Whether the CRM may have carried the update out.
    pub may_have_been_applied: bool,
    /// The number of what a token store threw, which is the cause.
    pub thrown: Option<u32>,
    /// The beginning of the answer.
    pub body_excerpt: Option<String>,
    /// Why a job stopped.
    pub reason: Option<String>,
    /// The file of a job that stopped.
    pub path: Option<String>,
    /// The error that stopped a job, if one did.
    pub causes: Vec<ErrorData>,
}

/// Text as V8 keeps it.
pub(crate) type Text = Either<Latin1String, Utf16String>;
/// The JSON text of the answer, or the error.
pub(crate) type Answer = Either<Text, ErrorData>;

pub(crate) fn outcome(result: Result<Text, Error>) -> Answer {
    match result {
        Ok(text) => Either::A(text),
        Err(error) => Either::B(error.into()),
    }
}

/// The text as V8 keeps it, made here on the worker: V8's own way from UTF-8 takes ten times as long
/// and the event loop's time.
pub(crate) fn text(text: String) -> Text {
    if text.is_ascii() { Either::A(text.into()) } else { Either::B(utf16(&text).into()) }
}

/// An answer is mostly ASCII, of which many bytes are taken at a time.
fn utf16(text: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, other) = rest.split_at(ascii_length(rest.as_bytes()));
        units.extend(ascii.bytes().map(u16::from));
        let (wide, after) =
            other.split_at(other.find(|c: char| c.is_ascii()).unwrap_or(other.len()));
        units.extend(wide.encode_utf16());
        rest = after;
    }
    units
}

/// How many bytes are ASCII before the first that is not.
fn ascii_length(bytes: &[u8]) -> usize {
    let chunks = bytes.chunks(16).take_while(|chunk| chunk.is_ascii());
    let length = chunks.map(<[u8]>::len).sum();
    let rest = bytes.get(length..).unwrap_or_default();
    length + rest.iter().take_while(|byte| byte.is_ascii()).count()
}

impl From<Error> for ErrorData {
    fn from(error: Error) -> Self {
        let (reason, path) = match &error {
            Error::JobStopped { reason, path, .. } => {
                (Some(reason.as_str().to_owned()), Some(path.display().to_string()))
            }
            _ => (None, None),
        };
        Self {
            code: error.code().to_owned(),
            status: error.status(),
            api_code: error.api_code(),
            message: error.message(),
            fields: error.fields().iter().map(FieldData::from).collect(),
            enterprises: error.enterprises().iter().map(EnterpriseData::from).collect(),
            retryable: error.retryable(),
            retry_after_ms: error.retry_after().map(|after| after.as_secs_f64() * 1000.0),
            may_have_been_applied: error.may_have_been_applied(),
            thrown: thrown(&error),
            body_excerpt: error.body_excerpt().map(ToOwned::to_owned),
            reason,
            path,
            causes: cause(&error).into_iter().map(ErrorData::from).collect(),
        }
    }
}

/// The error that stopped a job.
fn cause(error: &Error) -> Option<Error> {
    let Error::JobStopped { source: Some(source), .. } = error else { return None };
    source.downcast_ref::<Error>().cloned()
}

fn thrown(error: &Error) -> Option<u32> {
    let Error::TokenStore { source: Some(source), .. } = error else { return None };
    source.downcast_ref::<Failure>()?.thrown
}

impl From<&Enterprise> for EnterpriseData {
    fn from(Enterprise { corp_id, name, .. }: &Enterprise) -> Self {
        Self { corp_id: corp_id.clone(), name: name.clone() }
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
