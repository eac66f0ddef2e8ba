//! Rows for a job, one after the other, from the lines of a file or table.

use std::sync::Arc;
use std::vec::IntoIter;

use super::cells::{Rules, read};
use super::header::{self, Columns, Customs, LOOKED_AT, unnamed};
use super::line::{Line, Lines, Raw, fault_at};
use super::options::SheetOptions;
use crate::error::{Error, FieldError, FieldErrorCode as Code};
use crate::input::Value;
use crate::job::{Cell, Place, PlanOptions, RowInput, column_letters};

/// The rows of a sheet or table.
pub(super) struct SheetRows<'a> {
    first: IntoIter<Line>,
    rest: &'a mut Lines<'a>,
    columns: Columns,
    sheet: Option<Arc<str>>,
    rules: Rules,
    ended: bool,
}

impl<'a> SheetRows<'a> {
    /// The rows below the header of a sheet; the plan learns which columns there are.
    pub(super) fn of_sheet(
        name: &str,
        lines: &'a mut Lines<'a>,
        options: &SheetOptions,
        plan: &mut PlanOptions<'_>,
        custom: &mut Customs<'_>,
    ) -> Result<Self, Error> {
        let mut first = Vec::new();
        let wanted = options.header.unwrap_or_default();
        while first.len() < LOOKED_AT || first.last().is_some_and(|l: &Line| l.number < wanted) {
            let Some(line) = lines.next().transpose()? else { break };
            first.push(line);
        }
        let place = match options.header {
            None => header::find(&first, plan),
            Some(row) => {
                let found = first.iter().position(|line| line.number == row);
                found.ok_or_else(|| {
                    let message = format!(
                        "the row {row} of {name} is empty; give the row of the column names"
                    );
                    fault_at("header", Code::Range, message)
                })?
            }
        };
        let names = header::names(&first, place, plan);
        if names.is_empty() {
            return Err(fault_at(
                name,
                Code::Empty,
                "no row has the names of columns; write them above the rows",
            ));
        }
        let row = first.get(place).map(|line| line.number).unwrap_or_default();
        let at = |column| format!("{name}!{}{row}", column_letters(column));
        let columns = header::bind(names, plan, custom, &at)?;
        let first = first.split_off(place + 1).into_iter();
        Ok(Self::new(first, lines, columns, Some(name.into()), options))
    }

    /// The rows of a table whose columns have names.
    pub(super) fn of_table(
        names: Vec<String>,
        lines: &'a mut Lines<'a>,
        options: &SheetOptions,
        plan: &mut PlanOptions<'_>,
        custom: &mut Customs<'_>,
    ) -> Result<Self, Error> {
        let known = names.clone();
        let at = |column: usize| known.get(column).cloned().unwrap_or_default();
        let columns = header::bind(names, plan, custom, &at)?;
        Ok(Self::new(Vec::new().into_iter(), lines, columns, None, options))
    }

    fn new(
        first: IntoIter<Line>,
        rest: &'a mut Lines<'a>,
        columns: Columns,
        sheet: Option<Arc<str>>,
        options: &SheetOptions,
    ) -> Self {
        let rules = Rules { coerce: options.coerce, clear_text: options.clear_text.clone() };
        Self { first, rest, columns, sheet, rules, ended: false }
    }

    fn row(&self, mut line: Line) -> RowInput {
        let mut input = RowInput::default();
        let width = self.columns.names.len();
        self.check_unnamed(&line, &mut input.faults);
        let mut original: Vec<_> = line.cells.iter().map(Raw::original).collect();
        line.cells.resize(width, Raw::EMPTY);
        let columns = self.columns.names.iter().zip(&self.columns.kinds).zip(&self.columns.fields);
        for (((name, kind), field), raw) in columns.zip(&line.cells) {
            let cell = read(raw, *kind, &self.rules, &mut input.coerced);
            let cell = cell.unwrap_or_else(|fault| {
                input.faults.push(fault.of(field));
                Cell::Value(Value::Null)
            });
            input.cells.push((Arc::clone(name), cell));
        }
        while original.last().is_some_and(serde_json::Value::is_null) {
            original.pop();
        }
        input.original = Some(original);
        input.place = self.sheet.clone().map(|sheet| Place { sheet, row: line.number });
        input
    }

    /// A value beside the columns may be meant for one of them.
    fn check_unnamed(&self, line: &Line, faults: &mut Vec<FieldError>) {
        if !self.columns.strict {
            return;
        }
        let name = |column: usize| self.columns.names.get(column).map_or("", |name| name);
        let stray = |(column, cell): &(usize, &Raw)| !cell.is_blank() && name(*column).is_empty();
        for (column, _) in line.cells.iter().enumerate().filter(stray).take(1) {
            let message = "has a value here but no name in the header; give it one, or empty it";
            faults.push(FieldError::new(unnamed(column), Code::Unknown, message));
        }
    }
}

impl Iterator for SheetRows<'_> {
    type Item = Result<RowInput, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let line = match self.first.next() {
                Some(line) => Ok(line),
                None => match self.rest.next() {
                    Some(line) => line,
                    None => break,
                },
            };
            match line {
                Ok(line) if line.is_blank() && self.sheet.is_some() => {}
                Ok(line) => return Some(Ok(self.row(line))),
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
