//! What every file and table is read as: lines of cells.

use jiff::civil::DateTime;
use serde_json::{Value as Json, json};

use crate::error::{Error, FieldError, FieldErrorCode as Code};
use crate::input::Value;
use crate::job::Cell;

/// Excel keeps 15 digits of a number.
pub(super) const EXCEL_EXACT: f64 = 1e15;

/// A cell as its file has it.
#[cfg_attr(not(feature = "xlsx"), expect(dead_code, reason = "text files have texts only"))]
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// A value as programs have them.
    Value(Value),
    /// What clears the field.
    Clear,
    /// A number of a workbook, where all are floats.
    Number(f64),
    /// A date or a time of a workbook.
    Moment(DateTime),
    /// What has no value, as it shows, and why.
    Broken(String, String),
}

impl Raw {
    pub(super) const EMPTY: Self = Self::Value(Value::Null);

    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Value(Value::Null | Value::Missing { .. }) => true,
            Self::Value(Value::Text(text)) => text.trim().is_empty(),
            Self::Value(Value::Float(number)) => number.is_nan(),
            _ => false,
        }
    }

    /// The cell's text, as a name of a column.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Value(Value::Text(text)) => text.trim().to_owned(),
            cell if cell.is_blank() => String::new(),
            cell => match cell.original() {
                Json::Object(shown) => shown.values().filter_map(Json::as_str).collect(),
                shown => shown.to_string(),
            },
        }
    }

    /// The cell as it is kept for the job's result.
    pub(super) fn original(&self) -> Json {
        match self {
            Self::Clear => json!({"clear": true}),
            // As Excel shows it: nobody should take it for all its digits.
            Self::Number(number) if number.abs() > EXCEL_EXACT => json!(format!("{number:.14E}")),
            Self::Number(number) => whole(*number).map_or(json!(number), |whole| json!(whole)),
            Self::Moment(time) if is_midnight(*time) => json!({"date": time.date().to_string()}),
            Self::Moment(time) => json!({"date": time.to_string()}),
            Self::Broken(shown, _) => json!(shown),
            Self::Value(Value::Date(date)) => json!({"date": date.to_string()}),
            Self::Value(value) => crate::job::json_of(value),
        }
    }
}

impl From<Cell> for Raw {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Value(value) => Self::Value(value),
            Cell::Clear => Self::Clear,
        }
    }
}

/// A whole number that a float holds exactly.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
pub(super) fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

pub(super) fn is_midnight(time: DateTime) -> bool {
    time.time() == jiff::civil::Time::midnight()
}

/// A line of cells, with its number as Excel shows it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) cells: Vec<Raw>,
}

impl Line {
    pub(super) fn is_blank(&self) -> bool {
        self.cells.iter().all(Raw::is_blank)
    }
}

/// The lines of a file or table, as they are read.
pub(super) type Lines<'a> = dyn Iterator<Item = Result<Line, Error>> + 'a;

/// An error about a file or a place in it.
pub(super) fn fault_at(place: impl Into<String>, code: Code, message: impl Into<String>) -> Error {
    Error::Validation { fields: vec![FieldError::new(place, code, message)] }
}
