//! An answer as JSON text that JavaScript reads without losing a digit, and with each declared
//! attribute of its declared type where it came as something that means the same.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use ikcrm::Record;
use ikcrm::contract::{Kind, Shape};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep declared objects are read one in another; what is deeper stays as it came.
const DEEPEST: usize = 32;
/// The largest whole number that JavaScript tells from its neighbours has this many digits or fewer.
const SAFE_DIGITS: usize = 15;
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What texts begin with that stand for whole numbers beyond 2^53: no server can know it.
static MARK: LazyLock<String> =
    LazyLock::new(|| format!("!{:016x}", RandomState::new().build_hasher().finish()));

/// The text of an object with its declared attributes.
pub(crate) fn record(record: &Record) -> String {
    marked(|text| text.object(record.raw(), record.shape(), 0))
}

/// A list of such objects, after how many there are in all.
pub(crate) fn page(total: Option<u64>, rows: Option<&[&Record]>) -> String {
    let total = total.map_or_else(|| "null".to_owned(), |total| total.to_string());
    let Some(rows) = rows else { return format!("[{total},null]") };
    marked(|text| {
        text.json.push('[');
        text.json.push_str(&total);
        text.json.push_str(",[");
        text.each(rows, |text, row| text.object(row.raw(), row.shape(), 0));
        text.json.push_str("]]");
    })
}

/// Any JSON text.
pub(crate) fn json(raw: &str) -> String {
    marked(|text| text.exactly(raw))
}

/// The text, behind the mark if it holds any.
fn marked(write: impl FnOnce(&mut Text)) -> String {
    let mut text = Text::default();
    write(&mut text);
    if text.is_marked { format!("{}{}", *MARK, text.json) } else { text.json }
}

/// JSON text as it is written.
#[derive(Default)]
struct Text {
    json: String,
    is_marked: bool,
}

impl Text {
    fn object(&mut self, raw: &str, shape: &Shape, depth: usize) {
        let entries = serde_json::from_str::<Entries<'_>>(raw);
        let Some(Entries(entries)) = entries.ok().filter(|_| depth < DEEPEST) else {
            return self.exactly(raw);
        };
        self.json.push('{');
        self.each(&entries, |text, (name, value)| {
            text.json.push_str(&quoted(name));
            text.json.push(':');
            let declared = shape.fields.iter().find(|(known, _)| known == name);
            match declared {
                Some((_, kind)) => text.attribute(value.get(), *kind, depth),
                None => text.exactly(value.get()),
            }
        });
        self.json.push('}');
    }

    /// The items with commas between them.
    fn each<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            write(self, item);
        }
    }

    /// A declared attribute; what cannot mean its type stays as it came.
    fn attribute(&mut self, raw: &str, kind: Kind, depth: usize) {
        match kind {
            Kind::Record(_) | Kind::Records(_) if raw == "\"\"" || is_empty_object(raw) => {
                self.json.push_str("null");
            }
            Kind::Record(shape) if raw.starts_with('{') => self.object(raw, shape, depth + 1),
            Kind::Records(shape) => self.objects(raw, shape, depth),
            Kind::Id | Kind::Number | Kind::Bool | Kind::Money if raw == "\"\"" => {
                self.json.push_str("null");
            }
            Kind::Id | Kind::Number | Kind::Bool => {
                self.exactly(unquoted(raw).filter(|text| is_scalar(text, kind)).unwrap_or(raw));
            }
            Kind::Money | Kind::Text | Kind::Choice if is_number(raw) => {
                self.json.push_str(&quoted(raw));
            }
            _ => self.exactly(raw),
        }
    }

    fn objects(&mut self, raw: &str, shape: &Shape, depth: usize) {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
            return self.exactly(raw);
        };
        self.json.push('[');
        self.each(&items, |text, item| match item.get() {
            object if object.starts_with('{') => text.object(object, shape, depth + 1),
            other => text.exactly(other),
        });
        self.json.push(']');
    }

    /// JSON text with every digit: what no number of JavaScript's holds becomes text, and whole numbers
    /// are marked.
    fn exactly(&mut self, raw: &str) {
        let mut rest = raw;
        while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
            let (before, token) = rest.split_at(start);
            self.json.push_str(before);
            let (token, after) = token.split_at(token_length(token));
            rest = after;
            if token.starts_with('"') || is_exact(token) {
                self.json.push_str(token);
            } else {
                self.number(token);
            }
        }
        self.json.push_str(rest);
    }

    fn number(&mut self, token: &str) {
        self.json.push('"');
        if is_whole(token) {
            self.is_marked = true;
            self.json.push_str(&MARK);
        }
        self.json.push_str(token);
        self.json.push('"');
    }
}

/// How long the text or the number is with which this JSON text begins.
fn token_length(json: &str) -> usize {
    let mut bytes = json.bytes().enumerate().skip(1);
    if !json.starts_with('"') {
        let part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        return bytes.find(|(_, byte)| !part(*byte)).map_or(json.len(), |(end, _)| end);
    }
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return index + 1,
            _ => {}
        }
    }
    json.len()
}

/// Whether JavaScript's number for this one has the same digits.
fn is_exact(number: &str) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits <= SAFE_DIGITS && !number.contains(['e', 'E']) {
        return true;
    }
    if is_whole(number) {
        let digits = number.trim_start_matches('-');
        return digits.parse().is_ok_and(|number: u64| number <= MAX_SAFE_INTEGER);
    }
    number.parse().is_ok_and(|value: f64| significant(number) == significant(&format!("{value:e}")))
}

/// The significant digits of a number and the power of ten of its first.
fn significant(number: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('-');
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Some((String::new(), 0));
    }
    let leading = i64::try_from(all.len() - digits.len()).ok()?;
    let place = i64::try_from(whole.len()).ok()?.checked_sub(leading)?;
    let power = exponent.trim_start_matches('+').parse::<i64>().ok()?.checked_add(place)?;
    Some((digits.trim_end_matches('0').to_owned(), power))
}

fn is_whole(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

fn is_number(raw: &str) -> bool {
    raw.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

fn is_empty_object(raw: &str) -> bool {
    raw.strip_prefix('{').is_some_and(|rest| rest.trim_start() == "}")
}

/// What the text of an attribute says, unless escapes are in it.
fn unquoted(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\'))
}

/// Whether the text is, without its quotes, JSON of this kind.
fn is_scalar(text: &str, kind: Kind) -> bool {
    match kind {
        Kind::Bool => matches!(text, "true" | "false"),
        Kind::Id => text.bytes().all(|byte| byte.is_ascii_digit()) && is_json_number(text),
        _ => is_json_number(text),
    }
}

fn is_json_number(text: &str) -> bool {
    is_number(text) && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The names and values of an object, in order.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
