//! The requests that came, for a test to look at: without their secrets.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::http::Request;

/// How many are kept: the newest, so that a sandbox may run for days.
const MOST: usize = 10_000;
const MASK: &str = "•••";
/// The headers whose whole value is a secret.
const SECRET_HEADERS: [&str; 3] = ["cookie", "proxy-authorization", "x-api-key"];
/// The keys of a body whose values are secrets.
const SECRET_KEYS: [&str; 3] = ["password", "token", "user_token"];

/// A request that came. Tokens and passwords in it are masked by `•••`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SentRequest {
    /// The method, such as `PUT`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as it came, without `?`; empty when there was none.
    pub query: String,
    /// The endpoint, such as `PUT /api/v2/opportunities/:id`; none when there is no such page.
    pub route: Option<String>,
    /// The headers, in the order they came, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body: what its JSON says, or its text; null when there was none.
    pub body: Value,
}

impl SentRequest {
    fn new(request: &Request) -> Self {
        let endpoint = Endpoint::of(request.path());
        let header = |(name, value): &(String, String)| (name.clone(), masked_header(name, value));
        Self {
            method: request.method.clone(),
            path: request.path().to_owned(),
            query: request.query().to_owned(),
            route: endpoint.map(|endpoint| endpoint.route(&request.method)),
            headers: request.headers.iter().map(header).collect(),
            body: masked_body(&request.body),
        }
    }

    /// As another language reads it.
    fn to_json(&self) -> Value {
        json!({
            "method": self.method, "path": self.path, "query": self.query,
            "route": self.route, "headers": self.headers, "body": self.body,
        })
    }
}

/// What came so far.
#[derive(Debug, Default)]
pub(crate) struct Requests(VecDeque<SentRequest>);

impl Requests {
    pub(crate) fn note(&mut self, request: &Request) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(SentRequest::new(request));
    }

    pub(crate) fn all(&self) -> Vec<SentRequest> {
        self.0.iter().cloned().collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        self.0.iter().map(SentRequest::to_json).collect()
    }
}

/// `Token token=…, device=open_api` shows all but the token, anything else only its scheme.
fn masked_header(name: &str, value: &str) -> String {
    if SECRET_HEADERS.contains(&name) {
        return MASK.to_owned();
    }
    if name != "authorization" {
        return value.to_owned();
    }
    match value.strip_prefix("Token token=") {
        Some(rest) => {
            let after = rest.split_once(',').map(|(_, after)| format!(",{after}"));
            format!("Token token={MASK}{}", after.unwrap_or_default())
        }
        None => format!("{} {MASK}", value.split(' ').next().unwrap_or_default()),
    }
}

fn masked_body(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    if let Ok(value) = serde_json::from_slice(body) {
        return masked(value);
    }
    // It cannot be told where in it a secret ends.
    let text = String::from_utf8_lossy(body).into_owned();
    let has_secret = SECRET_KEYS.iter().any(|key| text.contains(key));
    Value::String(if has_secret { MASK.to_owned() } else { text })
}

fn masked(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| {
                let is_secret = SECRET_KEYS.contains(&key.as_str());
                (key, if is_secret { json!(MASK) } else { masked(value) })
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_masked() {
        for (name, value, shown) in [
            (
                "authorization",
                "Token token=abc, device=open_api",
                "Token token=•••, device=open_api",
            ),
            ("authorization", "Token token=abc", "Token token=•••"),
            ("authorization", "Bearer abc", "Bearer •••"),
            ("cookie", "abc", "•••"),
            ("accept", "abc", "abc"),
        ] {
            assert_eq!(masked_header(name, value), shown);
        }
        let body = masked_body(br#"{"login":"me","password":"abc","more":[{"token":"abc"}]}"#);
        assert_eq!(body, json!({"login": "me", "password": "•••", "more": [{"token": "•••"}]}));
        assert_eq!(masked_body(b"login=me&password=abc"), json!("•••"));
        assert_eq!(masked_body(b"plain"), json!("plain"));
    }
}
