//! Everything that can go wrong, as one enum.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The endpoint of a sign-in, as errors name it.
pub(crate) const SIGN_IN: &str = "POST /api/v2/auth/login";

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
    /// No field, option or custom field has this name.
    Unknown,
    /// The update changes nothing.
    Empty,
    /// Two settings exclude each other.
    Conflict,
    /// The option is there but may no longer be chosen.
    Disabled,
    /// Several options or custom fields have this label.
    Ambiguous,
    /// The opportunity's field is no longer as in the record given.
    Changed,
}

impl FieldErrorCode {
    /// Every code, for tests against the contract.
    #[doc(hidden)]
    pub const ALL: [Self; 13] = [
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
        Self::Disabled,
        Self::Ambiguous,
        Self::Changed,
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
            Self::Disabled => "disabled",
            Self::Ambiguous => "ambiguous",
            Self::Changed => "changed",
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
    /// The token is dead, the account is closed, or signing in failed.
    Auth,
    /// The account belongs to several enterprises: sign in with the `corp_id` of one of
    /// [`ApiError::enterprises`].
    ChooseEnterprise,
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
            Self::ChooseEnterprise => "choose_enterprise",
            Self::NotFound => "not_found",
            Self::InvalidParameters => "invalid_parameters",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
        }
    }
}

/// An enterprise that an account belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enterprise {
    /// The id to sign in with.
    pub corp_id: String,
    /// The enterprise's name.
    pub name: String,
}

impl fmt::Display for Enterprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.corp_id, self.name)
    }
}

/// The longest words of the CRM that an error shows, in characters.
const LONGEST_MESSAGE: usize = 500;
/// Shorter ones would take words apart, and hide nothing.
const SHORTEST_SECRET: usize = 4;
/// The longest beginning of an answer that an error holds, in characters.
const LONGEST_EXCERPT: usize = 200;
/// How much of an answer is kept until secrets are taken out of it: one may lie across the end of
/// what is shown.
const KEPT: usize = 4096;

/// The beginning of an answer, which may hold names and telephone numbers. It is printed nowhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Excerpt(Option<Box<str>>);

impl Excerpt {
    /// The beginning of this text; nothing of an empty one.
    pub(crate) fn of(text: &str) -> Self {
        Self((!text.is_empty()).then(|| cut(text, KEPT).into()))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The text's first characters.
fn cut(text: &str, longest: usize) -> &str {
    text.char_indices().nth(longest).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
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
    /// The CRM's own words, at most 500 characters of them.
    pub message: String,
    /// The endpoint, when it is not the one that the call is about: that of a sign-in, of a look-up,
    /// of the reading before an update.
    pub endpoint: Option<String>,
    /// The enterprises to choose from; empty but for [`ApiErrorKind::ChooseEnterprise`].
    pub enterprises: Vec<Enterprise>,
    /// How long the CRM asks to wait, if it does (`Retry-After`).
    pub retry_after: Option<Duration>,
    pub(crate) excerpt: Excerpt,
    pub(crate) may_have_been_applied: bool,
}

impl ApiError {
    /// Whether the same request may be answered otherwise later.
    pub(crate) fn is_passing(&self) -> bool {
        self.kind == ApiErrorKind::RateLimited || matches!(self.status, 408 | 502..=504)
    }

    /// Whether the token is dead and a new one may live.
    pub(crate) fn asks_for_sign_in(&self) -> bool {
        self.kind == ApiErrorKind::Auth
            && matches!(self.api_code, Some(100_401 | 100_400 | 100_000))
    }

    /// The CRM's words, with the endpoint if it needs telling and the enterprises to choose from.
    fn words(&self) -> String {
        let place = self.endpoint.iter().map(|endpoint| format!("{endpoint}: "));
        let choice = (!self.enterprises.is_empty()).then(|| {
            let list: Vec<_> = self.enterprises.iter().map(ToString::to_string).collect();
            format!("; give one of these as corp_id: {}", list.join(", "))
        });
        place.chain([self.message.clone()]).chain(choice).collect()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ApiErrorKind::Other => "the CRM refused the call",
            ApiErrorKind::Auth if self.endpoint.as_deref() == Some(SIGN_IN) => "signing in failed",
            ApiErrorKind::Auth => "the CRM no longer accepts this token",
            ApiErrorKind::ChooseEnterprise => "the account belongs to several enterprises",
            ApiErrorKind::NotFound => "not found, or not yours to see",
            ApiErrorKind::InvalidParameters => "the CRM refused the values",
            ApiErrorKind::RateLimited => "too many calls (the CRM admits 10 per 10 s)",
            ApiErrorKind::Server => "the CRM failed",
        };
        write!(f, "{what}: {} (", self.words().trim_end())?;
        if let Some(code) = self.api_code {
            write!(f, "code {code}, ")?;
        }
        write!(f, "HTTP {})", self.status)
    }
}

/// An error of this library. Nothing it prints holds the token or the password.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client's settings are wrong. Nothing was sent.
    #[error("cannot make a client: {}", list(fields))]
    Config {
        /// All faults found.
        fields: Vec<FieldError>,
    },
    /// The call's values are wrong. It was not sent; at most labels were looked up.
    #[error("the call was not sent: {}", list(fields))]
    Validation {
        /// All faults found.
        fields: Vec<FieldError>,
    },
    /// The opportunity is no longer as in the record given as `if_unchanged`. It was not updated.
    #[error("not updated, since the opportunity has changed: {}", list(fields))]
    Conflict {
        /// The fields that differ.
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
    /// The token was refused so soon after a sign-in that another sign-in would only go on with a
    /// quarrel between two programs.
    #[error("{}", sign_in_limited(refusal.as_deref(), *interval, *retry_after))]
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
    TokenStore {
        /// What failed.
        message: String,
        /// The store's own error.
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
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

/// The text without a secret, plain or as JSON spells it.
fn redact(text: String, secret: &&str) -> String {
    if secret.len() < SHORTEST_SECRET {
        return text;
    }
    let spelt = serde_json::Value::from(*secret).to_string();
    let spelt = spelt.trim_matches('"');
    text.replace(secret, "***").replace(spelt, "***")
}

fn shortened(text: &str) -> String {
    match cut(text, LONGEST_MESSAGE) {
        whole if whole.len() == text.len() => text.to_owned(),
        begin => format!("{begin}…"),
    }
}

fn list(fields: &[FieldError]) -> String {
    fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn sign_in_limited(refusal: Option<&ApiError>, interval: Duration, left: Duration) -> String {
    let words = refusal.map(|refusal| format!(" ({})", refusal.message.trim_end()));
    format!(
        "the CRM no longer accepts the token{}, although this client signed in less than {} s ago: \
         another program probably uses the same account, and each sign-in ends the other's token; \
         give each program an account of its own, or let them share a token store; the next \
         sign-in may be in {:.0} s",
        words.unwrap_or_default(),
        interval.as_secs_f64(),
        left.as_secs_f64().ceil(),
    )
}

impl Error {
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
            Self::Transport { retryable, .. } => *retryable,
            Self::RequestTimeout { .. }
            | Self::QuotaExceeded { .. }
            | Self::QuotaStore { .. }
            | Self::SignInLimited { .. } => true,
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
            Self::Config { .. } | Self::Validation { .. } | Self::Conflict { .. } => false,
            Self::Api(error) => error.may_have_been_applied,
            Self::Transport { may_have_been_applied, .. }
            | Self::RequestTimeout { may_have_been_applied, .. }
            | Self::InvalidAnswer { may_have_been_applied, .. }
            | Self::QuotaExceeded { may_have_been_applied, .. }
            | Self::QuotaStore { may_have_been_applied, .. }
            | Self::SignInLimited { may_have_been_applied, .. }
            | Self::TokenStore { may_have_been_applied, .. }
            | Self::Cancelled { may_have_been_applied } => *may_have_been_applied,
        }
    }

    /// The same error, knowing that an earlier attempt may have been carried out.
    pub(crate) fn after_doubtful_attempt(self) -> Self {
        self.applied(true)
    }

    /// The same error as it may be shown: with `***` for each of these secrets, which an answer may
    /// echo, and no longer than is of use.
    pub(crate) fn without_secrets(mut self, secrets: &[&str]) -> Self {
        let redacted = |text: &str| secrets.iter().fold(text.to_owned(), redact);
        let shown = |excerpt: &mut Excerpt| {
            *excerpt = Excerpt(excerpt.text().map(|t| cut(&redacted(t), LONGEST_EXCERPT).into()));
        };
        match &mut self {
            Self::Api(error) => {
                error.message = shortened(&redacted(&error.message));
                shown(&mut error.excerpt);
                for enterprise in &mut error.enterprises {
                    enterprise.name = shortened(&redacted(&enterprise.name));
                    enterprise.corp_id = shortened(&redacted(&enterprise.corp_id));
                }
            }
            Self::InvalidAnswer { message, excerpt, .. } => {
                *message = shortened(&redacted(message));
                shown(excerpt);
            }
            Self::Transport { message, .. } => *message = redacted(message),
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
            Self::Config { .. } | Self::Validation { .. } | Self::Conflict { .. } => {}
            Self::Api(error) => error.may_have_been_applied = applied,
            Self::Transport { may_have_been_applied, .. }
            | Self::RequestTimeout { may_have_been_applied, .. }
            | Self::InvalidAnswer { may_have_been_applied, .. }
            | Self::QuotaExceeded { may_have_been_applied, .. }
            | Self::QuotaStore { may_have_been_applied, .. }
            | Self::SignInLimited { may_have_been_applied, .. }
            | Self::TokenStore { may_have_been_applied, .. }
            | Self::Cancelled { may_have_been_applied } => *may_have_been_applied = applied,
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
