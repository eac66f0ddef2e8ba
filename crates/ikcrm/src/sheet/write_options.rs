//! How a job's result is written.

use crate::error::{Error, Fault, FieldError, FieldErrorCode as Code, spelt_faults};
use crate::input::Value;
use crate::input::setting::flag;
use crate::input::suggest::no_option;
use crate::job::RowState;

/// The options of a result, for tests against the contract.
#[doc(hidden)]
pub const WRITE_OPTIONS: &[&str] = &[
    // <generated: options>, by `make generate`
    "state", "language", "split",
    // </generated>
];

/// The language of the headers of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese.
    Chinese,
}

/// How a result is written.
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a result is written with them"]
pub struct WriteOptions {
    pub(super) states: Vec<RowState>,
    pub(super) language: Language,
    pub(super) split: bool,
    faults: Vec<FieldError>,
}

impl WriteOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only the rows in this state; call it again for more states.
    pub fn state(mut self, state: RowState) -> Self {
        self.states.push(state);
        self
    }

    /// The language of the headers and of the states.
    pub fn language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Three `.csv` files: `-done`, `-wrong` and `-open` follow the name.
    pub fn split(mut self, split: bool) -> Self {
        self.split = split;
        self
    }

    /// Sets an option by its name. A null leaves the default, and what does not fit is told when the
    /// result is written.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let taken = match (name, &value) {
            ("state" | "language" | "split", Value::Null) => Ok(()),
            ("state", value) => states(value).map(|states| self.states = states),
            ("language", value) => language(value).map(|language| self.language = language),
            ("split", value) => flag(value).map(|split| self.split = split),
            _ => {
                self.faults.push(no_option("option", name, WRITE_OPTIONS.iter().copied()));
                Ok(())
            }
        };
        self.faults.extend(taken.err().map(|fault| fault.of(name)));
        self
    }

    /// Every option that does not fit.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(Error::Validation { fields: spelt_faults(self.faults.clone()) })
    }

    pub(super) fn takes(&self, state: RowState) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }
}

/// One state, or a list of them.
fn states(value: &Value) -> Result<Vec<RowState>, Fault> {
    match value {
        Value::List(words) => words.iter().map(state).collect(),
        word => Ok(vec![state(word)?]),
    }
}

fn state(word: &Value) -> Result<RowState, Fault> {
    let found = if let Value::Text(word) = word { RowState::from_word(word) } else { None };
    let words = || RowState::ALL.map(RowState::as_str).join(", ");
    found.ok_or_else(|| {
        Fault(Code::Unknown, format!("must be one of {}, got {}", words(), word.describe()))
    })
}

fn language(word: &Value) -> Result<Language, Fault> {
    match word {
        Value::Text(word) if word == "en" => Ok(Language::English),
        Value::Text(word) if word == "zh" => Ok(Language::Chinese),
        word => Err(Fault(Code::Unknown, format!("must be en or zh, got {}", word.describe()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        let set = |name, first, last| WriteOptions::new().set(name, first).set(name, last);
        let text = Value::from;
        assert_eq!(set("language", text("zh"), text("en")).language, Language::English);
        assert_eq!(set("language", text("en"), text("zh")).language, Language::Chinese);
        let invalid = Value::List(vec![text("invalid")]);
        assert_eq!(set("state", invalid, text("planned")).states, [RowState::Planned]);
        assert!(!set("split", Value::from(true), Value::from(false)).split);
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        for (name, value, part) in [
            ("state", Value::from("lost"), "must be one of pending, "),
            ("language", Value::from("de"), "must be en or zh"),
            ("split", Value::from(1), "true or false"),
            ("languages", Value::from("en"), "language"),
        ] {
            let error = WriteOptions::new().set(name, value).check().unwrap_err();
            assert!(error.to_string().contains(part), "{name}: {error}");
        }
    }
}
