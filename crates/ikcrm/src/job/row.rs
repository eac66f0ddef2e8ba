//! A row of a job: its state, and what it is to change. Pure.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::request::{FIELDS, FieldKind};
use crate::response::{Likeness, same};

/// The state of a row. Every row is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowState {
    /// Loaded, not yet compared with the CRM.
    Pending,
    /// It differs from the CRM and is to be sent.
    Planned,
    /// It is being sent.
    Sending,
    /// The CRM has it.
    Updated,
    /// The CRM had it already.
    Unchanged,
    /// Its values are wrong; it is not sent.
    Invalid,
    /// Another row has the same id; it is not sent.
    Duplicate,
    /// The CRM has no such opportunity, or the account may not see it.
    NotFound,
    /// Somebody else changed the opportunity; it is not sent.
    Conflict,
    /// The CRM refused it.
    Refused,
    /// It could not be sent, and is surely not applied.
    Failed,
    /// It may have been applied; the next run reads it.
    Unknown,
    /// The caller took it out.
    Skipped,
}

impl RowState {
    /// Every state, in the order in which they are told.
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::Planned,
        Self::Sending,
        Self::Updated,
        Self::Unchanged,
        Self::Invalid,
        Self::Duplicate,
        Self::NotFound,
        Self::Conflict,
        Self::Refused,
        Self::Failed,
        Self::Unknown,
        Self::Skipped,
    ];

    /// The stable word: `pending`, `planned`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Planned => "planned",
            Self::Sending => "sending",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether a row that comes into this state counts as an error of the run.
    pub(super) fn is_error(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Failed | Self::Unknown | Self::NotFound | Self::Conflict
        )
    }

    /// Whether the CRM has what the row asks for, or the caller does not want it sent.
    pub(crate) fn is_ok(self) -> bool {
        matches!(self, Self::Updated | Self::Unchanged | Self::Skipped)
    }

    /// Whether there is something left to do for the row.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Planned | Self::Sending)
    }
}

impl fmt::Display for RowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A JSON value to the letter.
pub(super) type Raw = Box<RawValue>;

/// What a row wants one field to be, and what the CRM had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FieldPlan {
    pub(super) field: String,
    /// What the CRM had when the row was compared; nothing when that could not be read.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Raw>,
    /// What is sent.
    pub(super) after: Raw,
    /// The label that stands for the option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    /// Whether an earlier attempt brought it to the CRM.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) done: bool,
}

/// A value that is there, even if it is null.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Raw>, D::Error> {
    Raw::deserialize(deserializer).map(Some)
}

impl FieldPlan {
    /// Whether it is to be sent; `send_all` sends it though the CRM has it.
    pub(super) fn is_left(&self, send_all: bool) -> bool {
        let differs =
            || self.before.as_ref().is_none_or(|before| !self.is_same(before, &self.after));
        !self.done && (send_all || differs())
    }

    /// Whether two values of this field mean the same.
    pub(super) fn is_same(&self, one: &RawValue, other: &RawValue) -> bool {
        one.get() == other.get() && self.likeness() != Likeness::Never
            || same(self.likeness(), &parsed(one), &parsed(other))
    }

    fn likeness(&self) -> Likeness {
        likeness(&self.field)
    }
}

/// How values of a field are compared.
pub(super) fn likeness(field: &str) -> Likeness {
    let known = FIELDS.iter().find(|known| known.name == field).map(|known| match known.kind {
        FieldKind::Id | FieldKind::Option => Likeness::Id,
        FieldKind::Money => Likeness::Amount,
        FieldKind::Text | FieldKind::Date => Likeness::Text,
    });
    known.or_else(|| Likeness::of_custom(field)).unwrap_or(Likeness::Shape)
}

/// The value of a JSON text.
pub(super) fn parsed(raw: &RawValue) -> Json {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// A JSON value as text.
pub(super) fn raw(value: &Json) -> Raw {
    RawValue::from_string(value.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// `title` and `customer_id` as they were read last, to be sent along.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Fill {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<Raw>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) customer_id: Option<Raw>,
}

/// A row as the job's file holds it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its place in the order given, from 1.
    pub(super) number: i64,
    pub(super) key: Option<String>,
    pub(super) id: Option<i64>,
    pub(super) state: RowState,
    pub(super) fields: Vec<FieldPlan>,
    pub(super) fill: Fill,
    /// A change in the CRM later than this is a conflict.
    pub(super) as_of: Option<String>,
    /// Whether a list's row is enough to compare it.
    pub(super) listable: bool,
    /// When it was read last, in milliseconds since 1970; 0 when it must be read again.
    pub(super) read_at: i64,
    /// When it was sent last.
    pub(super) sent_at: i64,
    pub(super) attempts: i64,
    /// What is wrong, as the problems are grouped.
    pub(super) cause: Option<String>,
    pub(super) message: Option<String>,
    /// The fields that the CRM answered with another meaning than was sent.
    pub(super) not_taken: Vec<String>,
    /// What was given and is not used: other columns, the values of an invalid row.
    pub(super) given: Option<String>,
}

impl Row {
    /// A row that waits to be compared.
    pub(super) fn new(number: i64) -> Self {
        Self {
            number,
            key: None,
            id: None,
            state: RowState::Pending,
            fields: Vec::new(),
            fill: Fill::default(),
            as_of: None,
            listable: false,
            read_at: 0,
            sent_at: 0,
            attempts: 0,
            cause: None,
            message: None,
            not_taken: Vec::new(),
            given: None,
        }
    }

    /// The same in another state, for a reason.
    pub(super) fn become_state(
        &mut self,
        state: RowState,
        cause: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.state = state;
        self.cause = Some(cause.into());
        self.message = Some(message.into());
    }

    /// The same in another state, with nothing to tell.
    pub(super) fn settle(&mut self, state: RowState) {
        (self.state, self.cause, self.message) = (state, None, None);
    }

    /// The fields that are to be sent.
    pub(super) fn left(&self, send_all: bool) -> impl Iterator<Item = &FieldPlan> {
        self.fields.iter().filter(move |field| field.is_left(send_all))
    }

    /// Whether the row itself gives this field.
    pub(super) fn gives(&self, field: &str) -> bool {
        self.fields.iter().any(|plan| plan.field == field)
    }
}
