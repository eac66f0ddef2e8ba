//! `Exchange`: sends a request until an answer decides, the retries are used up, or time is.

use std::time::{Duration, Instant};

use super::retry::{self, Decision};
use crate::auth::Token;
use crate::error::{ApiErrorKind, Error};
use crate::quota::{Fate, OpenQuota};
use crate::sync::{Budget, Cancel};
use crate::transport::{HttpRequest, HttpResponse, Outcome, Progress, Terms, Transport};

/// The means, the time and the patience of one call.
pub(crate) struct Exchange<'a> {
    pub(super) transport: &'a Transport,
    pub(super) quota: Option<&'a OpenQuota>,
    pub(super) max_retries: u32,
    pub(super) budget: Budget<'a>,
    /// What no error may show though an answer echoes it.
    pub(super) password: Option<&'a str>,
}

impl Exchange<'_> {
    /// Sends the request, again if need be, and decodes the answer.
    pub(crate) fn run<T>(
        &self,
        request: &HttpRequest,
        token: Option<&Token>,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (mut attempt, mut free, mut doubtful) = (0, 1, false);
        loop {
            let outcome = match self.send_once(request, token) {
                Ok(outcome) => outcome,
                Err(error) if doubtful => return Err(error.after_doubtful_attempt()),
                Err(error) => return Err(error),
            };
            let error = match outcome.result.and_then(&decode) {
                Ok(answer) => return Ok(answer),
                Err(error) if !request.is_update() => error.without_effect(),
                Err(error) if doubtful => error.after_doubtful_attempt(),
                Err(error) => error,
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
            let left = self.budget.left();
            match retry::decide(self.max_retries, attempt, &error, asked, left, fastrand::f64()) {
                Decision::Stop => return Err(error),
                Decision::After(wait) => self.pause(wait),
            }
            attempt += 1;
        }
    }

    /// Sends the request once, when the quota lets it; the wait for that is not of the budget.
    fn send_once(&self, request: &HttpRequest, token: Option<&Token>) -> Result<Outcome, Error> {
        let (cancel, timeout) = (self.budget.cancel(), self.budget.left());
        if cancel.is_some_and(Cancel::is_cancelled) {
            return Err(Error::Cancelled { may_have_been_applied: false });
        }
        let slot = self.quota.map(|quota| quota.take(timeout, cancel)).transpose()?;
        let begun = Instant::now();
        let authorization = token.map(Token::header);
        let terms = Terms::new(begun + timeout, cancel.cloned());
        let outcome = self.transport.send(request, authorization, terms);
        self.budget.spend(begun.elapsed());
        if let Some(slot) = slot {
            slot.settle(fate(outcome.progress));
        }
        Ok(outcome)
    }

    /// After a refusal over quota lets all who share the quota wait, and this call only with them;
    /// tells for how long it is asked to wait by itself.
    fn back_off(&self, error: &Error) -> Option<Duration> {
        match self.quota {
            Some(quota) if error.code() == ApiErrorKind::RateLimited.as_str() => {
                quota.back_off(error.retry_after());
                Some(Duration::ZERO)
            }
            _ => error.retry_after(),
        }
    }

    /// Waits before the next attempt; a cancel ends the wait, and the loop then ends the call.
    fn pause(&self, wait: Duration) {
        match self.budget.cancel() {
            Some(cancel) => drop(cancel.wait(wait)),
            None => std::thread::sleep(wait),
        }
        self.budget.spend(wait);
    }
}

/// Whether the CRM counts a request that got so far.
fn fate(progress: Progress) -> Fate {
    match progress {
        Progress::Unsent => Fate::Unsent,
        Progress::Sent => Fate::Unknown,
        Progress::Answered => Fate::Answered,
    }
}
