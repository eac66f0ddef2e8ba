//! A request and an answer as HTTP carries them.

use std::time::Duration;

use http::Method;

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    /// What follows the base URL.
    pub(crate) path: String,
    /// The path with `:id` for what it names, as events show it.
    pub(crate) route: &'static str,
    /// Nothing for a request that only reads.
    pub(crate) body: Option<Vec<u8>>,
    /// The endpoint, for errors to name, when it is not the one that the call is about.
    pub(crate) endpoint: Option<String>,
}

impl HttpRequest {
    /// The method's name, for events.
    pub(crate) fn method_name(&self) -> &'static str {
        match self.method {
            Method::PUT => "PUT",
            Method::POST => "POST",
            _ => "GET",
        }
    }

    /// Whether the CRM changes an opportunity when it carries the request out.
    pub(crate) fn is_update(&self) -> bool {
        self.method == Method::PUT
    }

    /// Whether it asks for a new token, which ends the older one: it is not sent again when the CRM
    /// may have carried it out.
    pub(crate) fn is_sign_in(&self) -> bool {
        self.method == Method::POST
    }
}

/// What came back over HTTP.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    /// How long the CRM asks to wait.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}
