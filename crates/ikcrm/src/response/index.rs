//! `Index`: the keys of a JSON object, and where each one's value lies in its text.

use std::borrow::Cow;
use std::fmt;
use std::num::TryFromIntError;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

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

    /// Where the last value ends.
    pub(crate) fn end(&self) -> Option<usize> {
        self.entries.last().map(|entry| entry.value.range().end)
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

    fn push(&mut self, key: Cow<'_, str>, value: &str, text: &str) -> Result<(), TryFromIntError> {
        let key = match key {
            Cow::Borrowed(key) => span(key, text),
            Cow::Owned(key) => {
                let start = text.len() + self.spelt.len();
                self.spelt.push_str(&key);
                start..start + key.len()
            }
        };
        let value = Part::new(&span(value, text))?;
        self.entries.push(Entry { key: Part::new(&key)?, value });
        Ok(())
    }
}

/// Where `part` lies in `whole`, of which it is a slice.
pub(crate) fn span(part: &str, whole: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + part.len()
}

/// The keys of the JSON object that is the part `range` of `text`.
pub(super) fn read_index(text: &str, range: Range<usize>) -> Result<Index, serde_json::Error> {
    let object = text.get(range).unwrap_or_default();
    let mut deserializer = serde_json::Deserializer::from_str(object);
    let index = Entries(text).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(index)
}

/// A key as it is spelt in the text, unless escapes are in it. Half an escaped character, which JSON
/// allows and text cannot hold, is shown as `\u{FFFD}`: the other keys are still to be had.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(NameOf)
    }
}

struct NameOf;

impl<'de> Visitor<'de> for NameOf {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Name<'de>, E> {
        Ok(Name(String::from_utf8_lossy(bytes)))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name<'de>, E> {
        Ok(Name(String::from_utf8_lossy(bytes).into_owned().into()))
    }
}

/// Reads the keys of an object in this text.
pub(crate) struct Entries<'a>(pub(crate) &'a str);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Index;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Index, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Index;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Index, A::Error> {
        let mut index = Index::default();
        while let Some((key, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            index.push(key.0, value.get(), self.0).map_err(serde::de::Error::custom)?;
        }
        index.entries.shrink_to_fit();
        Ok(index)
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
        assert_eq!(index.end(), text.rfind(" }"));
    }
}
