//! `Index`: the keys of a JSON object, and where each one's value lies in its text.

use std::borrow::Cow;
use std::fmt;
use std::num::TryFromIntError;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use super::scan::Scan;

/// For how many keys there is room at first.
const USUAL_KEYS: usize = 16;

/// The keys of an object, in order. They weigh little, since an answer may be nothing but keys.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    /// The keys that are spelt with escapes, as if they came after the text.
    spelt: String,
}

#[derive(Debug)]
struct Entry {
    key: Part,
    value: Part,
}

/// A part of a text: from where to where.
#[derive(Debug)]
struct Part(u32, u32);

impl Part {
    fn new(range: &Range<usize>) -> Result<Self, TryFromIntError> {
        Ok(Self(range.start.try_into()?, range.end.try_into()?))
    }

    fn range(&self) -> Range<usize> {
        let place = |place| usize::try_from(place).unwrap_or(usize::MAX);
        place(self.0)..place(self.1)
    }
}

impl Index {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where the value of this key lies; the last one if it came twice.
    pub(crate) fn find(&self, key: &str, text: &str) -> Option<Range<usize>> {
        let mut entries = self.entries(text).rev();
        entries.find(|(known, _)| *known == key).map(|(_, range)| range)
    }

    /// The keys, and where their values lie in the text.
    pub(super) fn entries<'a>(
        &'a self,
        text: &'a str,
    ) -> impl DoubleEndedIterator<Item = (&'a str, Range<usize>)> {
        self.entries.iter().map(|entry| (self.key(entry, text), entry.value.range()))
    }

    fn key<'a>(&'a self, entry: &Entry, text: &'a str) -> &'a str {
        let Range { start, end } = entry.key.range();
        let key = match start.checked_sub(text.len()) {
            Some(start) => self.spelt.get(start..end - text.len()),
            None => text.get(start..end),
        };
        key.unwrap_or_default()
    }

    /// Adds the key that lies there, with its quotes.
    fn push(
        &mut self,
        text: &str,
        key: Range<usize>,
        value: Range<usize>,
    ) -> Result<(), TryFromIntError> {
        let key = match name(text.get(key.clone()).unwrap_or_default()) {
            Cow::Borrowed(_) => key.start + 1..key.end - 1,
            Cow::Owned(name) => {
                let start = text.len() + self.spelt.len();
                self.spelt.push_str(&name);
                start..start + name.len()
            }
        };
        self.entries.push(Entry { key: Part::new(&key)?, value: Part::new(&value)? });
        Ok(())
    }
}

/// Takes the JSON object that comes next: where it lies in `text`, and its keys. Nothing when it is no
/// object or is malformed.
pub(crate) fn take_object(scan: &mut Scan<'_>, text: &str) -> Option<(Range<usize>, Index)> {
    let entries = Vec::with_capacity(USUAL_KEYS);
    let mut index = Index { entries, spelt: String::new() };
    let range = scan.object(|scan, key| {
        let value = scan.value()?;
        index.push(text, key, value).ok()
    })?;
    index.entries.shrink_to_fit();
    Some((range, index))
}

/// The keys of the JSON object that is the part `range` of `text`.
pub(super) fn read_index(text: &str, range: Range<usize>) -> Option<Index> {
    let mut scan = Scan::new(text.get(..range.end)?, range.start);
    let (_, index) = take_object(&mut scan, text)?;
    scan.is_at_end().then_some(index)
}

/// The key of which this is the JSON text. Half an escaped character, which JSON allows and text
/// cannot hold, is shown as `\u{FFFD}`: the other keys are still to be had.
pub(crate) fn name(quoted: &str) -> Cow<'_, str> {
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => plain.into(),
        _ => serde_json::from_str(quoted).map(|Name(name)| name.into()).unwrap_or_default(),
    }
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(NameOf)
    }
}

struct NameOf;

impl Visitor<'_> for NameOf {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name, E> {
        Ok(Name(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an index holds on the heap.
    fn weight(index: &Index) -> usize {
        index.entries.capacity() * size_of::<Entry>() + index.spelt.capacity()
    }

    #[test]
    fn an_answer_of_nothing_but_keys_weighs_a_few_times_its_text() {
        for entry in [r#""":1,"#, r#""k":1,"#, r#""\u006b":1,"#] {
            let text = format!("{{{}{}}}", entry.repeat(10_000), entry.trim_end_matches(','));
            let index = read_index(&text, 0..text.len()).unwrap();
            assert_eq!(index.len(), 10_001);
            assert!(weight(&index) < text.len() * 4, "{} of {}", weight(&index), text.len());
        }
    }

    #[test]
    fn keys_are_read_as_they_are_meant() {
        let text = r#" {"a":1, "\u0061b" : "x", "\"":{} } "#;
        let index = read_index(text, 0..text.len()).unwrap();
        let entries = index.entries(text).map(|(key, value)| (key, &text[value]));
        assert_eq!(entries.collect::<Vec<_>>(), [("a", "1"), ("ab", "\"x\""), ("\"", "{}")]);
    }
}
