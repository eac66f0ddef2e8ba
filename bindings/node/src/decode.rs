//! An answer as JSON text that JavaScript reads without losing a digit, and with each declared
//! attribute of its declared type where it came as something that means the same.
//!
//! The answer was found to be JSON before. It is gone through once, and what stays as it came is
//! copied in one piece.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use ikcrm::Record;
use ikcrm::contract::{Kind, Shape, after_text};
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
    let mut text = Text::default();
    text.record(record);
    text.marked()
}

/// A list of such objects, after how many there are in all.
pub(crate) fn page(total: Option<u64>, rows: Option<&[&Record]>) -> String {
    let total = total.map_or_else(|| "null".to_owned(), |total| total.to_string());
    let Some(rows) = rows else { return format!("[{total},null]") };
    let mut text = Text { json: format!("[{total},["), is_marked: false };
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            text.json.push(',');
        }
        text.record(row);
    }
    text.json.push_str("]]");
    text.marked()
}

/// Any JSON text.
pub(crate) fn json(raw: &str) -> String {
    let mut text = Text::default();
    let mut reader = Reader::new(raw, &mut text);
    reader.any();
    reader.finish();
    text.marked()
}

/// JSON text as it is written.
#[derive(Default)]
struct Text {
    json: String,
    is_marked: bool,
}

impl Text {
    fn record(&mut self, record: &Record) {
        let mut reader = Reader::new(record.raw(), self);
        reader.object(record.shape(), 0);
        reader.finish();
    }

    /// A word or a number, which is text if JavaScript's has not all of its digits, and marked if it is
    /// whole.
    fn scalar(&mut self, token: &str) {
        if !is_number(token) || is_exact(token) {
            return self.json.push_str(token);
        }
        self.json.push('"');
        if is_whole(token) {
            self.is_marked = true;
            self.json.push_str(&MARK);
        }
        self.json.push_str(token);
        self.json.push('"');
    }

    /// The text, behind the mark if it holds any.
    fn marked(self) -> String {
        if self.is_marked { format!("{}{}", *MARK, self.json) } else { self.json }
    }
}

/// Goes through a JSON text from one token to the next: a text, a number, a word or a bracket.
struct Reader<'a, 't> {
    raw: &'a str,
    at: usize,
    /// What was written already.
    copied: usize,
    text: &'t mut Text,
}

impl<'a, 't> Reader<'a, 't> {
    fn new(raw: &'a str, text: &'t mut Text) -> Self {
        text.json.reserve(raw.len());
        Self { raw, at: 0, copied: 0, text }
    }

    /// Writes what is left.
    fn finish(mut self) {
        self.replace(self.raw.len());
    }

    /// The first byte of the next token.
    fn next(&mut self) -> Option<u8> {
        let rest = self.raw.as_bytes().get(self.at..)?;
        let between = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        let gap = rest.iter().position(|byte| !between(byte))?;
        self.at += gap;
        rest.get(gap).copied()
    }

    /// The next token, which begins with that byte.
    fn token(&mut self, first: u8) -> &'a str {
        let from = self.at;
        self.pass(first);
        self.raw.get(from..self.at).unwrap_or_default()
    }

    /// Goes on behind the next token, which begins with that byte.
    #[inline]
    fn pass(&mut self, first: u8) {
        let raw = self.raw.as_bytes();
        self.at = match first {
            b'"' => after_text(raw, self.at).unwrap_or(raw.len()),
            b'-' | b'0'..=b'9' | b'a'..=b'z' => after_scalar(raw, self.at + 1),
            _ => self.at + 1,
        };
    }

    /// Where to write what takes the place of the text between there and here.
    fn replace(&mut self, from: usize) -> &mut Text {
        self.text.json.push_str(self.raw.get(self.copied..from).unwrap_or_default());
        self.copied = self.at;
        self.text
    }

    /// An object with declared attributes.
    fn object(&mut self, shape: &Shape, depth: usize) {
        if depth == DEEPEST {
            return self.any();
        }
        self.at += 1;
        let mut kinds = Kinds { fields: shape.fields, next: 0 };
        while let Some(first) = self.next().filter(|byte| *byte != b'}') {
            let name = self.token(first);
            self.attribute(name, &mut kinds, depth);
        }
        self.at += 1;
    }

    /// The value of an attribute; what cannot mean its type stays as it came. Most values are right
    /// whatever is declared, and then nobody looks.
    fn attribute(&mut self, name: &str, kinds: &mut Kinds, depth: usize) {
        let Some(first) = self.next() else { return };
        let from = self.at;
        match first {
            b'"' => {
                let token = self.token(first);
                if let Some(kind) = may_spell(token).then(|| kinds.of(name)).flatten() {
                    self.spelt(from, token, kind);
                }
            }
            b'{' => match kinds.of(name) {
                Some(Kind::Record(_) | Kind::Records(_)) if self.is_empty_object() => {
                    self.any();
                    self.replace(from).json.push_str("null");
                }
                Some(Kind::Record(shape)) => self.object(shape, depth + 1),
                _ => self.any(),
            },
            b'[' => match kinds.of(name) {
                Some(Kind::Records(shape)) => self.objects(shape, depth + 1),
                _ => self.any(),
            },
            b'-' | b'0'..=b'9' => match kinds.of(name) {
                Some(Kind::Money | Kind::Text | Kind::Choice) => {
                    let token = self.token(first);
                    self.replace(from).json.extend(["\"", token, "\""]);
                }
                _ => self.any(),
            },
            _ => self.pass(first),
        }
    }

    /// A list of objects with declared attributes.
    fn objects(&mut self, shape: &Shape, depth: usize) {
        self.at += 1;
        while let Some(first) = self.next().filter(|byte| *byte != b']') {
            if first == b'{' { self.object(shape, depth) } else { self.any() }
        }
        self.at += 1;
    }

    /// The text that was taken from there, which may spell what the attribute is declared as.
    fn spelt(&mut self, from: usize, token: &str, kind: Kind) {
        match kind {
            Kind::Text | Kind::Choice | Kind::Date | Kind::DateTime | Kind::Percent => {}
            _ if token == "\"\"" => self.replace(from).json.push_str("null"),
            _ => {
                if let Some(scalar) = unquoted(token).filter(|text| is_scalar(text, kind)) {
                    self.replace(from).scalar(scalar);
                }
            }
        }
    }

    /// Any value, with all that it holds. Without recursion, for it may be nested deeper than the stack.
    fn any(&mut self) {
        let mut open = 0_usize;
        while let Some(first) = self.next() {
            let from = self.at;
            match first {
                b'{' | b'[' => (self.at, open) = (from + 1, open + 1),
                b'}' | b']' => (self.at, open) = (from + 1, open.saturating_sub(1)),
                b'-' | b'0'..=b'9' => {
                    let number = self.token(first);
                    if !is_exact(number) {
                        self.replace(from).scalar(number);
                    }
                }
                _ => self.pass(first),
            }
            if open == 0 {
                return;
            }
        }
    }

    fn is_empty_object(&self) -> bool {
        let rest = self.raw.get(self.at..).unwrap_or_default();
        rest.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('}'))
    }
}

/// The attributes that are declared, from the one after that which was looked up last: they come in
/// much the same order.
struct Kinds {
    fields: &'static [(&'static str, Kind)],
    next: usize,
}

impl Kinds {
    /// What is declared under this name, which is a token.
    fn of(&mut self, name: &str) -> Option<Kind> {
        match unquoted(name) {
            Some(name) => self.named(name),
            None => self.named(&serde_json::from_str::<String>(name).ok()?),
        }
    }

    fn named(&mut self, name: &str) -> Option<Kind> {
        let (before, after) = self.fields.split_at_checked(self.next)?;
        let place = |fields: &[(&str, Kind)]| fields.iter().position(|(known, _)| *known == name);
        let found = place(after).map(|place| self.next + place).or_else(|| place(before))?;
        self.next = found + 1;
        self.fields.get(found).map(|(_, kind)| *kind)
    }
}

/// Where a number or a word ends.
fn after_scalar(json: &[u8], from: usize) -> usize {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    from + json.iter().skip(from).take_while(|byte| part(byte)).count()
}

/// Whether JavaScript's number for this one has the same digits.
fn is_exact(number: &str) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits <= SAFE_DIGITS && !number.bytes().any(|byte| matches!(byte, b'e' | b'E')) {
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

/// Whether the text may stand for something else: nothing, a number, or true or false.
fn may_spell(token: &str) -> bool {
    let first = token.as_bytes().get(1);
    matches!(first, Some(b'"' | b'-' | b'0'..=b'9' | b't' | b'f'))
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
        Kind::Number => is_json_number(text),
        _ => false,
    }
}

fn is_json_number(text: &str) -> bool {
    is_number(text) && serde_json::from_str::<&RawValue>(text).is_ok()
}
