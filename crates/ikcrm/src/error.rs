//! Everything that can go wrong, as one enum.

use std::fmt;
use std::time::Duration;

/// One fault of one field, found before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The field's name, such as `title`, `id` or `custom.text_asset_8b1eeedd`.
    pub field: String,
    /// A stable word for the kind of fault.
    pub code: FieldErrorCode,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl FieldError {
    /// A fault that a binding finds in what only it can see.
    #[doc(hidden)]
    pub fn new(field: impl Into<String>, code: FieldErrorCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// The kinds of fault a field can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldErrorCode {
    /// The field must be given.
    Required,
    /// The field may not be null.
    Null,
    /// The text has nothing but blanks.
    Blank,
    /// The value is of a kind that the field does not take.
    Type,
    /// The value is too small, too large or too long.
    Range,
    /// The text does not have the form it must have.
    Format,
    /// The field is a companion that the CRM computes and never accepts.
    ReadOnly,
    /// No field has this name.
    Unknown,
    /// The update changes nothing.
    Empty,
    /// Two settings exclude each other.
    Conflict,
}

impl FieldErrorCode {
    /// Every code, for tests against the contract.
    #[doc(hidden)]
    pub const ALL: [Self; 10] = [
        Self::Required,
        Self::Null,
        Self::Blank,
        Self::Type,
        Self::Range,
        Self::Format,
        Self::ReadOnly,
        Self::Unknown,
        Self::Empty,
        Self::Conflict,
    ];

    /// The stable word: `required`, `null`, `blank`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Null => "null",
            Self::Blank => "blank",
            Self::Type => "type",
            Self::Range => "range",
            Self::Format => "format",
            Self::ReadOnly => "read_only",
            Self::Unknown => "unknown",
            Self::Empty => "empty",
            Self::Conflict => "conflict",
        }
    }
}

impl fmt::Display for FieldErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of refusal an [`ApiError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiErrorKind {
    /// A refusal with no more special kind; look at [`ApiError::api_code`].
    Other,
    /// The token is dead or the account is closed: sign in again.
    Auth,
    /// The object does not exist or may not be seen: the CRM has one code for both.
    NotFound,
    /// The CRM refused the values.
    InvalidParameters,
    /// The enterprise made more calls than the CRM admits.
    RateLimited,
    /// The CRM failed.
    Server,
}

impl ApiErrorKind {
    /// The stable word, which is the error's [`code`](Error::code): `auth`, `not_found`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Other => "api",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::InvalidParameters => "invalid_parameters",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
        }
    }
}

/// The CRM answered and refused: a body `code` other than 0, or a status of 400 or more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// What kind of refusal it is.
    pub kind: ApiErrorKind,
    /// The HTTP status, often 200 even for a refusal.
    pub status: u16,
    /// The body's `code`, if it had one.
    pub api_code: Option<i64>,
    /// The CRM's own words, as they came.
    pub message: String,
    pub(crate) may_have_been_applied: bool,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ApiErrorKind::Other => "the CRM refused the call",
            ApiErrorKind::Auth => "the CRM no longer accepts this token",
            ApiErrorKind::NotFound => "not found, or not yours to see",
            ApiErrorKind::InvalidParameters => "the CRM refused the values",
            ApiErrorKind::RateLimited => "too many calls (the CRM admits 10 per 10 s)",
            ApiErrorKind::Server => "the CRM failed",
        };
        write!(f, "{what}: {} (", self.message.trim_end())?;
        if let Some(code) = self.api_code {
            write!(f, "code {code}, ")?;
        }
        write!(f, "HTTP {})", self.status)
    }
}

/// An error of this library. Nothing it prints holds the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client's settings are wrong. Nothing was sent.
    #[error("cannot make a client: {}", list(fields))]
    Config {
        /// All faults found.
        fields: Vec<FieldError>,
    },
    /// The call's values are wrong. Nothing was sent.
    #[error("nothing was sent: {}", list(fields))]
    Validation {
        /// All faults found.
        fields: Vec<FieldError>,
    },
    /// The CRM answered and refused.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// The CRM could not be reached, or the connection broke.
    #[error("{message}")]
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
    RequestTimeout {
        /// Which time ran out and at what step.
        message: String,
        /// Whether the CRM may have carried the update out.
        may_have_been_applied: bool,
    },
    /// What came back is not an answer of this API.
    #[error("{message}")]
    InvalidAnswer {
        /// What is wrong with it, with content type and the first 200 bytes.
        message: String,
        /// The HTTP status, if it came.
        status: Option<u16>,
        /// Whether the CRM may have carried the update out.
        may_have_been_applied: bool,
    },
    /// No slot of the quota could be had in time.
    #[error(
        "the quota is used up: nothing was sent, since no slot is free within max_wait; the next \
         may be in {:.1} s",
        retry_after.as_secs_f64()
    )]
    QuotaExceeded {
        /// How long it takes at least until a slot can be had.
        retry_after: Duration,
        /// Whether the CRM may have carried the update out in an earlier attempt.
        may_have_been_applied: bool,
    },
    /// What the processes share that use the quota cannot be used.
    #[error("{message}; nothing was sent, since others could not be told")]
    QuotaStore {
        /// What failed.
        message: String,
        /// Whether the CRM may have carried the update out in an earlier attempt.
        may_have_been_applied: bool,
    },
    /// The caller cancelled the call.
    #[error("the call was cancelled")]
    Cancelled {
        /// Whether the CRM may have carried the update out.
        may_have_been_applied: bool,
    },
}

fn list(fields: &[FieldError]) -> String {
    fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// A stable word for the kind of error, the same in every language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config { .. } => "config",
            Self::Validation { .. } => "validation",
            Self::Api(error) => error.kind.as_str(),
            Self::Transport { .. } => "transport",
            Self::RequestTimeout { .. } => "request_timeout",
            Self::InvalidAnswer { .. } => "invalid_answer",
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::QuotaStore { .. } => "quota_store",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// The HTTP status, if an answer came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::InvalidAnswer { status, .. } => *status,
            _ => None,
        }
    }

    /// The `code` in the answer's body, if there was one.
    #[must_use]
    pub fn api_code(&self) -> Option<i64> {
        match self {
            Self::Api(error) => error.api_code,
            _ => None,
        }
    }

    /// What went wrong: the CRM's own words for an API error, otherwise ours.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Api(error) => error.message.clone(),
            _ => self.to_string(),
        }
    }

    /// The faults of single fields; empty unless this is a config or validation error.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Self::Config { fields } | Self::Validation { fields } => fields,
            _ => &[],
        }
    }

    /// Whether the same call may work when made again later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Api(error) => {
                error.kind == ApiErrorKind::RateLimited
                    || (error.api_code.is_none() && matches!(error.status, 408 | 502..=504))
            }
            Self::Transport { retryable, .. } => *retryable,
            Self::RequestTimeout { .. } | Self::QuotaExceeded { .. } | Self::QuotaStore { .. } => {
                true
            }
            _ => false,
        }
    }

    /// How long it takes at least until the same call may work, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QuotaExceeded { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// Whether the CRM may have carried the update out although this error came.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Config { .. } | Self::Validation { .. } => false,
            Self::Api(error) => error.may_have_been_applied,
            Self::Transport { may_have_been_applied, .. }
            | Self::RequestTimeout { may_have_been_applied, .. }
            | Self::InvalidAnswer { may_have_been_applied, .. }
            | Self::QuotaExceeded { may_have_been_applied, .. }
            | Self::QuotaStore { may_have_been_applied, .. }
            | Self::Cancelled { may_have_been_applied } => *may_have_been_applied,
        }
    }

    /// The same error, knowing that an earlier attempt may have been carried out.
    pub(crate) fn after_doubtful_attempt(mut self) -> Self {
        match &mut self {
            Self::Config { .. } | Self::Validation { .. } => {}
            Self::Api(error) => error.may_have_been_applied = true,
            Self::Transport { may_have_been_applied, .. }
            | Self::RequestTimeout { may_have_been_applied, .. }
            | Self::InvalidAnswer { may_have_been_applied, .. }
            | Self::QuotaExceeded { may_have_been_applied, .. }
            | Self::QuotaStore { may_have_been_applied, .. }
            | Self::Cancelled { may_have_been_applied } => *may_have_been_applied = true,
        }
        self
    }
}
