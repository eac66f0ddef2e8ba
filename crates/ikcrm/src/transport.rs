//! Sends one request over ureq, and says precisely how that failed. Nothing else names ureq.

mod tcp;
mod resolver;
mod attempt;
mod message;
mod proxy;
mod roots;

use std::io::Read;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderValue, Request, Response};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector};
use ureq::{Agent, Body};

use crate::error::Error;
use crate::sync::Cancel;

pub(crate) use attempt::Progress;
pub(crate) use message::{HttpRequest, HttpResponse};
pub(crate) use proxy::{Proxy, is_proxy_url};
pub(crate) use roots::count_certificates;

use attempt::{Attempt, Ending};
use resolver::CachingResolver;
use tcp::{Connecting, Established, SlicedConnector};

/// The largest answer that is read, after decompression.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;
/// Connections kept for reuse: as many as a busy program has calls in flight.
const MAX_IDLE: usize = 256;
const MAX_IDLE_AGE: Duration = Duration::from_secs(60);
/// Holds the answer's 4 KB and the request's few hundred bytes.
const BUFFER: usize = 16 * 1024;

/// What one attempt brought.
pub(crate) struct Outcome {
    pub(crate) result: Result<HttpResponse, Error>,
    /// How long the CRM asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether a pooled connection turned out to be dead: it is worth another attempt at once.
    pub(crate) dead_connection: bool,
    /// How far the request got.
    pub(crate) progress: Progress,
}

/// Connections to one CRM, and how to make them.
#[derive(Debug)]
pub(crate) struct Transport {
    agent: Agent,
    base_url: String,
}

impl Transport {
    pub(crate) fn new(base_url: &str, through: &Proxy, ca_bundle: Option<&[u8]>) -> Self {
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("ikcrm/", env!("CARGO_PKG_VERSION")))
            .proxy(proxy::for_ureq(through))
            .tls_config(TlsConfig::builder().root_certs(roots::roots(ca_bundle)).build())
            .max_idle_connections(MAX_IDLE)
            .max_idle_connections_per_host(MAX_IDLE)
            .max_idle_age(MAX_IDLE_AGE)
            .max_response_header_size(BUFFER - 1) // a full buffer would pass for a hang-up
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .build();
        let connector = Connecting
            .chain(ConnectProxyConnector::default())
            .chain(SlicedConnector)
            .chain(RustlsConnector::default())
            .chain(Established);
        let agent = Agent::with_parts(settings, connector, CachingResolver::default());
        Self { agent, base_url: base_url.to_owned() }
    }

    /// Makes one attempt. It ends by `deadline`, or soon after `cancel` is set.
    pub(crate) fn send(
        &self,
        request: &HttpRequest,
        authorization: Option<&HeaderValue>,
        deadline: Instant,
        cancel: Option<&Cancel>,
    ) -> Outcome {
        let attempt = Attempt::new(deadline, cancel.cloned());
        match attempt.run(|| self.exchange(request, authorization, &attempt)) {
            Ok((response, retry_after)) => {
                let (result, dead_connection) = (Ok(response), false);
                Outcome { result, retry_after, dead_connection, progress: Progress::Answered }
            }
            Err(error) => Outcome {
                dead_connection: attempt.met_dead_connection(&error),
                result: Err(failure(&attempt, &error)),
                retry_after: None,
                progress: attempt.progress(),
            },
        }
    }

    fn exchange(
        &self,
        request: &HttpRequest,
        authorization: Option<&HeaderValue>,
        attempt: &Attempt,
    ) -> Result<(HttpResponse, Option<Duration>), ureq::Error> {
        let mut head = Request::builder()
            .method(request.method.clone())
            .uri(format!("{}{}", self.base_url, request.path))
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = authorization {
            head = head.header(AUTHORIZATION, authorization);
        }
        let response = match &request.body {
            None => self.agent.run(head.body(())?)?,
            Some(body) => {
                let json = HeaderValue::from_static("application/json");
                self.agent.run(head.header(CONTENT_TYPE, json).body(body.as_slice())?)?
            }
        };
        attempt.answered_with(response.status().as_u16());
        let retry_after = retry_after(response.headers(), Timestamp::now());
        Ok((read(response)?, retry_after))
    }
}

fn read(mut response: Response<Body>) -> Result<HttpResponse, ureq::Error> {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("no content type").to_owned();
    let status = response.status().as_u16();
    let length = response.body().content_length().unwrap_or_default().min(MAX_ANSWER);
    // Room for the whole answer and a byte to see its end: no growing, few reads.
    let mut body = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    let mut reader = response.body_mut().with_config().limit(MAX_ANSWER).reader();
    reader.read_to_end(&mut body)?;
    Ok(HttpResponse { status, content_type, body })
}

/// `Retry-After` in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

fn failure(attempt: &Attempt, error: &ureq::Error) -> Error {
    let may_have_been_applied = attempt.sent();
    match attempt.ending() {
        Some(Ending::Cancelled) => Error::Cancelled { may_have_been_applied },
        Some(Ending::Deadline) => Error::RequestTimeout {
            message: format!("the call's time ran out while {}", attempt.step()),
            may_have_been_applied,
        },
        None => fault(attempt, error, may_have_been_applied),
    }
}

/// The error of an attempt that was not ended from outside.
fn fault(attempt: &Attempt, error: &ureq::Error, may_have_been_applied: bool) -> Error {
    use ureq::Error as Ureq;
    match error {
        Ureq::BodyExceedsLimit(_)
        | Ureq::Decompress(..)
        | Ureq::Protocol(_)
        | Ureq::LargeResponseHeader(..) => Error::InvalidAnswer {
            message: format!("the answer is not valid HTTP of at most 8 MiB: {error}"),
            status: attempt.status(),
            may_have_been_applied,
        },
        _ => Error::Transport {
            message: format!("{} failed: {error}", attempt.step()),
            retryable: !attempt::is_permanent(error),
            may_have_been_applied,
        },
    }
}
