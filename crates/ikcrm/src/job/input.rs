//! Rows as callers hand them over.

use std::sync::Arc;

use serde_json::Value as Json;

use super::row::Raw;
use crate::error::FieldError;
use crate::input::Value;
use crate::request::OpportunityUpdate;

/// A cell of a row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// A value; nothing, NaN and blank text are empty.
    Value(Value),
    /// Clears the field.
    Clear,
}

impl<T: Into<Value>> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

impl Cell {
    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Value(Value::Null | Value::Missing { .. }) => true,
            Self::Value(Value::Float(number)) => number.is_nan(),
            Self::Value(Value::Text(text)) => text.trim().is_empty(),
            Self::Value(_) | Self::Clear => false,
        }
    }
}

/// A row's place in a sheet; its cells stand there from the first column on.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) sheet: Arc<str>,
    pub(crate) row: u64,
}

impl Place {
    /// The place of a cell as Excel shows it: `Sheet1!C17`.
    pub(crate) fn of(&self, column: usize) -> String {
        format!("{}!{}{}", self.sheet, column_letters(column), self.row)
    }
}

/// The name of a column as Excel shows it: `A` for 0.
pub(crate) fn column_letters(column: usize) -> String {
    let last = char::from(b'A' + u8::try_from(column % 26).unwrap_or_default());
    match column / 26 {
        0 => last.to_string(),
        more => column_letters(more - 1) + &last.to_string(),
    }
}

/// A row for a job: names and cells, among them the opportunity's id.
///
/// An id and an [`OpportunityUpdate`] make one, too.
#[derive(Debug, Clone, Default)]
pub struct RowInput {
    pub(crate) cells: Vec<(Arc<str>, Cell)>,
    /// The id, when it stands in no cell.
    pub(super) id: Option<Value>,
    /// What the CRM must have now.
    pub(super) expected: Vec<(String, Raw)>,
    /// What is wrong with the row already.
    pub(crate) faults: Vec<FieldError>,
    /// Where it stands in a sheet.
    pub(crate) place: Option<Place>,
    /// The cells as they were given, where they are not those above.
    pub(crate) original: Option<Vec<Json>>,
    /// How cells were read otherwise than they were written.
    pub(crate) coerced: Vec<&'static str>,
}

impl<N: Into<String>, C: Into<Cell>> FromIterator<(N, C)> for RowInput {
    fn from_iter<T: IntoIterator<Item = (N, C)>>(cells: T) -> Self {
        let cells = cells.into_iter().map(|(name, cell)| (Arc::from(name.into()), cell.into()));
        Self { cells: cells.collect(), ..Self::default() }
    }
}

impl<I: Into<Value>> From<(I, OpportunityUpdate)> for RowInput {
    fn from((id, update): (I, OpportunityUpdate)) -> Self {
        let cell = |value| if value == Value::Null { Cell::Clear } else { Cell::Value(value) };
        let fields = update.fields.into_iter().map(|(name, value)| (Arc::from(name), cell(value)));
        let custom = update.custom.into_iter().map(|(key, value)| (Arc::from(key), cell(value)));
        Self { cells: fields.chain(custom).collect(), id: Some(id.into()), ..Self::default() }
    }
}
