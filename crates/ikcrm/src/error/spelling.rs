//! How the caller's language spells the names that messages mention.

use std::sync::OnceLock;

use super::field::{FieldError, FieldErrorCode};

/// A name of this crate, and how the language spells it.
type Spelling = fn(&str) -> &str;

static SPELLING: OnceLock<Spelling> = OnceLock::new();

/// Says how the language of a binding spells names; without it they are this crate's.
pub fn spell_as(spelling: Spelling) {
    // A module may be loaded twice; its spelling is the same then.
    let _ = SPELLING.set(spelling);
}

/// A name of an option or a method, or `null`, `true`, `false`, as the caller writes it.
pub(crate) fn spelt(name: &str) -> &str {
    SPELLING.get().map_or(name, |spelling| spelling(name))
}

/// Faults of options, under the names by which the caller's language has these. A name that is no
/// option's stays as it was written.
pub(crate) fn spelt_faults(mut faults: Vec<FieldError>) -> Vec<FieldError> {
    let is_no_name = |fault: &&mut FieldError| {
        fault.code != FieldErrorCode::Unknown || !fault.message.starts_with("no such")
    };
    for fault in faults.iter_mut().filter(is_no_name) {
        fault.field = match fault.field.strip_prefix("quota.") {
            Some(setting) => format!("quota.{}", spelt(setting)),
            None => spelt(&fault.field).to_owned(),
        };
    }
    faults
}
