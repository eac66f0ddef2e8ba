//! Rows as callers hand them over.

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

/// A row for a job: names and cells, among them the opportunity's id.
///
/// An id and an [`OpportunityUpdate`] make one, too.
#[derive(Debug, Clone, Default)]
pub struct RowInput {
    pub(super) cells: Vec<(String, Cell)>,
    /// The id, when it stands in no cell.
    pub(super) id: Option<Value>,
    /// What the CRM must have now.
    pub(super) expected: Vec<(String, Raw)>,
    /// What is wrong with the row already.
    pub(super) faults: Vec<FieldError>,
}

impl<N: Into<String>, C: Into<Cell>> FromIterator<(N, C)> for RowInput {
    fn from_iter<T: IntoIterator<Item = (N, C)>>(cells: T) -> Self {
        let cells = cells.into_iter().map(|(name, cell)| (name.into(), cell.into()));
        Self { cells: cells.collect(), ..Self::default() }
    }
}

impl<I: Into<Value>> From<(I, OpportunityUpdate)> for RowInput {
    fn from((id, update): (I, OpportunityUpdate)) -> Self {
        let cell = |value| if value == Value::Null { Cell::Clear } else { Cell::Value(value) };
        let fields =
            update.fields.into_iter().map(|(name, value)| (name.into_owned(), cell(value)));
        let custom = update.custom.into_iter().map(|(key, value)| (key, cell(value)));
        Self { cells: fields.chain(custom).collect(), id: Some(id.into()), ..Self::default() }
    }
}
