//! What a cell means for the field of its column. Sheets are not code: here, and only here, a whole
//! float is an id and `2026/1/2` is a date. What may mean something else is refused. Pure.

use jiff::civil::{Date, DateTime};

use super::line::{EXCEL_EXACT, Raw, is_midnight, whole};
use crate::error::{Fault, FieldErrorCode as Code, fault};
use crate::input::check::{parse_date, plain};
use crate::input::{Value, excerpt};
use crate::job::Cell;

/// What a column's field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    /// An option, by its id or its label.
    Choice,
    Amount,
    Date,
    Text,
    /// What is not known further, or only kept.
    Any,
}

/// What the caller allows.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) coerce: bool,
    pub(super) clear_text: Option<String>,
}

pub(super) const FLOAT_ID: &str = "ids with a decimal point";
pub(super) const MIDNIGHT: &str = "times at midnight as dates";
pub(super) const DATE_FORM: &str = "dates in another form";
pub(super) const NUMBER_TEXT: &str = "numbers as text";
pub(super) const AMOUNT: &str = "amounts with separators or signs";
pub(super) const FULL_WIDTH: &str = "full-width digits";
pub(super) const SPACES: &str = "texts with spaces around";

/// What formulas that fail leave behind in files of text.
const ERRORS: [&str; 7] = ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"];

/// A cell for the job; `how` is told how it was read otherwise than written.
pub(super) fn read(
    raw: &Raw,
    kind: Kind,
    rules: &Rules,
    how: &mut Vec<&'static str>,
) -> Result<Cell, Fault> {
    let value = match raw {
        Raw::Clear => return Ok(Cell::Clear),
        Raw::Broken(_, message) => return fault(Code::Format, message),
        Raw::Value(Value::Text(text)) => return of_text(text, kind, rules, how),
        Raw::Moment(time) => of_moment(*time, kind)?,
        Raw::Number(number) => of_number(*number, kind, how)?,
        Raw::Value(Value::Float(number)) if number.is_nan() => Value::Null,
        Raw::Value(Value::Float(number)) => {
            if matches!(kind, Kind::Id | Kind::Choice) && whole(*number).is_some() {
                how.push(FLOAT_ID);
            }
            of_number(*number, kind, how)?
        }
        Raw::Value(Value::Integer(number)) if kind == Kind::Text => {
            how.push(NUMBER_TEXT);
            Value::Text(number.to_string())
        }
        Raw::Value(value) => value.clone(),
    };
    Ok(Cell::Value(value))
}

fn of_number(number: f64, kind: Kind, how: &mut Vec<&'static str>) -> Result<Value, Fault> {
    match kind {
        _ if !number.is_finite() => Ok(Value::Float(number)),
        Kind::Id | Kind::Choice if number.abs() > EXCEL_EXACT => fault(
            Code::Range,
            format!(
                "has more than the 15 digits that Excel keeps, so its last digits may be lost \
                 ({number:e}); format the column as text and enter the id again"
            ),
        ),
        Kind::Id | Kind::Choice => Ok(whole(number).map_or(Value::Float(number), Value::Integer)),
        Kind::Amount => Ok(Value::Number(digits(number))),
        Kind::Date => fault(
            Code::Type,
            format!(
                "must be a date, got the number {}; format the column as a date",
                digits(number)
            ),
        ),
        Kind::Text => {
            how.push(NUMBER_TEXT);
            Ok(Value::Text(digits(number)))
        }
        Kind::Any => {
            Ok(whole(number).map_or_else(|| Value::Number(digits(number)), Value::Integer))
        }
    }
}

/// A float as Excel shows it, with 15 digits: 0.1 + 0.2 is 0.3.
fn digits(number: f64) -> String {
    let text = plain(&format!("{number:.14e}")).unwrap_or_else(|_| number.to_string());
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn of_moment(time: DateTime, kind: Kind) -> Result<Value, Fault> {
    let shown = || time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    match kind {
        Kind::Date | Kind::Any if is_midnight(time) => Ok(Value::Date(time.date())),
        Kind::Text if is_midnight(time) => Ok(Value::Text(time.date().to_string())),
        Kind::Text | Kind::Any => Ok(Value::Text(shown())),
        Kind::Date => fault(
            Code::Type,
            format!("must be a date, got the time {}; give only the date", shown()),
        ),
        Kind::Id | Kind::Choice | Kind::Amount => fault(
            Code::Type,
            format!(
                "is the date {}; format the column as a number and enter it again",
                time.date()
            ),
        ),
    }
}

fn of_text(
    text: &str,
    kind: Kind,
    rules: &Rules,
    how: &mut Vec<&'static str>,
) -> Result<Cell, Fault> {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if trimmed.is_empty() {
        return Ok(Cell::Value(Value::Null));
    }
    if trimmed.len() < text.len() {
        how.push(SPACES);
    }
    if ERRORS.contains(&trimmed) {
        let message =
            format!("contains the formula error {trimmed}; correct it, or empty the cell");
        return fault(Code::Format, message);
    }
    if rules.clear_text.as_deref().is_some_and(|clear| clear.trim() == trimmed) {
        return Ok(Cell::Clear);
    }
    let value = match kind {
        Kind::Id => id_text(trimmed, rules, how)?,
        Kind::Choice if is_number_like(trimmed) => id_text(trimmed, rules, how)?,
        Kind::Amount => Value::Text(amount_text(trimmed, rules, how)?),
        Kind::Date => date_text(trimmed, how)?,
        Kind::Choice | Kind::Text | Kind::Any => Value::Text(trimmed.to_owned()),
    };
    Ok(Cell::Value(value))
}

fn is_number_like(text: &str) -> bool {
    text.chars().all(|c| matches!(half_width(c), '0'..='9' | '.' | 'E' | 'e' | '+'))
        && text.chars().any(|c| half_width(c).is_ascii_digit())
}

fn id_text(text: &str, rules: &Rules, how: &mut Vec<&'static str>) -> Result<Value, Fault> {
    let narrow: String = text.chars().map(half_width).collect();
    if narrow.contains(['e', 'E']) && plain(&narrow.replace('+', "")).is_ok() {
        return fault(
            Code::Format,
            format!(
                "is the text {:?}: Excel shortened an id, and its last digits are lost; format the \
                 column as a number without decimals and save the sheet again",
                excerpt(text)
            ),
        );
    }
    let whole = narrow.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|byte| byte == b'0'));
    let digits = whole.map_or(&*narrow, |(digits, _)| digits);
    let is_id = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_id {
        return Ok(Value::Text(text.to_owned()));
    }
    if narrow != text {
        if !rules.coerce {
            return fault(
                Code::Format,
                format!("has full-width digits ({text}); write {digits}, or set `coerce`"),
            );
        }
        how.push(FULL_WIDTH);
    }
    if whole.is_some() {
        how.push(FLOAT_ID);
    }
    Ok(Value::Text(digits.to_owned()))
}

fn amount_text(text: &str, rules: &Rules, how: &mut Vec<&'static str>) -> Result<String, Fault> {
    let cleaned = cleaned_amount(text).filter(|cleaned| cleaned != text);
    match cleaned {
        Some(cleaned) if rules.coerce => {
            how.push(AMOUNT);
            Ok(cleaned)
        }
        Some(cleaned) => fault(
            Code::Format,
            format!(
                "must be a decimal number such as 20000.50, got the text {:?}; write {cleaned}, or set \
                 `coerce` to read it so",
                excerpt(text)
            ),
        ),
        None => Ok(text.to_owned()),
    }
}

/// An amount without its sign of money and its separators, if these stand where they should.
fn cleaned_amount(text: &str) -> Option<String> {
    let narrow: String = text.chars().map(half_width).collect();
    let (sign, rest) = narrow.strip_prefix('-').map_or(("", &*narrow), |rest| ("-", rest));
    let rest = rest.trim_start_matches('¥').trim_end_matches('元').trim();
    let (sign, rest) = rest.strip_prefix('-').map_or((sign, rest), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut rest = groups.clone();
    let grouped = whole.contains(',') && (1..=3).contains(&first.len());
    if whole.contains(',') && !(grouped && rest.all(|group| group.len() == 3)) {
        return None;
    }
    let whole: String = std::iter::once(first).chain(groups).collect();
    let fraction = fraction.map(|digits| format!(".{digits}")).unwrap_or_default();
    let amount = format!("{sign}{whole}{fraction}");
    (plain(&amount).ok()? == amount).then_some(amount)
}

/// The ASCII character of a full-width one.
fn half_width(c: char) -> char {
    match c {
        '￥' => '¥',
        '，' => ',',
        '．' => '.',
        '－' | '−' => '-',
        '０'..='９' => {
            let digit = u32::from(c) - u32::from('０');
            char::from_digit(digit, 10).unwrap_or(c)
        }
        c => c,
    }
}

fn date_text(text: &str, how: &mut Vec<&'static str>) -> Result<Value, Fault> {
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let Some(date) = any_date(day) else { return Ok(Value::Text(text.to_owned())) };
    if !time.is_empty() {
        if !is_midnight_text(time) {
            let message =
                format!("must be a date, got the time {:?}; give only the date", excerpt(text));
            return fault(Code::Type, message);
        }
        how.push(MIDNIGHT);
    }
    if parse_date(day).is_none() {
        how.push(DATE_FORM);
    }
    Ok(Value::Date(date))
}

/// A date as `2026-01-02`, `2026-1-2`, `2026/1/2` or `2026年1月2日`: the year first, so that it
/// cannot be another one.
fn any_date(text: &str) -> Option<Date> {
    let plain = text.strip_suffix('日').map(|text| text.replace(['年', '月'], "/"));
    let text = plain.as_deref().unwrap_or(text);
    let mark = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(mark);
    let mut part = |most: usize| {
        let part = parts.next().map(str::trim)?;
        let fits = part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse::<i16>().ok())?
    };
    let year = part(4).filter(|year| *year >= 1000)?;
    let (month, day) = (part(2)?.try_into().ok()?, part(2)?.try_into().ok()?);
    if parts.next().is_some() {
        return None;
    }
    Date::new(year, month, day).ok()
}

fn is_midnight_text(time: &str) -> bool {
    let zeros = |zeros: &str| zeros.bytes().all(|byte| byte == b'0');
    let time = time.split_once('.').filter(|(_, part)| zeros(part)).map_or(time, |(time, _)| time);
    ["0:00", "00:00", "0:00:00", "00:00:00"].contains(&time)
}
