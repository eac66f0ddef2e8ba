//! What the requests of several endpoints have in common.

use http::Method;
use serde::Serialize;

use crate::transport::HttpRequest;

/// `GET` of a path.
pub(super) fn get(route: &'static str, path: String) -> HttpRequest {
    HttpRequest { method: Method::GET, route, path, body: None, endpoint: None }
}

/// `GET` of a path, to look something up for a call that is about something else.
pub(super) fn look_up(route: &'static str, path: String) -> HttpRequest {
    HttpRequest { endpoint: Some(format!("GET {path}")), ..get(route, path) }
}

/// A JSON body.
#[expect(clippy::expect_used, reason = "text keys and checked values, written to memory")]
pub(super) fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("JSON")
}

/// The text as a name or value in a URL.
pub(super) fn percent(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}
