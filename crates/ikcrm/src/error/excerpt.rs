//! What an error may show of an answer: cut, and without secrets.

use std::fmt;

/// The longest words of the CRM that an error shows, in characters.
const LONGEST_MESSAGE: usize = 500;
/// Shorter ones would take words apart, and hide nothing.
const SHORTEST_SECRET: usize = 4;
/// The longest beginning of an answer that an error holds, in characters.
const LONGEST_EXCERPT: usize = 200;
/// How much of an answer is kept until secrets are taken out of it: one may lie across the end of
/// what is shown.
const KEPT: usize = 4096;

/// The beginning of an answer, which may hold names and telephone numbers. It is printed nowhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Excerpt(Option<Box<str>>);

impl Excerpt {
    /// The beginning of this text; nothing of an empty one.
    pub(crate) fn of(text: &str) -> Self {
        Self((!text.is_empty()).then(|| cut(text, KEPT).into()))
    }

    /// The same as it may be held: without secrets, and no longer than is of use.
    pub(super) fn without(&self, secrets: &[&str]) -> Self {
        Self(self.text().map(|text| cut(&redacted(text, secrets), LONGEST_EXCERPT).into()))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The text's first characters.
fn cut(text: &str, longest: usize) -> &str {
    text.char_indices().nth(longest).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The text without a secret, plain or as JSON spells it.
fn redact(text: String, secret: &&str) -> String {
    if secret.len() < SHORTEST_SECRET {
        return text;
    }
    let spelt = serde_json::Value::from(*secret).to_string();
    let spelt = spelt.trim_matches('"');
    text.replace(secret, "***").replace(spelt, "***")
}

/// The text without these secrets.
pub(super) fn redacted(text: &str, secrets: &[&str]) -> String {
    secrets.iter().fold(text.to_owned(), redact)
}

/// The same as a message: no longer than is of use.
pub(super) fn shortened(text: &str, secrets: &[&str]) -> String {
    let text = redacted(text, secrets);
    match cut(&text, LONGEST_MESSAGE) {
        whole if whole.len() == text.len() => text,
        begin => format!("{begin}…"),
    }
}
