//! `FieldError`: what is wrong with one value, under the name of its field.

use std::fmt;

/// How many characters of a field's name a message shows.
const LONGEST_SHOWN: usize = 80;

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
        // A name may be as long as a caller makes it; the message is for people.
        let shown: String = self.field.chars().take(LONGEST_SHOWN).collect();
        let more = if shown.len() < self.field.len() { "…" } else { "" };
        write!(f, "{shown}{more}: {}", self.message)
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

/// What is wrong with one value, before it is known which field has it.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) FieldErrorCode, pub(crate) String);

pub(crate) fn fault<T>(code: FieldErrorCode, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(code, message.into()))
}

impl Fault {
    /// The fault as that of a field.
    pub(crate) fn of(self, field: impl Into<String>) -> FieldError {
        let Self(code, message) = self;
        FieldError::new(field, code, message)
    }
}

/// The value of a check that passed; a fault goes to the others under the field's name.
pub(crate) fn keep<T>(
    check: Result<T, Fault>,
    field: &str,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    check.map_err(|fault| faults.push(fault.of(field))).ok()
}
