//! Headers that a caller adds to requests, and the program's name in `User-Agent`.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Fault, FieldError, FieldErrorCode as Code, fault, spelt};
use crate::input::setting::text;
use crate::input::{Value, excerpt};

/// What the client says itself, and what is of one connection alone.
const OURS: [&str; 17] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
];

/// Headers by name; nothing as a value takes one of the client's away from a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(Vec<(HeaderName, Option<HeaderValue>)>);

impl Headers {
    /// The headers of a set of names and values; what is wrong goes to the faults.
    pub(super) fn read(value: &Value, faults: &mut Vec<FieldError>) -> Self {
        let Value::Map(entries) = value else {
            let message = format!("must be a set of names and values, got {}", value.kind());
            faults.push(Fault(Code::Type, message).of("headers"));
            return Self::default();
        };
        let mut headers = Self::default();
        for (name, value) in entries {
            let read = text_or_nothing(value).and_then(|value| header(name, value.as_deref()));
            match read {
                Ok(header) => headers.0.push(header),
                Err(fault) => faults.push(fault.of(format!("headers.{}", excerpt(name)))),
            }
        }
        headers
    }

    /// One more header.
    pub(super) fn add(&mut self, name: &str, value: Option<&str>, faults: &mut Vec<FieldError>) {
        match header(name, value) {
            Ok(header) => self.0.push(header),
            Err(fault) => faults.push(fault.of(format!("headers.{}", excerpt(name)))),
        }
    }

    /// The headers of a request: these, and the call's in their place.
    pub(crate) fn with(&self, call: &Self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.0.iter().chain(&call.0) {
            match value {
                Some(value) => drop(headers.insert(name.clone(), value.clone())),
                None => drop(headers.remove(name)),
            }
        }
        headers
    }
}

fn text_or_nothing(value: &Value) -> Result<Option<String>, Fault> {
    if *value == Value::Null { Ok(None) } else { text(value).map(Some) }
}

/// The value may be a secret, so no fault shows it, and no log.
fn header(name: &str, value: Option<&str>) -> Result<(HeaderName, Option<HeaderValue>), Fault> {
    let Ok(known) = HeaderName::try_from(name) else {
        return fault(Code::Format, "must be a header's name, such as X-Gateway-Key");
    };
    match known.as_str() {
        "authorization" => {
            return fault(Code::Conflict, "is set from the token; give the token as token");
        }
        "user-agent" => {
            let message =
                format!("is set by the client; name your program with {}", spelt("app_info"));
            return fault(Code::Conflict, message);
        }
        ours if OURS.contains(&ours) => {
            return fault(Code::Conflict, "is set by the client or its connection; leave it out");
        }
        _ => {}
    }
    let Some(value) = value else { return Ok((known, None)) };
    if value.contains(['\r', '\n']) {
        return fault(Code::Format, "has a line break in its value; write it on one line");
    }
    match HeaderValue::from_str(value) {
        Ok(mut value) if value.to_str().is_ok() => {
            value.set_sensitive(true);
            Ok((known, Some(value)))
        }
        _ => fault(Code::Format, "must have a value of visible ASCII characters and spaces"),
    }
}

/// The program that uses the client, as `name` or `name/version`.
pub(super) fn app_info(value: &Value) -> Result<String, Fault> {
    let parts = match value {
        Value::List(parts) => parts.iter().map(text).collect::<Result<Vec<_>, _>>()?,
        _ => text(value)?.splitn(2, '/').map(ToOwned::to_owned).collect(),
    };
    check_app_info(&parts)
}

pub(super) fn check_app_info(parts: &[String]) -> Result<String, Fault> {
    let plain = |part: &String| {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !part.is_empty() && part.bytes().all(token)
    };
    if matches!(parts.len(), 1 | 2) && parts.iter().all(plain) {
        return Ok(parts.join("/"));
    }
    let shown = excerpt(&parts.join("/"));
    let message = format!(
        "must be a name and a version, such as my-program and 1.0, of ASCII letters, digits and \
         signs such as . - _; got {shown:?}"
    );
    fault(Code::Format, message)
}
