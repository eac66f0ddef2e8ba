//! `Scan`: where the values of a JSON text begin and end, without reading them.
//!
//! It takes what `serde_json` takes to ignore a value, and nothing else; `tests/fuzz` holds it to
//! that. Most of an answer is never looked at, so this is most of what decoding costs: texts and white
//! space are passed over sixteen bytes at a time.

use std::ops::Range;

use wide::u8x16;

/// How many bytes of a text are looked at at once.
const BLOCK: usize = 16;

/// A place in a JSON text.
pub(crate) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// The text from this place on.
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text: text.as_bytes(), at }
    }

    /// The first byte that is no white space; it is not taken.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.at = after_white(self.text, self.at);
        self.text.get(self.at).copied()
    }

    /// Whether nothing but white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Takes an object: where it lies. `member` takes each value, and is told where its key lies, with
    /// the quotes. Nothing when it is no object, or is malformed.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Range<usize>) -> Option<()>,
    ) -> Option<Range<usize>> {
        self.items(b'{', b'}', |scan| {
            let key = scan.at;
            let end = after_text(scan.text, key)?;
            scan.at = after_colon(scan.text, end)?;
            member(scan, key..end)
        })
    }

    /// Takes a list: where its values lie. Nothing when it is no list, or is malformed.
    pub(crate) fn list(&mut self) -> Option<Vec<Range<usize>>> {
        let mut values = Vec::new();
        self.items(b'[', b']', |scan| {
            values.push(scan.value()?);
            Some(())
        })?;
        Some(values)
    }

    /// Takes what stands between brackets, with commas between; where it lies, with the brackets.
    fn items(
        &mut self,
        opening: u8,
        closing: u8,
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<Range<usize>> {
        (self.peek()? == opening).then_some(())?;
        let start = self.at;
        self.at += 1;
        if self.peek()? == closing {
            self.at += 1;
            return Some(start..self.at);
        }
        loop {
            self.peek();
            item(self)?;
            let next = self.peek()?;
            self.at += 1;
            match next {
                b',' => {}
                next if next == closing => return Some(start..self.at),
                _ => return None,
            }
        }
    }

    /// Takes a value of any kind and depth: where it lies.
    pub(crate) fn value(&mut self) -> Option<Range<usize>> {
        let start = after_white(self.text, self.at);
        self.at = after_value(self.text, start)?;
        Some(start..self.at)
    }
}

// What is below tells where something ends that begins at this place; nothing when it does not.

fn after_value(text: &[u8], mut at: usize) -> Option<usize> {
    // What closes each list and object that is open.
    let mut open = Vec::new();
    loop {
        at = match *text.get(at)? {
            b'"' => after_text(text, at)?,
            bracket @ (b'{' | b'[') => {
                // In ASCII a bracket's other half is two places on.
                let closing = bracket + 2;
                at = after_white(text, at + 1);
                if *text.get(at)? == closing {
                    at + 1
                } else {
                    open.push(closing);
                    at = after_key(text, at, closing)?;
                    continue;
                }
            }
            b'-' => after_number(text, at + 1)?,
            b'0'..=b'9' => after_number(text, at)?,
            _ => after_word(text, at)?,
        };
        loop {
            let Some(&closing) = open.last() else { return Some(at) };
            at = after_white(text, at);
            match *text.get(at)? {
                b',' => {
                    at = after_key(text, after_white(text, at + 1), closing)?;
                    break;
                }
                byte if byte == closing => at += 1,
                _ => return None,
            }
            open.pop();
        }
    }
}

/// A key with its colon, where this is the inside of an object.
#[inline]
fn after_key(text: &[u8], at: usize, closing: u8) -> Option<usize> {
    if closing == b'}' { after_colon(text, after_text(text, at)?) } else { Some(at) }
}

#[inline]
fn after_colon(text: &[u8], at: usize) -> Option<usize> {
    let at = after_white(text, at);
    (*text.get(at)? == b':').then(|| after_white(text, at + 1))
}

#[inline]
fn after_white(text: &[u8], at: usize) -> usize {
    match (text.get(at), text.get(at + 1)) {
        (Some(..=b' '), Some(..=b' ')) => after_some_white(text, at),
        (Some(b' ' | b'\n' | b'\r' | b'\t'), _) => at + 1,
        _ => at,
    }
}

/// More than one byte of it: mostly a line's end, and the blanks that the next line begins with.
fn after_some_white(text: &[u8], mut at: usize) -> usize {
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let white = white(*block);
        at += white;
        if white < BLOCK {
            return at;
        }
    }
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// How many of these bytes come before one that is no white space.
#[inline]
fn white(block: [u8; BLOCK]) -> usize {
    let bytes = u8x16::new(block);
    let is = |byte| bytes.simd_eq(u8x16::splat(byte));
    let white = is(b' ') | is(b'\n') | is(b'\r') | is(b'\t');
    (!white.to_bitmask()).trailing_zeros() as usize
}

/// Where the text in quotes ends that begins at this place of a JSON text; nothing when none does.
#[doc(hidden)]
#[inline]
#[must_use]
pub fn after_text(text: &[u8], at: usize) -> Option<usize> {
    (*text.get(at)? == b'"').then_some(())?;
    let mut at = at + 1;
    loop {
        if let Some(block) = text.get(at..)?.first_chunk() {
            let plain = plain(*block);
            at += plain;
            if plain == BLOCK {
                continue;
            }
        }
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = after_escape(text, at + 1)?,
            ..0x20 => return None,
            _ => at += 1,
        }
    }
}

/// How many of these bytes come before one that ends a text or may not stand in it.
#[inline]
fn plain(block: [u8; BLOCK]) -> usize {
    let bytes = u8x16::new(block);
    let is = |byte| bytes.simd_eq(u8x16::splat(byte));
    let is_control = bytes.min(u8x16::splat(0x1F)).simd_eq(bytes);
    let marks = (is(b'"') | is(b'\\') | is_control).to_bitmask();
    (marks | 1 << BLOCK).trailing_zeros() as usize
}

fn after_escape(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at..)? {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(at + 1),
        [b'u', digits @ ..] => digits.get(..4)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 5),
        _ => None,
    }
}

fn after_number(text: &[u8], at: usize) -> Option<usize> {
    let mut at = if text.get(at) == Some(&b'0') { at + 1 } else { after_digits(text, at)? };
    if text.get(at) == Some(&b'.') {
        at = after_digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = matches!(text.get(at + 1), Some(b'+' | b'-'));
        at = after_digits(text, at + 1 + usize::from(sign))?;
    }
    Some(at)
}

fn after_digits(text: &[u8], at: usize) -> Option<usize> {
    let digits = text.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then_some(at + digits)
}

fn after_word(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word.as_bytes()));
    word.map(|word| at + word.len())
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn takes(text: &str) -> bool {
        let mut scan = Scan::new(text, 0);
        scan.value().is_some() && scan.is_at_end()
    }

    #[test]
    fn it_takes_what_serde_json_takes() {
        let scalars = "0 -0 01 -01 1. .1 1.5 1e 1e5 1E+5 1e-05 -1.0e10 - + 1_0 1a tru true truex nul \
                       null false NaN \"\" \" \"a\" \"\\n\" \"\\u00e9\" \"\\ud800\" \"\\u12\" \"\\u12g4\" \
                       \"\\x\" \"\\\" \"商机商机商机商机\" \"12345678\" \"1234567\\\"89\"";
        let shapes =
            ["@", " @ ", "[@]", "[@,@]", "[ @ , [@] ]", "{\"a\":@}", "{\"a\" : {\"b\":[@]} }"];
        let broken =
            ["", "[@", "@]", "[@,]", "[,@]", "{@}", "{\"a\"@}", "{\"a\":@,}", "{\"a\":@]", "[@}"];
        let mut taken = 0;
        for shape in shapes.iter().chain(&broken) {
            for scalar in scalars.split(' ').chain(["\"\t\"", "\"1234567\n89\"", "\n\r\t       7"])
            {
                let text = shape.replace('@', scalar);
                let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
                assert_eq!(takes(&text), expected, "{text:?}");
                taken += usize::from(expected);
            }
        }
        assert!(taken > 100, "{taken}");
    }

    #[test]
    fn depth_is_no_matter() {
        assert!(takes(&("[".repeat(100_000) + &"]".repeat(100_000))));
        assert!(!takes(&("[".repeat(100_000) + &"]".repeat(99_999))));
    }

    #[test]
    fn every_byte_is_judged_wherever_it_stands_in_a_block() {
        for byte in 0..=0x7F_u8 {
            for place in 0..40 {
                let mut text = vec![b' '; 40];
                text[place] = byte;
                let text = String::from_utf8(text).unwrap();
                for text in [format!("\"{text}\""), format!("[1{text}]")] {
                    let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
                    assert_eq!(takes(&text), expected, "{text:?}");
                }
            }
        }
    }
}
