//! How a sheet is read.

use crate::error::{Error, Fault, FieldError, FieldErrorCode as Code, spelt_faults};
use crate::input::Value;
use crate::input::setting::{flag, text, whole};
use crate::input::suggest::no_option;

/// The options of a sheet, for tests against the contract.
#[doc(hidden)]
pub const SHEET_OPTIONS: &[&str] = &[
    // <generated: options>, by `make generate`
    "sheet",
    "header",
    "encoding",
    "delimiter",
    "coerce",
    "clear_text",
    // </generated>
];

/// Which sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SheetName {
    Name(String),
    /// Its place, from 1.
    Number(usize),
}

/// How a sheet is read.
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a sheet is read with them"]
pub struct SheetOptions {
    pub(super) sheet: Option<SheetName>,
    pub(super) header: Option<u64>,
    pub(super) encoding: Option<String>,
    pub(super) delimiter: Option<u8>,
    pub(super) coerce: bool,
    pub(super) clear_text: Option<String>,
    faults: Vec<FieldError>,
}

impl SheetOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sheet of the workbook, by its name (default: the first that is not hidden).
    pub fn sheet(mut self, name: impl Into<String>) -> Self {
        self.sheet = Some(SheetName::Name(name.into()));
        self
    }

    /// The sheet of the workbook, by its place, from 1.
    pub fn sheet_number(mut self, number: usize) -> Self {
        self.sheet = Some(SheetName::Number(number));
        self
    }

    /// The row that names the columns, as Excel counts (default: the one of the first twenty rows
    /// that has the most known names).
    pub fn header(mut self, row: u64) -> Self {
        self.header = Some(row);
        self
    }

    /// The encoding of a text file, such as `gb18030` (default: by its first bytes, else UTF-8, else
    /// GB18030).
    pub fn encoding(mut self, name: impl Into<String>) -> Self {
        self.encoding = Some(name.into());
        self
    }

    /// What stands between the cells of a text file (default: what its first lines have most of).
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    /// Reads amounts with separators, `￥` and full-width digits, which are refused otherwise.
    pub fn coerce(mut self, coerce: bool) -> Self {
        self.coerce = coerce;
        self
    }

    /// A text that clears the field in whose cell it stands.
    pub fn clear_text(mut self, text: impl Into<String>) -> Self {
        self.clear_text = Some(text.into());
        self
    }

    /// Sets an option by its name. A null leaves the default, and what does not fit is told when the
    /// sheet is read.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let taken = match name {
            name if !SHEET_OPTIONS.contains(&name) => {
                self.faults.push(no_option("option", name, SHEET_OPTIONS.iter().copied()));
                Ok(())
            }
            _ if value == Value::Null => Ok(()),
            name => self.take(name, &value),
        };
        self.faults.extend(taken.err().map(|fault| fault.of(name)));
        self
    }

    fn take(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        match name {
            "sheet" => self.sheet = Some(sheet(value)?),
            "header" => self.header = Some(from_one(value)?.try_into().unwrap_or(u64::MAX)),
            "encoding" => self.encoding = Some(text(value)?),
            "delimiter" => self.delimiter = Some(delimiter(value)?),
            "clear_text" => self.clear_text = Some(text(value)?),
            _ => self.coerce = flag(value)?,
        }
        Ok(())
    }

    /// Every option that does not fit.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(Error::Validation { fields: spelt_faults(self.faults.clone()) })
    }

    /// Fails when one of these options is given, since the kind of file has no use for it.
    pub(super) fn without(&self, kind: &str, names: &[&str]) -> Result<(), Error> {
        let given = |name: &&&str| match **name {
            "sheet" => self.sheet.is_some(),
            "encoding" => self.encoding.is_some(),
            _ => self.delimiter.is_some(),
        };
        let fault = |name: &&str| {
            FieldError::new(*name, Code::Conflict, format!("{kind} has none; leave it out"))
        };
        let fields: Vec<_> = names.iter().filter(given).map(fault).collect();
        if fields.is_empty() { Ok(()) } else { Err(Error::Validation { fields }) }
    }
}

fn sheet(value: &Value) -> Result<SheetName, Fault> {
    match value {
        Value::Text(name) => Ok(SheetName::Name(name.clone())),
        value => from_one(value).map(SheetName::Number),
    }
}

fn from_one(value: &Value) -> Result<usize, Fault> {
    let number = match value {
        // JavaScript's numbers are floats.
        Value::Float(number) if number.fract() == 0.0 => whole(&Value::Number(number.to_string())),
        value => whole(value),
    }?;
    if number == 0 {
        return Err(Fault(Code::Range, "counts from 1, got 0".to_owned()));
    }
    Ok(number)
}

fn delimiter(value: &Value) -> Result<u8, Fault> {
    let text = text(value)?;
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => Ok(*byte),
        _ => Err(Fault(
            Code::Format,
            format!("must be one character such as a comma or a tab, got {text:?}"),
        )),
    }
}
