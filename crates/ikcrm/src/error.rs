//! Everything that can go wrong, as one enum.

mod api;
mod spelling;
mod field;
mod stop;
mod excerpt;
mod cause;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use api::SIGN_IN;
pub use api::{ApiError, ApiErrorKind, Enterprise};
pub use cause::Cause;
pub use excerpt::Excerpt;
use excerpt::{redacted, shortened};
pub(crate) use field::{Fault, fault, keep};
pub use field::{FieldError, FieldErrorCode};
pub use spelling::spell_as;
pub(crate) use spelling::{spelt, spelt_faults};
pub use stop::StopReason;

/// An error of this library. Nothing it prints holds the token or the password.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client's settings are wrong. Nothing was sent.
    #[error("cannot make a client: {}", list(fields))]
    #[non_exhaustive]
    Config {
        /// All faults found.
        fields: Vec<FieldError>,
    },
    /// The call's values are wrong. It was not sent; at most labels were looked up.
    #[error("the call was not sent: {}", list(fields))]
    #[non_exhaustive]
    Validation {
        /// All faults found.
        fields: Vec<FieldError>,
    },
    /// The opportunity is no longer as in the record given as `if_unchanged`. It was not updated.
    #[error("not updated, because the opportunity has changed: {}", list(fields))]
    #[non_exhaustive]
    Conflict {
        /// The fields that differ.
        fields: Vec<FieldError>,
    },
    /// The CRM answered and refused.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// The CRM could not be reached, or the connection broke.
    #[error("{message}")]
    #[non_exhaustive]
    Transport {
        /// What failed.
        message: String,
        /// Whether the same call may work later.
        retryable: bool,
        /// Whether the CRM may have carried the update out.
        may_have_been_applied: bool,
    },
    /// The call's time ran out.
    #[error("{message}")]
    #[non_exhaustive]
    RequestTimeout {
        /// Which time ran out and at what step.
        message: String,
        /// Whether the CRM may have carried the update out.
        may_have_been_applied: bool,
    },
    /// What came back is not an answer of this API.
    #[error("{message}")]
    #[non_exhaustive]
    InvalidAnswer {
        /// What is wrong with it.
        message: String,
        /// The HTTP status, if it came.
        status: Option<u16>,
        /// How it begins.
        excerpt: Excerpt,
        /// Whether the CRM may have carried the update out.
        may_have_been_applied: bool,
    },
    /// No slot of the quota could be had in time.
    #[error(
        "the quota is used up: no slot is free in time ({} or {}), so this request was not sent; the \
         next slot is free in {:.1} s at the earliest",
        spelt("max_wait"),
        spelt("deadline"),
        retry_after.as_secs_f64()
    )]
    #[non_exhaustive]
    QuotaExceeded {
        /// How long it takes at least until a slot can be had.
        retry_after: Duration,
        /// Whether the CRM may have carried the update out in an earlier attempt.
        may_have_been_applied: bool,
    },
    /// What the processes share that use the quota cannot be used.
    #[error("{message}; this request was not sent, because it could exceed the shared quota")]
    #[non_exhaustive]
    QuotaStore {
        /// What failed.
        message: String,
        /// Whether it may work later as it is: not with a wrong password or a missing folder.
        retryable: bool,
        /// Whether the CRM may have carried the update out in an earlier attempt.
        may_have_been_applied: bool,
    },
    /// The token was refused so soon after a sign-in that another sign-in would only go on with a
    /// quarrel between two programs.
    #[error("{}", sign_in_limited(refusal.as_deref(), *interval, *retry_after))]
    #[non_exhaustive]
    SignInLimited {
        /// How long it takes until the client may sign in again.
        retry_after: Duration,
        /// The client's `sign_in_interval`.
        interval: Duration,
        /// How the CRM refused the token.
        refusal: Option<Box<ApiError>>,
        /// Whether the CRM may have carried the update out in an earlier attempt.
        may_have_been_applied: bool,
    },
    /// The token store failed, or holds no token when there is no other way to one.
    #[error("{message}")]
    #[non_exhaustive]
    TokenStore {
        /// What failed.
        message: String,
        /// The store's own error.
        source: Option<Cause>,
        /// Whether the CRM may have carried the update out in an earlier attempt.
        may_have_been_applied: bool,
    },
    /// The caller cancelled the call, or closed its client.
    #[error("{}", if *closed { "the client is closed" } else { "the call was cancelled" })]
    #[non_exhaustive]
    Cancelled {
        /// Whether the client was closed.
        closed: bool,
        /// Whether the CRM may have carried the update out.
        may_have_been_applied: bool,
    },
    /// A job stopped before its end. What it did is in its file, and it can go on.
    #[error("the job stopped ({reason}): {message}")]
    #[non_exhaustive]
    JobStopped {
        /// Why.
        reason: StopReason,
        /// What happened, and how to go on.
        message: String,
        /// The job's file.
        path: PathBuf,
        /// The error that stopped it, if one did.
        source: Option<Cause>,
    },
    /// Another process, or another thread, works on the job.
    #[error("{message}")]
    #[non_exhaustive]
    JobInUse {
        /// Who, as far as it is known.
        message: String,
        /// The job's file.
        path: PathBuf,
    },
    /// The job's file cannot be read or written, or is not what was asked for.
    #[error("{message}")]
    #[non_exhaustive]
    JobFile {
        /// What is wrong, and what to do.
        message: String,
        /// The job's file.
        path: PathBuf,
    },
}

fn list(fields: &[FieldError]) -> String {
    fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn sign_in_limited(refusal: Option<&ApiError>, interval: Duration, left: Duration) -> String {
    let Some(refusal) = refusal else {
        return format!(
            "this client signed in less than {} s ago, but has no token from it: the sign-in was \
             cancelled or ran out of time, or the token is gone. Signing in again could end a token \
             that another program uses; the next sign-in is allowed in {:.0} s",
            interval.as_secs_f64(),
            left.as_secs_f64().ceil(),
        );
    };
    format!(
        "the CRM no longer accepts the token ({}), although this client signed in less than {} s ago: \
         another program probably uses the same account, and each sign-in ends the other's token. \
         Give each program its own account, or let them share a token store; the next sign-in is \
         allowed in {:.0} s",
        refusal.message.trim_end(),
        interval.as_secs_f64(),
        left.as_secs_f64().ceil(),
    )
}

impl Error {
    /// A client that cannot be made for these faults, for the bindings.
    #[doc(hidden)]
    #[must_use]
    pub fn config(fields: Vec<FieldError>) -> Self {
        Self::Config { fields }
    }

    /// A call that was refused for these faults, for the bindings.
    #[doc(hidden)]
    #[must_use]
    pub fn validation(fields: Vec<FieldError>) -> Self {
        Self::Validation { fields }
    }

    /// A call that was cancelled, for the bindings.
    #[doc(hidden)]
    #[must_use]
    pub fn cancelled(may_have_been_applied: bool) -> Self {
        Self::Cancelled { closed: false, may_have_been_applied }
    }

    /// A stable word for the kind of error, the same in every language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config { .. } => "config",
            Self::Validation { .. } => "validation",
            Self::Conflict { .. } => "conflict",
            Self::Api(error) => error.kind.as_str(),
            Self::Transport { .. } => "transport",
            Self::RequestTimeout { .. } => "request_timeout",
            Self::InvalidAnswer { .. } => "invalid_answer",
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::QuotaStore { .. } => "quota_store",
            Self::SignInLimited { .. } => "sign_in_limited",
            Self::TokenStore { .. } => "token_store",
            Self::Cancelled { .. } => "cancelled",
            Self::JobStopped { .. } => "job_stopped",
            Self::JobInUse { .. } => "job_in_use",
            Self::JobFile { .. } => "job_file",
        }
    }

    /// The HTTP status, if an answer came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::SignInLimited { refusal, .. } => Some(refusal.as_ref()?.status),
            Self::InvalidAnswer { status, .. } => *status,
            _ => None,
        }
    }

    /// The `code` in the answer's body, if there was one.
    #[must_use]
    pub fn api_code(&self) -> Option<i64> {
        match self {
            Self::Api(error) => error.api_code,
            Self::SignInLimited { refusal, .. } => refusal.as_ref()?.api_code,
            _ => None,
        }
    }

    /// What went wrong: the CRM's own words for an API error, otherwise ours.
    ///
    /// They follow the endpoint, when it is not the one that the call is about, and go before the
    /// enterprises to choose from.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Api(error) => error.words(),
            _ => self.to_string(),
        }
    }

    /// The faults of single fields; empty unless this is a config, validation or conflict error.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Self::Config { fields } | Self::Validation { fields } | Self::Conflict { fields } => {
                fields
            }
            _ => &[],
        }
    }

    /// The enterprises that the account belongs to, when one of them must be chosen.
    #[must_use]
    pub fn enterprises(&self) -> &[Enterprise] {
        match self {
            Self::Api(error) => &error.enterprises,
            _ => &[],
        }
    }

    /// Whether the same call may work when made again later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.is_passing(),
            Self::Transport { retryable, .. } | Self::QuotaStore { retryable, .. } => *retryable,
            Self::RequestTimeout { .. }
            | Self::QuotaExceeded { .. }
            | Self::SignInLimited { .. }
            | Self::JobInUse { .. } => true,
            _ => false,
        }
    }

    /// How long it takes at least until the same call may work, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QuotaExceeded { retry_after, .. } | Self::SignInLimited { retry_after, .. } => {
                Some(*retry_after)
            }
            Self::Api(error) => error.retry_after,
            _ => None,
        }
    }

    /// The first 200 characters of the answer that this error is about, unless it was one to a
    /// sign-in. They may hold names and telephone numbers, so no message shows them.
    #[must_use]
    pub fn body_excerpt(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.excerpt.text(),
            Self::InvalidAnswer { excerpt, .. } => excerpt.text(),
            _ => None,
        }
    }

    /// Whether the CRM may have carried the update out although this error came.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Config { .. }
            | Self::Validation { .. }
            | Self::Conflict { .. }
            | Self::JobStopped { .. }
            | Self::JobInUse { .. }
            | Self::JobFile { .. } => false,
            Self::Api(error) => error.may_have_been_applied,
            Self::Transport { may_have_been_applied, .. }
            | Self::RequestTimeout { may_have_been_applied, .. }
            | Self::InvalidAnswer { may_have_been_applied, .. }
            | Self::QuotaExceeded { may_have_been_applied, .. }
            | Self::QuotaStore { may_have_been_applied, .. }
            | Self::SignInLimited { may_have_been_applied, .. }
            | Self::TokenStore { may_have_been_applied, .. }
            | Self::Cancelled { may_have_been_applied, .. } => *may_have_been_applied,
        }
    }

    /// The same error of a call that was ended with its client.
    pub(crate) fn closed(mut self) -> Self {
        if let Self::Cancelled { closed, .. } = &mut self {
            *closed = true;
        }
        self
    }

    /// The same error, knowing that an earlier attempt may have been carried out.
    pub(crate) fn after_doubtful_attempt(self) -> Self {
        self.applied(true)
    }

    /// The same error as it may be shown: with `***` for each of these secrets, which an answer may
    /// echo, and no longer than is of use.
    pub(crate) fn without_secrets(mut self, secrets: &[&str]) -> Self {
        match &mut self {
            Self::Api(error) => error.hide(secrets),
            Self::InvalidAnswer { message, excerpt, .. } => {
                *message = shortened(message, secrets);
                *excerpt = excerpt.without(secrets);
            }
            Self::Transport { message, .. } => *message = redacted(message, secrets),
            _ => {}
        }
        self
    }

    /// The same error of a request that changes nothing.
    pub(crate) fn without_effect(self) -> Self {
        self.applied(false)
    }

    fn applied(mut self, applied: bool) -> Self {
        match &mut self {
            Self::Config { .. }
            | Self::Validation { .. }
            | Self::Conflict { .. }
            | Self::JobStopped { .. }
            | Self::JobInUse { .. }
            | Self::JobFile { .. } => {}
            Self::Api(error) => error.may_have_been_applied = applied,
            Self::Transport { may_have_been_applied, .. }
            | Self::RequestTimeout { may_have_been_applied, .. }
            | Self::InvalidAnswer { may_have_been_applied, .. }
            | Self::QuotaExceeded { may_have_been_applied, .. }
            | Self::QuotaStore { may_have_been_applied, .. }
            | Self::SignInLimited { may_have_been_applied, .. }
            | Self::TokenStore { may_have_been_applied, .. }
            | Self::Cancelled { may_have_been_applied, .. } => *may_have_been_applied = applied,
        }
        self
    }

    /// The same error, telling that it is one of this endpoint, which the call is not about.
    pub(crate) fn at(mut self, endpoint: &str) -> Self {
        match &mut self {
            Self::Api(error) => error.endpoint = Some(endpoint.to_owned()),
            Self::Transport { message, .. }
            | Self::RequestTimeout { message, .. }
            | Self::InvalidAnswer { message, .. } => *message = format!("{endpoint}: {message}"),
            _ => {}
        }
        self
    }
}
