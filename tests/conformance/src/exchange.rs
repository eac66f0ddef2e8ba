//! Compares a request with what it must be.

use serde_json::Value;

use crate::case::{Connection, Exchange};
use crate::http::Request;

/// Everything about a request that is not as the exchange says; `earlier` requests came on its
/// connection before.
pub(crate) fn problems(exchange: &Exchange, request: &Request, earlier: usize) -> Vec<String> {
    let expect = &exchange.expect;
    let mut found = Vec::new();
    let mut differ = |what: &str, expected: &str, got: &str| {
        if expected != got {
            found.push(format!("{what}: expected {expected}, got {got}"));
        }
    };
    if let Some(method) = &expect.method {
        differ("method", method, &request.method);
    }
    if let Some(path) = &expect.path {
        differ("path", path, &request.path);
    }
    for (name, value) in &expect.headers {
        let got = request.headers.get(name).map_or("(absent)", String::as_str);
        differ(&format!("header {name}"), value.as_deref().unwrap_or("(absent)"), got);
    }
    let text = String::from_utf8_lossy(&request.body);
    if let Some(body) = &expect.body {
        let got = serde_json::from_str::<Value>(&text).map(|json| json.to_string());
        differ("body", &body.to_string(), &got.unwrap_or_else(|_| text.to_string()));
    }
    if let Some(body) = &expect.body_text {
        differ("body", body, &text);
    }
    match exchange.connection {
        Some(Connection::New) => {
            differ("requests before on its connection", "0", &earlier.to_string());
        }
        Some(Connection::Reused) if earlier == 0 => differ("connection", "reused", "new"),
        _ => {}
    }
    found
}
