//! Decides what a failed call means for a row and for the job. Pure.

use std::time::Duration;

use super::row::RowState;
use crate::error::{ApiErrorKind, Error, StopReason};

/// What a failed call means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is about this row alone.
    OfRow(RowState),
    /// It may work later.
    Passing,
    /// It works after this time, when the client may sign in again.
    SignInLater(Duration),
    /// Nothing will work.
    Fatal(StopReason),
}

/// What the error of any call means.
pub(super) fn meaning(error: &Error) -> Meaning {
    match error {
        Error::Cancelled { .. } => Meaning::Fatal(StopReason::Cancelled),
        Error::Api(refusal) => match refusal.kind {
            ApiErrorKind::Auth | ApiErrorKind::ChooseEnterprise => Meaning::Fatal(StopReason::Auth),
            ApiErrorKind::NotFound => Meaning::OfRow(RowState::NotFound),
            ApiErrorKind::RateLimited | ApiErrorKind::Server => Meaning::Passing,
            _ if error.retryable() => Meaning::Passing,
            _ => Meaning::OfRow(RowState::Refused),
        },
        Error::SignInLimited { retry_after, .. } => Meaning::SignInLater(*retry_after),
        Error::TokenStore { .. } => Meaning::Fatal(StopReason::Auth),
        Error::QuotaStore { .. } | Error::JobFile { .. } | Error::JobInUse { .. } => {
            Meaning::Fatal(StopReason::Storage)
        }
        Error::Transport { retryable: false, may_have_been_applied: false, .. } => {
            Meaning::Fatal(StopReason::Outage)
        }
        Error::Validation { .. } | Error::Config { .. } => Meaning::OfRow(RowState::Invalid),
        _ => Meaning::Passing,
    }
}

/// The state of a row whose update failed so.
pub(super) fn state_after(error: &Error, meaning: &Meaning) -> RowState {
    match meaning {
        _ if error.may_have_been_applied() => RowState::Unknown,
        Meaning::OfRow(state) => *state,
        Meaning::Passing => RowState::Failed,
        Meaning::SignInLater(_) | Meaning::Fatal(_) => RowState::Planned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(retryable: bool, may_have_been_applied: bool) -> Error {
        Error::Transport { message: String::new(), retryable, may_have_been_applied }
    }

    #[test]
    fn each_failure_has_its_meaning() {
        let timeout = |applied| Error::RequestTimeout {
            message: String::new(),
            may_have_been_applied: applied,
        };
        let cancelled = |applied| Error::cancelled(applied);
        let store = |applied| Error::QuotaStore {
            message: String::new(),
            retryable: true,
            may_have_been_applied: applied,
        };
        for (error, expected, state) in [
            (transport(true, false), Meaning::Passing, RowState::Failed),
            (transport(true, true), Meaning::Passing, RowState::Unknown),
            (transport(false, true), Meaning::Passing, RowState::Unknown),
            (transport(false, false), Meaning::Fatal(StopReason::Outage), RowState::Planned),
            (timeout(true), Meaning::Passing, RowState::Unknown),
            (timeout(false), Meaning::Passing, RowState::Failed),
            (cancelled(false), Meaning::Fatal(StopReason::Cancelled), RowState::Planned),
            (cancelled(true), Meaning::Fatal(StopReason::Cancelled), RowState::Unknown),
            (store(false), Meaning::Fatal(StopReason::Storage), RowState::Planned),
            (store(true), Meaning::Fatal(StopReason::Storage), RowState::Unknown),
            (
                Error::Validation { fields: Vec::new() },
                Meaning::OfRow(RowState::Invalid),
                RowState::Invalid,
            ),
        ] {
            let found = meaning(&error);
            assert_eq!(state_after(&error, &found), state, "{error:?}");
            assert_eq!(found, expected, "{error:?}");
        }
    }
}
