//! `Exchange`: sends a request until an answer decides, the retries are used up, or time is.

use std::pin::pin;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use http::HeaderMap;

use super::retry::{self, Decision};
use super::trail::{Answered, Attempted, Trail};
use crate::auth::Token;
use crate::error::{ApiErrorKind, Error};
use crate::quota::{Fate, OpenQuota, Turn};
use crate::sync::{Budget, Permits, Workers, clock};
use crate::transport::{HttpRequest, HttpResponse, Outcome, Progress, Terms, Transport};

/// The means, the time and the patience of one call.
pub(crate) struct Exchange<'a> {
    pub(super) transport: &'a Transport,
    pub(super) workers: &'a Workers,
    /// How many requests may be under way when no quota says so.
    pub(super) permits: &'a Permits,
    pub(super) quota: Option<&'a OpenQuota>,
    pub(super) turn: Turn,
    /// Headers besides the client's own.
    pub(super) headers: HeaderMap,
    pub(super) max_retries: u32,
    pub(super) budget: Budget,
    pub(super) trail: Trail<'a>,
    /// Counts the sign-ins that were sent.
    pub(super) sign_ins: Option<&'a AtomicU32>,
    /// What no error may show though an answer echoes it.
    pub(super) password: Option<&'a str>,
}

/// One attempt: what it brought, and how long that took.
struct Sent {
    outcome: Outcome,
    attempted: Option<Attempted>,
    elapsed: Duration,
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

impl Exchange<'_> {
    /// Sends the request, again if need be, and decodes the answer.
    pub(crate) async fn run<T>(
        &self,
        request: &HttpRequest,
        token: Option<&Token>,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let (mut attempt, mut free, mut doubtful, mut sent) = (0, 1, false, false);
        let ended = |error: Error, doubtful, sent| {
            let error = if doubtful { error.after_doubtful_attempt() } else { error };
            Failure { error, sent }
        };
        loop {
            let outcome = self.send_once(request, token).await;
            let Sent { outcome, attempted, elapsed } =
                outcome.map_err(|error| ended(error, doubtful, sent))?;
            sent = outcome.progress != Progress::Unsent;
            let status = outcome.result.as_ref().ok().map(|answer| answer.status);
            let result = outcome.result.and_then(&decode);
            let answered =
                Answered { elapsed, status, reused: outcome.reused, headers: outcome.headers };
            self.trail.answer(attempted, answered, result.as_ref().err());
            let error = match result {
                Ok(answer) => return Ok(answer),
                Err(error) if !request.is_update() => error.without_effect(),
                Err(error) => ended(error, doubtful, sent).error,
            };
            let secrets = [token.map(Token::text), self.password].map(Option::unwrap_or_default);
            let error = error.without_secrets(&secrets);
            let error = request.endpoint.iter().fold(error, |error, endpoint| error.at(endpoint));
            doubtful = error.may_have_been_applied();
            if outcome.dead_connection && free > 0 {
                free -= 1;
                continue;
            }
            let asked = self.back_off(&error);
            if request.is_sign_in() && sent && !is_over_quota(&error) {
                return Err(Failure { error, sent });
            }
            let left = self.budget.left();
            match retry::decide(self.max_retries, attempt, &error, asked, left, retry::jitter()) {
                Decision::Stop => return Err(Failure { error, sent }),
                Decision::After(wait) => {
                    self.trail.retry(wait, &error);
                    let slept = self.budget.sleep(wait).await;
                    slept.map_err(|error| ended(error, doubtful, sent))?;
                }
            }
            attempt += 1;
        }
    }

    /// Sends the request once, when the quota lets it; the wait for that is not of the budget.
    ///
    /// The slot is the last thing that is taken: nothing else is waited for while it is held.
    async fn send_once(&self, request: &HttpRequest, token: Option<&Token>) -> Result<Sent, Error> {
        self.budget.check("its turn")?;
        let _permit = match self.quota {
            Some(_) => None,
            None => Some(self.budget.wait_for("its turn", self.permits.take()).await?),
        };
        let slot = match self.quota {
            Some(quota) => {
                let slot = pin!(quota.take(self.turn, &self.budget));
                let slot = self.trail.waiting(slot).await;
                self.trail.warn(|| quota.warnings());
                Some(slot?)
            }
            None => None,
        };
        let attempted = self.trail.send(request.method_name(), request.route);
        let begun = clock::now();
        // From the slot's taking on, by a clock that counts the machine's sleep: a request that has
        // become late is not sent on a slot that may be another's by now.
        let deadline = begun + self.budget.left();
        let terms = Terms { deadline, cancel: Some(self.budget.requests().clone()) };
        let authorization = token.map(Token::header);
        let send = || self.transport.send(request, authorization, &self.headers, terms);
        let outcome = self.workers.block(send);
        let elapsed = clock::now().saturating_sub(begun);
        self.budget.spend(elapsed);
        if let Some(slot) = slot {
            slot.settle(fate(outcome.progress));
        }
        Ok(Sent { outcome, attempted, elapsed })
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
