//! Sends one request over ureq, and says precisely how that failed. Nothing else names ureq.
//!
//! ureq speaks HTTP and keeps the connections; they are ours from TCP to TLS, so that they can be
//! interrupted and tell how far a request got.

mod dial;
mod wire;
mod tunnel;
mod tls;
mod identity;
mod proxy;
mod names;
mod authority;
mod tcp;
mod body;
mod failure;
mod head;
mod attempt;
mod message;
mod bounds;

use std::time::Duration;

use jiff::Timestamp;
use ureq::Agent;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::http::response::Parts;
use ureq::http::{HeaderMap, HeaderValue, Request};

use crate::error::Error;

pub(crate) use attempt::{Progress, Terms};
pub(crate) use authority::{is_host, port};
pub(crate) use identity::{Identity, IdentityFault};
pub(crate) use message::{HttpRequest, HttpResponse};
pub(crate) use proxy::{Proxy, ProxyUrl};
pub(crate) use tls::count_certificates;

use attempt::Attempt;
use dial::{Dialer, NoResolver};
use tls::TlsMeans;

/// Connections kept for reuse: as many as a busy program has calls in flight.
const MAX_IDLE: usize = 256;
/// The longest `Retry-After` that is told: no sum with it overflows.
const LONGEST_WAIT: Duration = Duration::from_secs(u32::MAX as u64);

/// What one attempt brought.
pub(crate) struct Outcome {
    pub(crate) result: Result<HttpResponse, Error>,
    /// Whether a pooled connection turned out to be dead: it is worth another attempt at once.
    pub(crate) dead_connection: bool,
    pub(crate) progress: Progress,
    /// Whether the request went over a connection of an earlier one.
    pub(crate) reused: bool,
    /// The answer's headers, if its head came.
    pub(crate) headers: HeaderMap,
}

/// How connections are made and kept, and who makes them.
pub(crate) struct Means<'a> {
    pub(crate) proxy: Option<ProxyUrl>,
    /// The PEM text of certificates to trust besides.
    pub(crate) ca_bundle: Option<Vec<u8>>,
    /// Whether the operating system's certificates are trusted, and not the bundled ones.
    pub(crate) system_roots: bool,
    /// The certificate to show to the CRM.
    pub(crate) identity: Option<Identity>,
    pub(crate) idle_timeout: Duration,
    /// The program, for `User-Agent`.
    pub(crate) app_info: Option<&'a str>,
}

/// Connections to one CRM, and how to make them.
#[derive(Debug)]
pub(crate) struct Transport {
    agent: Agent,
    base_url: String,
}

impl Transport {
    /// Connections that are made so.
    pub(crate) fn new(base_url: String, means: Means<'_>) -> Self {
        let Means { proxy, ca_bundle, system_roots, identity, idle_timeout, app_info } = means;
        let app_info = app_info.map(|app_info| format!(" {app_info}")).unwrap_or_default();
        let kept = if idle_timeout.is_zero() { 0 } else { MAX_IDLE };
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(format!("ikcrm/{}{app_info}", env!("CARGO_PKG_VERSION")))
            .proxy(None)
            .max_idle_connections(kept)
            .max_idle_connections_per_host(kept)
            .max_idle_age(idle_timeout)
            .max_response_header_size(usize::MAX) // a head is bounded by its buffer
            .build();
        let tls = TlsMeans { ca_bundle, system_roots, identity };
        let agent = Agent::with_parts(settings, Dialer::new(proxy, tls), NoResolver);
        Self { agent, base_url }
    }

    /// Makes one attempt, within its terms.
    pub(crate) fn send(
        &self,
        request: &HttpRequest,
        authorization: Option<&HeaderValue>,
        headers: &HeaderMap,
        terms: Terms,
    ) -> Outcome {
        let attempt = Attempt::new(terms);
        let result = attempt.run(|| self.exchange(request, authorization, headers, &attempt));
        Outcome {
            dead_connection: result.as_ref().is_err_and(|e| attempt.met_dead_connection(e)),
            progress: attempt.progress(),
            reused: attempt.reused_connection(),
            headers: attempt.take_headers(),
            result: result.map_err(|error| failure::error(&attempt, &error)),
        }
    }

    fn exchange(
        &self,
        request: &HttpRequest,
        authorization: Option<&HeaderValue>,
        others: &HeaderMap,
        attempt: &Attempt,
    ) -> Result<HttpResponse, ureq::Error> {
        let mut head = Request::builder()
            .method(request.method.clone())
            .uri([self.base_url.as_str(), &request.path].concat())
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if let Some(authorization) = authorization {
            head = head.header(AUTHORIZATION, authorization);
        }
        if let Some(headers) = head.headers_mut() {
            headers.extend(others.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let response = match &request.body {
            None => self.agent.run(head.body(())?)?,
            Some(body) => {
                let json = HeaderValue::from_static("application/json");
                self.agent.run(head.header(CONTENT_TYPE, json).body(body.as_slice())?)?
            }
        };
        let (Parts { status, headers, .. }, body) = response.into_parts();
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or("no content type").to_owned();
        let retry_after = retry_after(&headers, Timestamp::now);
        let packed = body::is_packed(&headers);
        attempt.answered_with(status.as_u16(), headers);
        let body = body::read(status, packed, body)?;
        Ok(HttpResponse { status: status.as_u16(), content_type, retry_after, body })
    }
}

/// `Retry-After` in seconds or as a date; what is longer than all else counts as very long.
pub(crate) fn retry_after(headers: &HeaderMap, now: impl Fn() -> Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
        Duration::try_from(at.duration_since(now())).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<u64> {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let headers = [(RETRY_AFTER, HeaderValue::from_str(value).unwrap())];
        retry_after(&HeaderMap::from_iter(headers), || now).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_read_within_bounds() {
        let longest = Some(u64::from(u32::MAX));
        for (value, seconds) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("999999999", Some(999_999_999)),
            ("18446744073709551615", longest),
            ("99999999999999999999999999", longest),
            ("Thu, 01 Jan 2026 00:00:10 GMT", Some(10)),
            ("Thu, 01 Jan 2015 00:00:10 GMT", Some(0)),
            ("Fri, 01 Jan 9999 00:00:00 GMT", longest),
            ("Thu, 01 Jan 99999 00:00:00 GMT", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parsed(value), seconds, "{value:?}");
        }
    }
}
