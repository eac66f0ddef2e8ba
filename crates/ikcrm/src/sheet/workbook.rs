//! Lines of `.xlsx`, `.xls` and `.ods` files.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use calamine::{
    Data, DataRef, ExcelDateTime, Ods, Range, Reader, Sheet, SheetType, SheetVisible, Xls, Xlsx,
    XlsxCellFormulaMetadataRecord, XlsxCellReader,
};
use jiff::civil::{Date, DateTime, Time};

use super::file::SheetFile;
use super::guard;
use super::line::{Line, Lines, Raw, fault_at};
use super::options::{SheetName, SheetOptions};
use super::sniff::{FileKind, name};
use crate::error::{Error, FieldErrorCode as Code};
use crate::input::Value;
use crate::input::suggest::suggestion;

/// What is done with the lines of a sheet of this name.
pub(super) type Work<'w, T> = &'w mut dyn FnMut(&str, &mut Lines<'_>) -> Result<T, Error>;

type Input = BufReader<SheetFile>;

/// Works with the lines of one sheet of a workbook.
pub(super) fn with_lines<T>(
    mut file: SheetFile,
    path: &Path,
    kind: FileKind,
    options: &SheetOptions,
    work: Work<'_, T>,
) -> Result<T, Error> {
    options.without("a workbook", &["encoding", "delimiter"])?;
    guard::check(&mut file, path, kind)?;
    let failed = |error: std::io::Error| super::sniff::unreadable(path, &error);
    std::io::Seek::rewind(&mut file).map_err(failed)?;
    let file = BufReader::new(file);
    match kind {
        FileKind::Xlsx => {
            let mut book: Xlsx<Input> = tried(path, || Xlsx::new(file))?;
            let sheet = pick(book.sheets_metadata(), path, options)?;
            let reader = tried(path, || book.worksheet_cells_reader(&sheet))?;
            work(&sheet, &mut XlsxLines::new(reader, path))
        }
        FileKind::Xls => dense(tried(path, || Xls::new(file))?, path, options, work),
        _ => dense(tried::<Ods<Input>, _>(path, || Ods::new(file))?, path, options, work),
    }
}

/// Works with the lines of a sheet that is in memory.
fn dense<T, R: Reader<Input>>(
    mut book: R,
    path: &Path,
    options: &SheetOptions,
    work: Work<'_, T>,
) -> Result<T, Error>
where
    R::Error: std::fmt::Display,
{
    let sheet = pick(book.sheets_metadata(), path, options)?;
    let range = tried(path, || book.worksheet_range(&sheet))?;
    drop(book);
    work(&sheet, &mut lines_of(&range))
}

fn lines_of(range: &Range<Data>) -> impl Iterator<Item = Result<Line, Error>> {
    let (row, column) = range.start().unwrap_or_default();
    let before = usize::try_from(column).unwrap_or_default();
    (u64::from(row) + 1..).zip(range.rows()).map(move |(number, cells)| {
        let blank = std::iter::repeat_n(Raw::EMPTY, before);
        Ok(Line { number, cells: blank.chain(cells.iter().map(of_data)).collect() })
    })
}

/// What the reader brings; an error, or a panic over a damaged file, is one of the file.
fn tried<T, E: std::fmt::Display>(
    path: &Path,
    read: impl FnOnce() -> Result<T, E>,
) -> Result<T, Error> {
    let damaged = |why: String| {
        fault_at(name(path), Code::Format, format!("is damaged, or has a password ({why})"))
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("its content makes no sense".to_owned())),
    }
}

/// The name of the sheet that is meant.
fn pick(sheets: &[Sheet], path: &Path, options: &SheetOptions) -> Result<String, Error> {
    let sheets = || sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names = || sheets().map(|sheet| sheet.name.as_str());
    let found = match &options.sheet {
        None => sheets().find(|sheet| sheet.visible == SheetVisible::Visible).or(sheets().next()),
        Some(SheetName::Name(name)) => sheets().find(|sheet| sheet.name == *name),
        Some(SheetName::Number(number)) => sheets().nth(number - 1),
    };
    let message = match (&options.sheet, found) {
        (_, Some(sheet)) => return Ok(sheet.name.clone()),
        (Some(SheetName::Name(wanted)), None) => {
            format!("{} has no sheet {wanted:?}{}", name(path), suggestion(wanted, names))
        }
        _ => format!(
            "{} has {} sheets: {}",
            name(path),
            names().count(),
            names().collect::<Vec<_>>().join(", ")
        ),
    };
    Err(fault_at("sheet", Code::Unknown, message))
}

/// The lines of an `.xlsx` sheet, read cell by cell.
struct XlsxLines<'a> {
    reader: XlsxCellReader<'a, Input>,
    path: &'a Path,
    /// The first cell of the next line.
    next: Option<(u32, u32, Raw)>,
    /// Whether there is no further cell, or no further line.
    read: bool,
    ended: bool,
}

impl<'a> XlsxLines<'a> {
    fn new(reader: XlsxCellReader<'a, Input>, path: &'a Path) -> Self {
        Self { reader, path, next: None, read: false, ended: false }
    }

    fn cell(&mut self) -> Result<Option<(u32, u32, Raw)>, Error> {
        while !self.read {
            let read = tried(self.path, || self.reader.next_cell_with_formula_metadata())?;
            let Some(record) = read else {
                self.read = true;
                break;
            };
            let (row, column) = record.pos;
            let cell = of_record(record);
            if !cell.is_blank() {
                return Ok(Some((row, column, cell)));
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> Result<Option<Line>, Error> {
        let first = match self.next.take() {
            Some(cell) => Some(cell),
            None => self.cell()?,
        };
        let Some((row, column, cell)) = first else { return Ok(None) };
        let mut cells = Vec::new();
        put(&mut cells, column, cell);
        while let Some((next, column, cell)) = self.cell()? {
            if next < row {
                let message = format!("is damaged: the row {} stands below {}", next + 1, row + 1);
                return Err(fault_at(name(self.path), Code::Format, message));
            }
            if next > row {
                self.next = Some((next, column, cell));
                break;
            }
            put(&mut cells, column, cell);
        }
        Ok(Some(Line { number: u64::from(row) + 1, cells }))
    }
}

fn put(cells: &mut Vec<Raw>, column: u32, cell: Raw) {
    /// As many columns as Excel has.
    const MOST: usize = 16_384;
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    if column >= MOST {
        return;
    }
    cells.resize(cells.len().max(column + 1), Raw::EMPTY);
    if let Some(place) = cells.get_mut(column) {
        *place = cell;
    }
}

impl Iterator for XlsxLines<'_> {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.line().transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }
}

fn of_record(record: XlsxCellFormulaMetadataRecord<'_>) -> Raw {
    let calculated = record.formula.is_none();
    match record.value {
        DataRef::Empty if !calculated => Raw::Broken(
            "#N/A".to_owned(),
            "contains a formula that was never calculated; open the sheet in Excel and save it"
                .into(),
        ),
        DataRef::Empty => Raw::EMPTY,
        DataRef::Int(number) => Raw::Value(Value::Integer(number)),
        DataRef::Float(number) => Raw::Number(number),
        DataRef::String(text) => Raw::Value(Value::Text(text)),
        DataRef::SharedString(text) => Raw::Value(Value::Text(text.to_owned())),
        DataRef::Bool(value) => Raw::Value(Value::Bool(value)),
        DataRef::DateTime(time) => moment(time),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => iso(&text),
        DataRef::Error(error) => broken(&error),
    }
}

fn of_data(data: &Data) -> Raw {
    match data {
        Data::Empty => Raw::EMPTY,
        Data::Int(number) => Raw::Value(Value::Integer(*number)),
        Data::Float(number) => Raw::Number(*number),
        Data::String(text) => Raw::Value(Value::Text(text.clone())),
        Data::Bool(value) => Raw::Value(Value::Bool(*value)),
        Data::DateTime(time) => moment(*time),
        Data::DateTimeIso(text) | Data::DurationIso(text) => iso(text),
        Data::Error(error) => broken(error),
    }
}

fn broken(error: &calamine::CellErrorType) -> Raw {
    Raw::Broken(
        error.to_string(),
        format!("contains the formula error {error}; correct it, or empty the cell"),
    )
}

/// A workbook's number of days as a time, to the second.
fn moment(time: ExcelDateTime) -> Raw {
    if time.is_duration() {
        let message = "contains a duration; write a date";
        return Raw::Broken(time.as_f64().to_string(), message.to_owned());
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let small = |number: u8| i8::try_from(number).unwrap_or_default();
    let date = Date::new(i16::try_from(year).unwrap_or_default(), small(month), small(day));
    let clock = Time::new(small(hour), small(minute), small(second), 0);
    match (date, clock) {
        (Ok(date), Ok(clock)) => Raw::Moment(date.to_datetime(clock)),
        _ => Raw::Number(time.as_f64()),
    }
}

/// A date or time that is written as text.
fn iso(text: &str) -> Raw {
    let date = || text.parse::<Date>().map(|date| date.to_datetime(Time::midnight()));
    let time = text.parse::<DateTime>().or_else(|_| date());
    time.map_or_else(|_| Raw::Value(Value::Text(text.to_owned())), Raw::Moment)
}
