//! Makes the HTTP request of a checked call. Pure.

use http::Method;
use serde::Serialize;

use crate::check::Fields;
use crate::config::Config;
use crate::error::SIGN_IN;
use crate::query::CheckedQuery;
use crate::session::Credentials;
use crate::validate::Checked;

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    /// Nothing for a request that only reads.
    pub(crate) body: Option<Vec<u8>>,
    /// The endpoint, for errors to name, when it is not the one that the call is about.
    pub(crate) aside: Option<String>,
}

impl HttpRequest {
    /// Whether the CRM changes an opportunity when it carries the request out.
    pub(crate) fn is_update(&self) -> bool {
        self.method == Method::PUT
    }
}

#[derive(Serialize)]
struct Body<'a> {
    opportunity: &'a Fields<'a>,
}

/// `PUT /api/v2/opportunities/:id`.
pub(crate) fn update(config: &Config, call: &Checked<'_>) -> HttpRequest {
    #[expect(clippy::expect_used, reason = "text keys and checked values, written to memory")]
    let body = serde_json::to_vec(&Body { opportunity: &call.fields }).expect("JSON");
    let url = format!("{}/api/v2/opportunities/{}", config.base_url, call.id);
    HttpRequest { method: Method::PUT, url, body: Some(body), aside: None }
}

#[derive(Serialize)]
struct SignIn<'a> {
    login: &'a str,
    password: &'a str,
    device: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    corp_id: Option<&'a str>,
}

/// `POST /api/v2/auth/login`.
pub(crate) fn sign_in(config: &Config, credentials: &Credentials) -> HttpRequest {
    let Credentials { login, password, corp_id } = credentials;
    let body = SignIn { login, password, device: "open_api", corp_id: corp_id.as_deref() };
    #[expect(clippy::expect_used, reason = "texts, written to memory")]
    let body = serde_json::to_vec(&body).expect("JSON");
    let url = format!("{}/api/v2/auth/login", config.base_url);
    HttpRequest { method: Method::POST, url, body: Some(body), aside: Some(SIGN_IN.to_owned()) }
}

/// `GET` of a path.
pub(crate) fn get(config: &Config, path: &str) -> HttpRequest {
    let url = format!("{}{path}", config.base_url);
    HttpRequest { method: Method::GET, url, body: None, aside: None }
}

/// `GET` of a path, to look something up for a call that is about something else.
pub(crate) fn look_up(config: &Config, path: &str) -> HttpRequest {
    HttpRequest { aside: Some(format!("GET {path}")), ..get(config, path) }
}

/// `GET /api/v2/opportunities/:id`, before an update of it.
pub(crate) fn read_before(config: &Config, id: i64) -> HttpRequest {
    let endpoint = "GET /api/v2/opportunities/:id";
    HttpRequest { aside: Some(endpoint.to_owned()), ..read(config, id) }
}

/// `GET /api/v2/opportunities/:id`.
pub(crate) fn read(config: &Config, id: i64) -> HttpRequest {
    get(config, &format!("/api/v2/opportunities/{id}"))
}

/// `GET /api/v2/opportunities`, one page.
pub(crate) fn list(config: &Config, query: &CheckedQuery, page: u32) -> HttpRequest {
    let mut path = format!("/api/v2/opportunities?page={page}&per_page={}", query.per_page);
    for (name, value) in &query.parameters {
        path.extend(["&", &percent(name), "=", &percent(value)]);
    }
    get(config, &path)
}

/// The text as a name or value in a URL.
fn percent(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}
