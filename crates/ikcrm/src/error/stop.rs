//! `StopReason`: why a job stopped before its end.

use std::fmt;

/// Why a job stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The caller cancelled it, or one of the caller's callbacks failed.
    Cancelled,
    /// Rows are invalid or duplicate, and `skip_invalid` was not given.
    InvalidRows,
    /// More rows failed than `max_errors`.
    MaxErrors,
    /// More rows are to be updated than `max_updates`.
    MaxUpdates,
    /// The time of the run was over.
    MaxDuration,
    /// As many rows as `limit` were sent.
    Limit,
    /// The CRM could not be reached for half an hour.
    Outage,
    /// There is no token that the CRM accepts.
    Auth,
    /// The account is of another enterprise than the job.
    WrongEnterprise,
    /// The job's file, the disk or the quota's store cannot be used.
    Storage,
    /// The process that ran it died.
    Killed,
}

impl StopReason {
    /// Every reason.
    #[doc(hidden)]
    pub const ALL: [Self; 11] = [
        Self::Cancelled,
        Self::InvalidRows,
        Self::MaxErrors,
        Self::MaxUpdates,
        Self::MaxDuration,
        Self::Limit,
        Self::Outage,
        Self::Auth,
        Self::WrongEnterprise,
        Self::Storage,
        Self::Killed,
    ];

    /// The stable word: `cancelled`, `invalid_rows`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::InvalidRows => "invalid_rows",
            Self::MaxErrors => "max_errors",
            Self::MaxUpdates => "max_updates",
            Self::MaxDuration => "max_duration",
            Self::Limit => "limit",
            Self::Outage => "outage",
            Self::Auth => "auth",
            Self::WrongEnterprise => "wrong_enterprise",
            Self::Storage => "storage",
            Self::Killed => "killed",
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
