//! `ApiError`: the CRM's own refusal.

use std::fmt;
use std::time::Duration;

use super::excerpt::{Excerpt, shortened};
use super::spelling::spelt;

/// The path of a sign-in.
pub(crate) const SIGN_IN: &str = "/api/v2/auth/login";

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
    /// The stable word, which is the error's [`code`](super::Error::code): `auth`, `not_found`, …
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

    /// Takes these secrets out of what the CRM said, and shortens it.
    pub(super) fn hide(&mut self, secrets: &[&str]) {
        self.message = shortened(&self.message, secrets);
        self.excerpt = self.excerpt.without(secrets);
        for enterprise in &mut self.enterprises {
            enterprise.name = shortened(&enterprise.name, secrets);
            enterprise.corp_id = shortened(&enterprise.corp_id, secrets);
        }
    }

    fn is_of_sign_in(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.ends_with(SIGN_IN))
    }

    /// The CRM's words, with the endpoint if it needs telling and the enterprises to choose from.
    pub(super) fn words(&self) -> String {
        let place = self.endpoint.iter().map(|endpoint| format!("{endpoint}: "));
        let choice = (!self.enterprises.is_empty()).then(|| {
            let list: Vec<_> = self.enterprises.iter().map(ToString::to_string).collect();
            format!("; give one of these as {}: {}", spelt("corp_id"), list.join(", "))
        });
        place.chain([self.message.clone()]).chain(choice).collect()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ApiErrorKind::Other => "the CRM refused the call",
            ApiErrorKind::Auth if self.is_of_sign_in() => "signing in failed",
            ApiErrorKind::Auth => "the CRM no longer accepts this token",
            ApiErrorKind::ChooseEnterprise => "the account belongs to several enterprises",
            ApiErrorKind::NotFound => "not found, or you have no access to it",
            ApiErrorKind::InvalidParameters => "the CRM refused the values",
            ApiErrorKind::RateLimited => "too many calls (the CRM allows 10 in 10 s)",
            ApiErrorKind::Server => "the CRM failed",
        };
        write!(f, "{what}: {} (", self.words().trim_end())?;
        if let Some(code) = self.api_code {
            write!(f, "code {code}, ")?;
        }
        write!(f, "HTTP {})", self.status)
    }
}
