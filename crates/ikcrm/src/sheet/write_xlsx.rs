//! Results as `.xlsx`: coloured by state, with a filter, and with a sheet that sums up.

use std::path::Path;

use jiff::civil::{Date, DateTime};
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};
use serde_json::Value as Json;

use super::output::{each_result, fault, unwritable, whole};
use super::write_options::{Language, WriteOptions};
use super::{cells, result};
use crate::error::{Error, FieldErrorCode as Code};
use crate::job::{JobResult, JobStatus, RowState, UpdateJob};

/// What Excel takes.
const MOST_ROWS: u32 = 1_048_575;
const MOST_COLUMNS: usize = 16_384;
const LONGEST_TEXT: usize = 32_767;
/// The first row that is read as it is wide; the others are as wide as their headers ask for.
const WIDTH: f64 = 14.0;

/// Writes the result as a workbook.
pub(super) fn write(job: &UpdateJob, path: &Path, options: &WriteOptions) -> Result<(), Error> {
    let columns = job.columns()?;
    if columns.len() + 4 > MOST_COLUMNS {
        return Err(fault("path", Code::Range, "has more columns than .xlsx takes; write a .csv"));
    }
    let failed = |error: XlsxError| unwritable(path, error);
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory().map_err(failed)?;
    let mut rows = Rows::begin(sheet, &columns, options).map_err(failed)?;
    each_result(job, options, |row| {
        if rows.count == MOST_ROWS {
            return Err(fault("path", Code::Range, "has more rows than .xlsx takes; write a .csv"));
        }
        rows.write(&row).map_err(failed)
    })?;
    rows.end().map_err(failed)?;
    let summary = Summary { job, options };
    let sheet = book.add_worksheet_with_constant_memory().map_err(failed)?;
    summary.write(sheet)?.map_err(failed)?;
    whole(path, |beside| book.save(beside).map_err(failed))
}

/// The sheet of the rows.
struct Rows<'w> {
    sheet: &'w mut Worksheet,
    width: u16,
    count: u32,
    language: Language,
    date: Format,
    time: Format,
    /// The formats of the states, in their order.
    states: Vec<Format>,
}

impl<'w> Rows<'w> {
    fn begin(
        sheet: &'w mut Worksheet,
        columns: &[String],
        options: &WriteOptions,
    ) -> Result<Self, XlsxError> {
        let language = options.language;
        sheet.set_name(if language == Language::Chinese { "结果" } else { "Result" })?;
        sheet.set_freeze_panes(1, 0)?;
        let width = u16::try_from(columns.len()).unwrap_or(u16::MAX);
        let own = [("state", 12.0), ("message", 60.0), ("changes", 50.0), ("time", 20.0)];
        for column in 0..width {
            sheet.set_column_width(column, WIDTH)?;
        }
        for (column, (_, wide)) in (width..).zip(own) {
            sheet.set_column_width(column, wide)?;
        }
        let bold = Format::new().set_bold().set_align(FormatAlign::Top);
        let headers = columns.iter().map(String::as_str).chain(result::headers(language));
        for (column, name) in (0..).zip(headers) {
            sheet.write_string_with_format(0, column, short(name), &bold)?;
        }
        let day = Format::new().set_num_format("yyyy-mm-dd");
        let time = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
        let states = RowState::ALL.map(|state| Format::new().set_background_color(color(state)));
        Ok(Self { sheet, width, count: 0, language, date: day, time, states: states.into() })
    }

    fn write(&mut self, result: &JobResult) -> Result<(), XlsxError> {
        self.count += 1;
        for (column, cell) in (0..self.width).zip(&result.cells) {
            self.cell(column, cell)?;
        }
        let place = RowState::ALL.iter().position(|state| *state == result.row.state);
        let plain = Format::default();
        let colored = place.and_then(|place| self.states.get(place)).unwrap_or(&plain);
        let [state, message, changes, time] = result::cells(result, self.language);
        let row = self.count;
        self.sheet.write_string_with_format(row, self.width, state, colored)?;
        for (column, text) in (self.width + 1..).zip([message, changes, time]) {
            if !text.is_empty() {
                self.sheet.write_string(row, column, short(&text))?;
            }
        }
        Ok(())
    }

    /// A cell as it was given.
    fn cell(&mut self, column: u16, cell: &Json) -> Result<(), XlsxError> {
        let row = self.count;
        match cell {
            Json::Null => {}
            Json::Bool(value) => drop(self.sheet.write_boolean(row, column, *value)?),
            Json::Number(number) => match number.as_f64() {
                // Excel keeps 15 digits; a longer id stays whole as text.
                Some(float) if float.abs() < 1e15 => {
                    self.sheet.write_number(row, column, float)?;
                }
                _ => drop(self.sheet.write_string(row, column, number.to_string())?),
            },
            Json::String(text) => drop(self.sheet.write_string(row, column, short(text))?),
            Json::Object(day) => {
                let text: String = day.values().filter_map(Json::as_str).collect();
                self.time(column, &text)?;
            }
            Json::Array(_) => {
                self.sheet.write_string(row, column, short(&cell.to_string()))?;
            }
        }
        Ok(())
    }

    fn time(&mut self, column: u16, text: &str) -> Result<(), XlsxError> {
        let row = self.count;
        let day = |date: Date| {
            let small = |number: i8| u8::try_from(number).unwrap_or_default();
            let year = u16::try_from(date.year()).unwrap_or_default();
            ExcelDateTime::from_ymd(year, small(date.month()), small(date.day()))
        };
        let clock = |time: DateTime| {
            let small = |number: i8| u8::try_from(number).unwrap_or_default();
            let hour = u16::try_from(time.hour()).unwrap_or_default();
            day(time.date())?.and_hms(hour, small(time.minute()), small(time.second()))
        };
        if let Some(date) = text.parse::<Date>().ok().filter(|_| text.len() == 10) {
            if let Ok(date) = day(date) {
                self.sheet.write_datetime_with_format(row, column, date, &self.date)?;
                return Ok(());
            }
        } else if let Some(Ok(time)) = text.parse::<DateTime>().ok().map(clock) {
            self.sheet.write_datetime_with_format(row, column, time, &self.time)?;
            return Ok(());
        }
        self.sheet.write_string(row, column, text).map(drop)
    }

    fn end(self) -> Result<(), XlsxError> {
        self.sheet.autofilter(0, 0, self.count, self.width + 3).map(drop)
    }
}

/// The sheet that sums up.
struct Summary<'j> {
    job: &'j UpdateJob,
    options: &'j WriteOptions,
}

impl Summary<'_> {
    fn write(&self, sheet: &mut Worksheet) -> Result<Result<(), XlsxError>, Error> {
        let (language, chinese) =
            (self.options.language, self.options.language == Language::Chinese);
        let mut lines = Vec::new();
        for (state, rows) in self.job.counts()?.iter().filter(|(_, rows)| *rows > 0) {
            lines.push((result::word(state, language).to_owned(), rows.to_string()));
        }
        lines.push((String::new(), String::new()));
        for (how, cells) in self.job.coerced()? {
            lines.push((conversion(&how, language).to_owned(), cells.to_string()));
        }
        for problem in self.job.problems()? {
            let example = problem.examples.first().and_then(|row| row.message.clone());
            let count = format!("{} × {}", problem.rows, result::word(problem.state, language));
            lines.push((count, example.unwrap_or(problem.cause)));
        }
        let status = status(self.job.status()?, language).to_owned();
        lines.push((if chinese { "任务" } else { "job" }.to_owned(), status));
        Ok(fill(sheet, if chinese { "汇总" } else { "Summary" }, &lines))
    }
}

fn fill(sheet: &mut Worksheet, name: &str, lines: &[(String, String)]) -> Result<(), XlsxError> {
    sheet.set_name(name)?;
    sheet.set_column_width(0, 30)?;
    sheet.set_column_width(1, 80)?;
    for (row, (left, right)) in (0..).zip(lines) {
        sheet.write_string(row, 0, short(left))?;
        match right.parse::<f64>() {
            Ok(number) => sheet.write_number(row, 1, number)?,
            Err(_) => sheet.write_string(row, 1, short(right))?,
        };
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

fn color(state: RowState) -> u32 {
    match state {
        RowState::Updated => 0xC6_EF_CE,
        RowState::Planned | RowState::Pending | RowState::Sending => 0xDD_EB_F7,
        RowState::Unchanged | RowState::Skipped => 0xED_ED_ED,
        RowState::Conflict | RowState::Unknown | RowState::Duplicate => 0xFF_EB_9C,
        _ => 0xFF_C7_CE,
    }
}

/// The job's status in words for people.
fn status(status: JobStatus, language: Language) -> &'static str {
    if language == Language::English {
        return status.as_str();
    }
    match status {
        JobStatus::Planning => "计划中",
        JobStatus::Ready => "待执行",
        JobStatus::Running => "执行中",
        JobStatus::Stopped => "已停止",
        JobStatus::Completed => "已完成",
    }
}

/// How cells were converted, in words for people.
fn conversion(how: &str, language: Language) -> &str {
    if language == Language::English {
        return how;
    }
    match how {
        cells::FLOAT_ID => "带小数点的 id",
        cells::MIDNIGHT => "零点的时间转为日期",
        cells::DATE_FORM => "其他写法的日期",
        cells::NUMBER_TEXT => "数字转为文本",
        cells::AMOUNT => "带分隔符或货币符号的金额",
        cells::FULL_WIDTH => "全角数字",
        cells::SPACES => "首尾有空格的文本",
        other => other,
    }
}
