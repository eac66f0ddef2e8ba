//! Options of jobs taken by their names, for values that are known only at run time.

use super::load::moment;
use super::options::{
    ApplyOptions, AsOf, Compare, Empty, MaxErrors, OnConflict, OnDuplicate, PlanOptions,
};
use super::row::RowState;
use crate::config::{CALL_OPTIONS, CallOptions};
use crate::error::{Fault, FieldErrorCode as Code};
use crate::input::setting::{duration, flag, number, text, whole};
use crate::input::suggest::no_option;
use crate::input::{Value, excerpt};

/// The options of a plan, for tests against the contract.
#[doc(hidden)]
pub const PLAN_OPTIONS: &[&str] = &[
    // <generated: plan>, by `make generate`
    "job",
    "id",
    "key",
    "columns",
    "empty",
    "compare",
    "on_duplicate",
    "as_of",
    "partial",
    // </generated>
];

/// The options of an application, for tests against the contract.
#[doc(hidden)]
pub const APPLY_OPTIONS: &[&str] = &[
    // <generated: apply>, by `make generate`
    "skip_invalid",
    "on_conflict",
    "retry",
    "max_errors",
    "max_updates",
    "max_duration",
    "max_age",
    "limit",
    "quota_share",
    // </generated>
];

impl PlanOptions<'_> {
    /// Sets an option by its name, or one of a call; times are in seconds. A null leaves the default,
    /// and what does not fit is told by the plan.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(value) = own(&mut self.call, PLAN_OPTIONS, name, value.into()) {
            let fault = self.take(name, &value).err();
            self.call.faults.extend(fault.map(|fault| fault.of(name)));
        }
        self
    }

    fn take(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        match name {
            "job" => self.job = Some(text(value)?.into()),
            "id" => self.id = text(value)?,
            "key" => self.key = Some(text(value)?),
            "columns" => self.columns = Some(columns(value)?),
            "empty" => (self.empty, self.empty_of) = empty(value)?,
            "compare" => self.compare = word(value, COMPARE)?,
            "on_duplicate" => self.on_duplicate = word(value, ON_DUPLICATE)?,
            "as_of" => self.as_of = Some(as_of(value)?),
            _ => self.partial = flag(value)?,
        }
        Ok(())
    }
}

impl ApplyOptions<'_> {
    /// Sets an option by its name, or one of a call; times are in seconds. A null leaves the default,
    /// and what does not fit is told when the job is applied.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(value) = own(&mut self.call, APPLY_OPTIONS, name, value.into()) {
            let fault = self.take(name, &value).err();
            self.call.faults.extend(fault.map(|fault| fault.of(name)));
        }
        self
    }

    fn take(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        let rows = |value| whole(value).map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
        match name {
            "skip_invalid" => self.skip_invalid = flag(value)?,
            "on_conflict" => self.on_conflict = word(value, ON_CONFLICT)?,
            "retry" => self.retry = states(value)?,
            "max_errors" => self.max_errors = max_errors(value)?,
            "max_updates" => self.max_updates = Some(rows(value)?),
            "max_duration" => self.max_duration = Some(duration(value)?),
            "max_age" => self.max_age = duration(value)?,
            "limit" => self.limit = Some(rows(value)?),
            _ => self.quota_share = number(value)?,
        }
        Ok(())
    }
}

/// The value to take for one of the job's own options; nothing for null, which leaves the default. An
/// option of a call is handed to `call`, and so is the fault of a name that is no option's.
fn own(call: &mut CallOptions, known: &[&str], name: &str, value: Value) -> Option<Value> {
    if CALL_OPTIONS.contains(&name) {
        *call = std::mem::take(call).set(name, value);
        return None;
    }
    if !known.contains(&name) {
        let all = known.iter().chain(CALL_OPTIONS).chain(&["on_progress", "progress"]);
        call.faults.push(no_option("option", name, all.copied()));
        return None;
    }
    Some(value).filter(|value| *value != Value::Null)
}

/// The words of an option, with what they mean.
type Words<T> = &'static [(&'static str, T)];

const EMPTY: Words<Empty> = &[("keep", Empty::Keep), ("clear", Empty::Clear)];
const COMPARE: Words<Compare> =
    &[("auto", Compare::Auto), ("get", Compare::Get), ("none", Compare::None)];
const ON_DUPLICATE: Words<OnDuplicate> =
    &[("reject", OnDuplicate::Reject), ("last", OnDuplicate::Last)];
const ON_CONFLICT: Words<OnConflict> =
    &[("report", OnConflict::Report), ("overwrite", OnConflict::Overwrite)];

fn word<T: Copy>(value: &Value, words: Words<T>) -> Result<T, Fault> {
    let found = match value {
        Value::Text(text) => words.iter().find(|(word, _)| word == text),
        _ => None,
    };
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        Fault(Code::Unknown, format!("must be {}, got {}", words.join(" or "), value.describe()))
    })
}

/// What empty cells do: in all columns, or in some.
fn empty(value: &Value) -> Result<(Empty, Vec<(String, Empty)>), Fault> {
    let Value::Map(columns) = value else { return Ok((word(value, EMPTY)?, Vec::new())) };
    let of = |(column, value): &(String, Value)| Ok((column.clone(), word(value, EMPTY)?));
    Ok((Empty::Keep, columns.iter().map(of).collect::<Result<_, _>>()?))
}

fn columns(value: &Value) -> Result<Vec<(String, String)>, Fault> {
    let Value::Map(columns) = value else {
        let message = format!(
            "must give a field for each column, such as \"销售阶段\": \"stage\"; got {}",
            value.describe()
        );
        return Err(Fault(Code::Type, message));
    };
    columns.iter().map(|(column, field)| Ok((column.clone(), text(field)?))).collect()
}

/// A time as `YYYY-MM-DD HH:MM` in China, or the column that holds such times.
fn as_of(value: &Value) -> Result<AsOf, Fault> {
    let time = match value {
        Value::Date(date) => {
            return Ok(AsOf::Time(date.to_datetime(jiff::civil::Time::midnight())));
        }
        value => text(value)?,
    };
    match moment(&time) {
        Some(time) => {
            format!("{}:00", time.replace(' ', "T")).parse().map(AsOf::Time).map_err(|_| {
                Fault(
                    Code::Format,
                    format!("must be a time as YYYY-MM-DD HH:MM, got {:?}", excerpt(&time)),
                )
            })
        }
        None => Ok(AsOf::Column(time)),
    }
}

fn states(value: &Value) -> Result<Vec<RowState>, Fault> {
    let words =
        if let Value::List(words) = value { words.as_slice() } else { std::slice::from_ref(value) };
    let state = |value: &Value| {
        let word = text(value)?;
        let unknown = || {
            let (word, all) = (excerpt(&word), RowState::ALL.map(RowState::as_str).join(", "));
            Fault(Code::Unknown, format!("there is no state {word:?}; it must be one of {all}"))
        };
        RowState::from_word(&word).ok_or_else(unknown)
    };
    words.iter().map(state).collect()
}

/// A number of rows, or a share such as `5%`.
fn max_errors(value: &Value) -> Result<MaxErrors, Fault> {
    let share = if let Value::Text(text) = value { text.strip_suffix('%') } else { None };
    match share {
        None => Ok(MaxErrors::Rows(u64::try_from(whole(value)?).unwrap_or(u64::MAX))),
        Some(share) => share.trim().parse().map(MaxErrors::Percent).map_err(|_| {
            Fault(
                Code::Format,
                format!("must be a number or a share such as 5%, got {}", value.describe()),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_an_option_counts() {
        let of = |column: &str| Value::Map(vec![(column.to_owned(), "clear".into())]);
        let plan = PlanOptions::new().set("empty", of("note")).set("empty", of("title"));
        assert_eq!(plan.empty_of, [("title".to_owned(), Empty::Clear)]);
        let plan = plan.set("empty", "clear");
        assert_eq!((plan.empty, plan.empty_of.as_slice()), (Empty::Clear, [].as_slice()));
        let plan = plan.set("empty", of("note"));
        assert_eq!(plan.empty, Empty::Keep);
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        let list = |text: &str| Value::List(vec![text.into()]);
        for (name, value, part) in [
            ("on_conflict", Value::from("ask"), "report or overwrite"),
            ("skip_invalid", Value::from(1), "true or false"),
            ("retry", list("lost"), "no state"),
            ("retry", list("updated"), "failed"),
            ("max_errors", Value::from("many%"), "5%"),
            ("quota_share", Value::from(2), "at most 1"),
            ("max_eror", Value::from(2), "max_errors"),
        ] {
            let error = ApplyOptions::new().set(name, value).check().unwrap_err();
            assert_eq!(error.fields().len(), 1, "{error}");
            assert!(error.to_string().contains(part), "{name}: {error}");
        }
        for (name, value, part) in [
            ("compare", Value::from("all"), "auto or get or none"),
            ("columns", Value::from("stage"), "a field for each column"),
            ("empty", Value::Map(vec![("a".to_owned(), "drop".into())]), "keep or clear"),
        ] {
            let faults = PlanOptions::new().set(name, value).call.faults;
            assert!(faults.first().is_some_and(|fault| fault.message.contains(part)), "{faults:?}");
        }
    }
}
