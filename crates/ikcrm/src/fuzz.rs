//! What the fuzz targets and the benchmarks reach into: parts of a call, one thin function each. No API.
#![expect(clippy::must_use_candidate, reason = "the tests are the only callers")]

use std::num::NonZeroUsize;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use jiff::Timestamp;

use crate::api;
use crate::auth::{Credentials, Token};
use crate::call::{Decision, decide};
use crate::config::ClientBuilder;
use crate::error::Error;
use crate::input::Value;
use crate::quota::{self, Fate, Joined, Lane, Limit, OpenQuota, Request, SharedQuota, Taken, Turn};
use crate::request::{OpportunityQuery, OpportunityUpdate, check_query, check_update};
use crate::response::{FieldMap, Opportunity, OpportunityPage, Scan};
use crate::sync::{Budget, Ends, block_on};
use crate::transport::{self, HttpResponse};

fn response(status: u16, body: &[u8]) -> HttpResponse {
    let content_type = "application/json".to_owned();
    HttpResponse { status, content_type, retry_after: None, body: body.to_vec() }
}

/// Whether the text is passed over as one JSON value.
pub fn is_json(text: &str) -> bool {
    let mut scan = Scan::new(text, 0);
    scan.value().is_some() && scan.is_at_end()
}

/// Decodes the answer to an update or a reading of the opportunity 1.
pub fn opportunity(status: u16, body: &[u8]) -> Result<Opportunity, Error> {
    api::opportunities::opportunity(response(status, body), 1)
}

/// Decodes a page of a list.
pub fn page(status: u16, body: &[u8]) -> Result<OpportunityPage, Error> {
    api::opportunities::page(response(status, body))
}

/// Decodes a field map.
pub fn field_map(status: u16, body: &[u8], entity: &str) -> Result<FieldMap, Error> {
    api::field_maps::parsed(response(status, body), entity)
}

/// Decodes the definitions of custom fields, and checks this value by each of them; how many take it.
pub fn custom_fields(status: u16, body: &[u8], value: &Value) -> Result<usize, Error> {
    let fields = api::custom_fields::parsed(response(status, body))?;
    let takes = |label: &str| fields.find(label).and_then(|field| field.check(value)).is_ok();
    Ok(fields.0.iter().filter(|field| takes(&field.label)).count())
}

/// Decodes the answer to a sign-in: the token.
pub fn signed_in(status: u16, body: &[u8]) -> Result<String, Error> {
    api::sign_in::token(response(status, body)).map(|token| token.text().to_owned())
}

/// The body that asks for a sign-in.
pub fn sign_in(login: &str, password: &str, corp_id: Option<&str>) -> Vec<u8> {
    let (login, password) = (login.to_owned(), password.to_owned());
    let credentials = Credentials { login, password, corp_id: corp_id.map(ToOwned::to_owned) };
    api::sign_in::sign_in(&credentials).body.unwrap_or_default()
}

/// The header that carries a token, if it is one; and how the token shows itself.
pub fn token(text: &str) -> Option<(HeaderValue, String)> {
    let token = Token::new(text.to_owned()).ok()?;
    Some((token.header().clone(), format!("{token:?}")))
}

/// A base URL as requests begin with it, if it may be one.
pub fn base_url(url: &str) -> Option<String> {
    let config = ClientBuilder::default().token("token").base_url(url).check();
    config.ok().map(|config| config.base_url)
}

/// The path and the body of an update, if it is right and needs no look-up.
pub fn update(id: &Value, update: &OpportunityUpdate) -> Option<(String, Vec<u8>)> {
    let draft = check_update(id, update, &[]);
    if !draft.labels.is_empty() {
        return None;
    }
    let request = api::opportunities::update(&draft.finish().ok()?);
    Some((request.path, request.body.unwrap_or_default()))
}

/// The path of a page of a list, if the query is right and needs no look-up.
pub fn list(query: &OpportunityQuery, page: u32) -> Option<String> {
    let checked = check_query(query, &[]).ok().filter(|checked| checked.stage.is_none())?;
    Some(api::opportunities::list(&checked, page).path)
}

/// A failure of a call whose time ran out, or of one that may be made again.
pub fn failure(timed_out: bool, retryable: bool) -> Error {
    let (message, may_have_been_applied) = (String::new(), false);
    if timed_out {
        Error::RequestTimeout { message, may_have_been_applied }
    } else {
        Error::Transport { message, retryable, may_have_been_applied }
    }
}

/// How long a header `Retry-After` asks to wait.
pub fn retry_after(header: HeaderValue, now: Timestamp) -> Option<Duration> {
    transport::retry_after(&HeaderMap::from_iter([(RETRY_AFTER, header)]), || now)
}

/// How long to wait before the next attempt, if there is to be one.
pub fn retry(
    max_retries: u32,
    attempt: u32,
    error: &Error,
    retry_after: Option<Duration>,
    left: Duration,
    jitter: f64,
) -> Option<Duration> {
    match decide(max_retries, attempt, error, retry_after, left, jitter) {
        Decision::Stop => None,
        Decision::After(wait) => Some(wait),
    }
}

/// The slots of one quota.
#[derive(Debug, Clone)]
pub struct Window {
    window: quota::Window,
    limit: Limit,
}

impl Window {
    /// An empty one.
    pub fn new(calls: NonZeroUsize, per: Duration) -> Self {
        Self { window: quota::Window::default(), limit: Limit { calls, per } }
    }

    /// The one in a file with this content, if it can be read.
    pub fn in_file(
        calls: NonZeroUsize,
        per: Duration,
        content: &[u8],
        now: Duration,
    ) -> Option<Self> {
        // Who writes slots writes their limits too.
        let window = quota::window_in(content, now).filter(quota::Window::has_limits)?;
        Some(Self { window, limit: Limit { calls, per } })
    }

    /// Writes it to a file, and goes on with what another process finds there.
    ///
    /// # Panics
    ///
    /// When that cannot be read.
    #[expect(clippy::expect_used, reason = "a finding")]
    pub fn pass_on(&mut self, now: Duration) {
        self.window = quota::passed_on(&self.window, now).expect("what was written can be read");
    }

    /// How long to wait at least; nothing when a slot was taken.
    pub fn take(
        &mut self,
        id: u64,
        hold: Duration,
        ahead: usize,
        now: Duration,
    ) -> Option<Duration> {
        match self.window.take(Request { id, hold, ahead }, self.limit, now) {
            Taken::Slot => None,
            Taken::Busy(wait) => Some(wait),
        }
    }

    /// Tells that the call was not sent.
    pub fn unsent(&mut self, id: u64, now: Duration) {
        self.settle(id, Fate::Unsent, now);
    }

    /// Tells that the call was answered.
    pub fn answered(&mut self, id: u64, now: Duration) {
        self.settle(id, Fate::Answered, now);
    }

    /// Tells that nobody knows what became of the call.
    pub fn unknown(&mut self, id: u64, now: Duration) {
        self.settle(id, Fate::Unknown, now);
    }

    fn settle(&mut self, id: u64, fate: Fate, now: Duration) {
        self.window.know(self.limit, now);
        self.window.settle(id, fate, now);
    }

    /// Lets nobody take a slot for some time.
    pub fn block(&mut self, duration: Duration, now: Duration) {
        self.window.block(duration, now);
    }

    /// How many slots are taken, and when the next can be had.
    pub fn usage(&mut self, now: Duration) -> (usize, Duration) {
        self.window.usage(self.limit, 0, now)
    }
}

/// The rows of a sheet with their numbers, as they were given.
#[cfg(all(feature = "csv", feature = "xlsx"))]
pub fn sheet(
    path: &std::path::Path,
    options: &crate::sheet::SheetOptions,
) -> Result<Vec<(u64, Vec<serde_json::Value>)>, Error> {
    crate::sheet::rows_of(path, options)
}

/// The slots of a quota, without calls.
pub struct Slots {
    quota: OpenQuota,
    budget: Budget,
}

impl Slots {
    /// Those of a client with these settings, if it has a quota.
    pub fn of(client: ClientBuilder) -> Result<Option<Self>, Error> {
        let config = client.check().map_err(|fields| Error::Config { fields })?;
        let budget = Budget::new(Duration::from_secs(1), None, Ends::default());
        Ok(config.quota.as_ref().map(SharedQuota::open).map(|quota| Self { quota, budget }))
    }

    /// Takes a slot, and settles it as that of a call that was answered.
    pub fn take_and_settle(&self) -> Result<(), Error> {
        let turn = Turn { lane: Lane::Interactive, order: 0, max_wait: None };
        let slot = match self.quota.join(turn, &self.budget)? {
            Joined::Slot(slot) => slot,
            Joined::Queued(wait) => block_on(wait, None)?,
        };
        slot.settle(Fate::Answered);
        Ok(())
    }
}
