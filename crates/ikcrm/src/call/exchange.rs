//! `Exchange`: sends a request until an answer decides, the retries are used up, or time is.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::retry::{self, Decision};
use super::trail::{Answered, Attempted, Trail};
use crate::auth::Token;
use crate::config::{CallOptions, Config};
use crate::error::{ApiErrorKind, Error};
use crate::observe::CallId;
use crate::quota::{Fate, Joined, OpenQuota, Slot, Turn};
use crate::sync::{Budget, Permit, Permits, Workers, clock};
use crate::transport::{HttpRequest, HttpResponse, Outcome, Progress, Terms, Transport};

/// The means, the time and the patience of one call.
pub(crate) struct Exchange<'a> {
    pub(super) transport: &'a Transport,
    pub(super) workers: &'a Workers,
    /// How many requests may be under way when no quota says so.
    pub(super) permits: &'a Permits,
    pub(super) quota: Option<&'a OpenQuota>,
    pub(super) call_id: CallId,
    pub(super) turn: Turn,
    pub(super) config: &'a Config,
    pub(super) options: &'a CallOptions,
    pub(super) budget: Budget,
    pub(super) trail: Trail<'a>,
}

/// One attempt: what it brought, and how long that took.
struct Sent {
    outcome: Outcome,
    attempted: Option<Attempted>,
    elapsed: Duration,
}

/// What is known of a request after its attempts so far.
struct Course {
    /// How many retries were made.
    retries: u32,
    /// How many times it may be sent again for nothing, over a new connection.
    free: u32,
    /// Whether an attempt may have been carried out.
    doubtful: bool,
    /// Whether the last attempt reached the CRM, as far as is known.
    sent: bool,
}

/// What follows an attempt.
enum Next<T> {
    End(Result<T, Failure>),
    /// The same once more, after some time.
    Again(Duration),
}

/// Why a request failed for good.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the last attempt reached the CRM, as far as is known.
    pub(crate) sent: bool,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Course {
    fn end(&self, error: Error) -> Failure {
        let error = if self.doubtful { error.after_doubtful_attempt() } else { error };
        Failure { error, sent: self.sent }
    }
}

impl Exchange<'_> {
    /// Sends the request, again if need be, and decodes the answer.
    pub(crate) async fn run<T>(
        &self,
        request: &HttpRequest,
        token: Option<&Token>,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let mut course = Course { retries: 0, free: 1, doubtful: false, sent: false };
        loop {
            let sent = self.send_once(request, token).await.map_err(|error| course.end(error))?;
            let wait = match self.judge(request, token, &decode, &mut course, sent) {
                Next::End(result) => return result,
                Next::Again(wait) => wait,
            };
            if !wait.is_zero() {
                Box::pin(self.budget.sleep(wait)).await.map_err(|error| course.end(error))?;
            }
        }
    }

    /// What an attempt means for its request.
    fn judge<T>(
        &self,
        request: &HttpRequest,
        token: Option<&Token>,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
        course: &mut Course,
        sent: Sent,
    ) -> Next<T> {
        let Sent { outcome, attempted, elapsed } = sent;
        course.sent = outcome.progress != Progress::Unsent;
        let status = outcome.result.as_ref().ok().map(|answer| answer.status);
        let result = outcome.result.and_then(decode);
        let answered =
            Answered { elapsed, status, reused: outcome.reused, headers: outcome.headers };
        self.trail.answer(attempted, answered, result.as_ref().err());
        let error = match result {
            Ok(answer) => return Next::End(Ok(answer)),
            Err(error) if !request.is_update() => error.without_effect(),
            Err(error) => course.end(error).error,
        };
        let credentials = self.config.account.credentials.as_ref();
        let password = credentials.map(|credentials| credentials.password.as_str());
        let secrets = [token.map(Token::text), password].map(Option::unwrap_or_default);
        let error = error.without_secrets(&secrets);
        let error = request.endpoint.iter().fold(error, |error, endpoint| error.at(endpoint));
        course.doubtful = error.may_have_been_applied();
        if outcome.dead_connection && course.free > 0 {
            course.free -= 1;
            return Next::Again(Duration::ZERO);
        }
        let asked = self.back_off(&error);
        let sent = course.sent;
        if request.is_sign_in() && sent && !is_over_quota(&error) {
            return Next::End(Err(Failure { error, sent }));
        }
        let most = self.options.max_retries.unwrap_or(self.config.max_retries);
        let (retries, left) = (course.retries, self.budget.left());
        match retry::decide(most, retries, &error, asked, left, retry::jitter()) {
            Decision::Stop => Next::End(Err(Failure { error, sent })),
            Decision::After(wait) => {
                self.trail.retry(wait, &error);
                course.retries += 1;
                Next::Again(wait)
            }
        }
    }

    /// Sends the request once, when the quota lets it; the wait for that is not of the budget.
    ///
    /// The slot is the last thing that is taken: nothing else is waited for while it is held.
    async fn send_once(&self, request: &HttpRequest, token: Option<&Token>) -> Result<Sent, Error> {
        self.budget.check("its turn")?;
        let _permit = match self.quota {
            Some(_) => None,
            None => Some(self.permit().await?),
        };
        let slot = self.slot().await?;
        let attempted = self.trail.send(request.method_name(), request.route);
        let begun = clock::now();
        // From the slot's taking on, by a clock that counts the machine's sleep: a request that has
        // become late is not sent on a slot that may be another's by now.
        let deadline = begun + self.budget.left();
        let terms = Terms { begun, deadline, cancel: self.budget.requests() };
        let authorization = token.map(Token::header);
        let headers = self.headers();
        let send = || self.transport.send(request, authorization, &headers, terms);
        let outcome = self.workers.block(send);
        let elapsed = clock::now().saturating_sub(begun);
        self.budget.spend(elapsed);
        if let Some(slot) = slot {
            slot.settle(fate(outcome.progress));
        }
        Ok(Sent { outcome, attempted, elapsed })
    }

    async fn permit(&self) -> Result<Permit<'_>, Error> {
        match self.permits.take_now() {
            Some(permit) => Ok(permit),
            None => Box::pin(self.budget.wait_for("its turn", self.permits.take())).await,
        }
    }

    /// A slot of the quota, if there is one.
    async fn slot(&self) -> Result<Option<Slot>, Error> {
        let Some(quota) = self.quota else { return Ok(None) };
        let joined = quota.join(self.turn, &self.budget);
        self.warn(quota);
        let wait = match joined? {
            Joined::Slot(slot) => return Ok(Some(slot)),
            Joined::Queued(wait) => wait,
        };
        let slot = self.trail.waiting(wait).await;
        self.warn(quota);
        slot.map(Some)
    }

    fn warn(&self, quota: &OpenQuota) {
        self.trail.warn(|| quota.warnings());
    }

    /// What the request has besides the client's own headers.
    fn headers(&self) -> HeaderMap {
        const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
        let mut headers = self.config.headers.with(&self.options.headers);
        if self.config.request_id && !headers.contains_key(REQUEST_ID) {
            let id = HeaderValue::try_from(self.call_id.to_string());
            headers.extend(id.ok().map(|id| (REQUEST_ID, id)));
        }
        headers
    }

    /// After a refusal over quota lets all who share the quota wait, and this call only with them;
    /// tells for how long it is asked to wait by itself.
    fn back_off(&self, error: &Error) -> Option<Duration> {
        match self.quota {
            Some(quota) if is_over_quota(error) => {
                self.trail.blocked(quota.back_off(error.retry_after()));
                Some(Duration::ZERO)
            }
            _ => error.retry_after(),
        }
    }
}

fn is_over_quota(error: &Error) -> bool {
    matches!(error, Error::Api(refusal) if refusal.kind == ApiErrorKind::RateLimited)
}

/// Whether the CRM counts a request that got so far.
fn fate(progress: Progress) -> Fate {
    match progress {
        Progress::Unsent => Fate::Unsent,
        Progress::Sent => Fate::Unknown,
        Progress::Answered => Fate::Answered,
    }
}
