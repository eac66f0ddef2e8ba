//! `Record`: an object of an answer, kept as text and read key by key.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::index::{Index, read_index};
use super::json::value;
use super::scan::Scan;
use crate::error::{Error, Excerpt};
use crate::input::check::parse_date;

/// How many objects a list has at most: each weighs more than the few bytes of an empty one.
pub(crate) const MOST_RECORDS: usize = 100_000;

/// What kind of value a typed attribute has.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub enum Kind {
    Id,
    Text,
    /// An option's id or label: text, or a number; `""` is nothing.
    Choice,
    Money,
    Number,
    Bool,
    Date,
    DateTime,
    /// `"80%"` or a number: the text as it came.
    Percent,
    Record(&'static Shape),
    Records(&'static Shape),
}

/// A kind of object in an answer, with its typed attributes.
#[derive(Debug)]
#[doc(hidden)]
pub struct Shape {
    pub name: &'static str,
    pub fields: &'static [(&'static str, Kind)],
}

/// The value of a typed attribute.
#[derive(Debug, Clone, PartialEq)]
#[doc(hidden)]
pub enum Typed<'a> {
    Nothing,
    Id(u64),
    Text(Cow<'a, str>),
    Decimal(Decimal),
    Number(f64),
    Bool(bool),
    Date(Date),
    DateTime(DateTime),
    Record(Record),
    Records(Vec<Record>),
}

/// An object of an answer, with every key that came, in order.
///
/// It is kept as the text that came and read on demand; clones share the text.
#[derive(Clone)]
pub struct Record {
    shape: &'static Shape,
    text: Arc<str>,
    range: Range<usize>,
    index: OnceLock<Arc<Index>>,
    /// Whether it came as the answer to an update, which was carried out then.
    of_update: bool,
}

impl Record {
    /// An object that is the part `range` of `text`, which must be JSON.
    pub(crate) fn new(shape: &'static Shape, text: Arc<str>, range: Range<usize>) -> Self {
        Self { shape, text, range, index: OnceLock::new(), of_update: false }
    }

    /// The same with the keys that are in `range`.
    pub(crate) fn indexed(
        shape: &'static Shape,
        text: Arc<str>,
        range: Range<usize>,
        index: Index,
    ) -> Self {
        Self { shape, text, range, index: OnceLock::from(Arc::new(index)), of_update: false }
    }

    /// The same as the answer to an update.
    pub(crate) fn of_update(self) -> Self {
        Self { of_update: true, ..self }
    }

    /// A record in this one.
    fn within(&self, shape: &'static Shape, range: Range<usize>) -> Self {
        let record = Self::new(shape, self.text.clone(), range);
        Self { of_update: self.of_update, ..record }
    }

    /// The object of this shape in a JSON text, as [`raw`](Self::raw) gave it.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object.
    #[doc(hidden)]
    pub fn parse(shape: &'static Shape, json: &str) -> Result<Self, serde_json::Error> {
        match read_index(json, 0..json.len()) {
            Some(index) => Ok(Self::indexed(shape, json.into(), 0..json.len(), index)),
            None => Err(why_no_object(json)),
        }
    }

    /// What kind of object this is.
    #[doc(hidden)]
    #[must_use]
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// The object's JSON text, exactly as it came.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    /// The names of all keys, in the order they came.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.index().entries(&self.text).map(|(key, _)| key)
    }

    /// The JSON text of any key's value, typed or not.
    #[must_use]
    pub fn get_raw(&self, key: &str) -> Option<&str> {
        self.text.get(self.find(key)?)
    }

    /// The value of any key, typed or not.
    ///
    /// What it cannot hold is its JSON text: a number beyond `f64`, and what is nested too deep to be
    /// read. [`get_raw`](Self::get_raw) has every digit of a number that `f64` rounds.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<serde_json::Value> {
        self.get_raw(key).map(value)
    }

    fn find(&self, key: &str) -> Option<Range<usize>> {
        self.index().find(key, &self.text)
    }

    fn index(&self) -> &Index {
        let read = || Arc::new(read_index(&self.text, self.range.clone()).unwrap_or_default());
        self.index.get_or_init(read)
    }

    /// The value of a typed attribute; nothing when it is absent, null, `""` or `{}`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidAnswer`] when the value is not of the attribute's kind.
    #[doc(hidden)]
    pub fn read(&self, key: &str, kind: Kind) -> Result<Typed<'_>, Error> {
        let Some(range) = self.find(key) else { return Ok(Typed::Nothing) };
        let json = self.text.get(range.clone()).unwrap_or_default();
        let typed = match kind {
            _ if json == "null" || is_empty_object(json) => Some(Typed::Nothing),
            Kind::Record(shape) => self.nested(shape, json, range),
            Kind::Records(shape) => self.list(shape, range),
            _ => scalar(json, kind),
        };
        typed.ok_or_else(|| self.unexpected(key, json))
    }

    fn nested(&self, shape: &'static Shape, json: &str, range: Range<usize>) -> Option<Typed<'_>> {
        if json == "\"\"" {
            return Some(Typed::Nothing);
        }
        json.starts_with('{').then(|| Typed::Record(self.within(shape, range)))
    }

    fn list(&self, shape: &'static Shape, range: Range<usize>) -> Option<Typed<'_>> {
        let items = Scan::new(&self.text, range.start).list()?;
        if items.len() > MOST_RECORDS {
            return None;
        }
        let record = |item: Range<usize>| {
            let is_object = self.text.get(item.clone())?.starts_with('{');
            is_object.then(|| self.within(shape, item))
        };
        items.into_iter().map(record).collect::<Option<_>>().map(Typed::Records)
    }

    fn unexpected(&self, key: &str, json: &str) -> Error {
        Error::InvalidAnswer {
            message: format!(
                "{}.{key} came in an unexpected form; its text is still there under its key",
                self.shape.name
            ),
            status: Some(200),
            excerpt: Excerpt::of(json),
            may_have_been_applied: self.of_update,
        }
    }
}

/// The value of an attribute that is no object, or nothing when it is not of its kind.
fn scalar(json: &str, kind: Kind) -> Option<Typed<'_>> {
    let text = if json.starts_with('"') { unquote(json)? } else { Cow::Borrowed(json) };
    let quoted = json.starts_with('"');
    let number = json.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    match kind {
        Kind::Text if quoted => Some(Typed::Text(text)),
        _ if quoted && text.is_empty() => Some(Typed::Nothing),
        Kind::Text | Kind::Choice | Kind::Percent if quoted || number => Some(Typed::Text(text)),
        Kind::Id if quoted || number => text.parse().ok().map(Typed::Id),
        Kind::Money if quoted || number => decimal(&text).map(Typed::Decimal),
        Kind::Number if quoted || number => text.parse().ok().map(Typed::Number),
        Kind::Bool => text.parse().ok().map(Typed::Bool),
        Kind::Date if quoted => parse_date(&text).map(Typed::Date),
        Kind::DateTime if quoted => date_time(&text).map(Typed::DateTime),
        _ => None,
    }
}

/// What `serde_json` says of a text that is no JSON object.
fn why_no_object(json: &str) -> serde_json::Error {
    let object = serde_json::from_str::<HashMap<String, &RawValue>>(json);
    object.err().unwrap_or_else(|| serde::de::Error::custom("not a JSON object"))
}

fn is_empty_object(json: &str) -> bool {
    json.strip_prefix('{').is_some_and(|rest| rest.trim_start() == "}")
}

fn unquote(json: &str) -> Option<Cow<'_, str>> {
    match json.strip_prefix('"')?.strip_suffix('"')? {
        plain if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        _ => serde_json::from_str(json).ok().map(Cow::Owned),
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

/// `YYYY-MM-DD HH:MM`, with seconds if they came.
fn date_time(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let date = parse_date(date)?;
    let mut parts = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let time = jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    Some(date.to_datetime(time))
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

/// Shows the kind and the id only: answers hold phone numbers and addresses.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.get_raw("id").unwrap_or("?");
        write!(f, "{} {{ id: {id}, {} keys }}", self.shape.name, self.index().len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::opportunity::OPPORTUNITY;
    use super::*;

    #[test]
    fn half_a_character_in_a_key_hides_no_other_key() {
        let text = r#"{"id":1,"customer":{"\ud800":2,"id":3}}"#;
        let record = Record::new(&OPPORTUNITY, text.into(), 0..text.len());
        let Ok(Typed::Record(customer)) = record.read("customer", Kind::Record(&OPPORTUNITY))
        else {
            panic!("no customer")
        };
        assert_eq!(customer.get_raw("id"), Some("3"));
        assert_eq!(customer.keys().count(), 2);
        assert!(Record::parse(&OPPORTUNITY, customer.raw()).is_ok());
    }
}
