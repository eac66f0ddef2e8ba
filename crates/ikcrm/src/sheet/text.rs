//! Lines of `.csv` and `.tsv` files.

use std::io::{Cursor, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use super::encoding::{Row, Text, detect};
use super::file::SheetFile;
use super::line::{Line, Raw, fault_at};
use super::options::SheetOptions;
use super::sniff::{name, unreadable};
use crate::error::{Error, FieldErrorCode as Code};
use crate::input::Value;

/// By how much of the text the delimiter is found.
const HEAD: u64 = 1 << 16;
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The lines of a text file.
pub(super) struct TextLines {
    reader: csv::Reader<Box<dyn Read>>,
    record: StringRecord,
    row: Row,
    name: String,
    /// How many line breaks there were within cells.
    breaks: u64,
}

/// Reads a text file; tabs stand between the cells of a `.tsv`.
pub(super) fn open(
    mut file: SheetFile,
    path: &Path,
    tabs: bool,
    options: &SheetOptions,
) -> Result<TextLines, Error> {
    let encoding = detect(&mut file, path, options.encoding.as_deref())?;
    let mut text = Text::new(file, encoding);
    let row = text.row();
    let mut head = Vec::new();
    let read = text.by_ref().take(HEAD).read_to_end(&mut head);
    read.map_err(|error| unreadable(path, &error))?;
    let (told, skipped) = told_in_file(&head);
    let delimiter = options.delimiter.or(told).unwrap_or_else(|| delimiter(&head, tabs));
    let head = head.split_off(skipped);
    let text: Box<dyn Read> = Box::new(Cursor::new(head).chain(text));
    let mut builder = ReaderBuilder::new();
    let reader = builder.has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
    Ok(TextLines { reader, record: StringRecord::new(), row, name: name(path), breaks: 0 })
}

/// The delimiter that Excel's own first line `sep=;` tells, and how long that line is.
fn told_in_file(head: &[u8]) -> (Option<u8>, usize) {
    match head {
        [b's', b'e', b'p', b'=', delimiter, b'\n', ..] => (Some(*delimiter), 6),
        _ => (None, 0),
    }
}

/// What the first lines have most of, outside of quotes.
fn delimiter(head: &[u8], tabs: bool) -> u8 {
    let (mut counts, mut quoted, mut lines) = ([0_u32; 4], false, 0);
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => lines += 1,
            byte if !quoted => {
                let known = DELIMITERS.iter().zip(&mut counts).find(|(known, _)| *known == byte);
                if let Some((_, count)) = known {
                    *count += 1;
                }
            }
            _ => {}
        }
        if lines == 5 {
            break;
        }
    }
    let standard = if tabs { b'\t' } else { b',' };
    let best = DELIMITERS.iter().zip(counts).rev().max_by_key(|(_, count)| *count);
    match best {
        Some((found, count)) if count > 0 && !tabs => *found,
        _ => standard,
    }
}

impl TextLines {
    fn failed(&self, error: &csv::Error) -> Error {
        fault_at(&*self.name, Code::Format, format!("cannot be read: {error}"))
    }
}

impl Iterator for TextLines {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.row.begin();
        match self.reader.read_record(&mut self.record) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => return Some(Err(self.failed(&error))),
        }
        // A row's number is that of its line, but for line breaks within cells.
        let breaks = self.record.iter().flat_map(str::bytes).filter(|byte| *byte == b'\n').count();
        self.breaks += u64::try_from(breaks).unwrap_or_default();
        let number = self.reader.position().line().saturating_sub(self.breaks + 1);
        let cells = self.record.iter().map(|cell| Raw::Value(Value::Text(unwrapped(cell).into())));
        Some(Ok(Line { number, cells: cells.collect() }))
    }
}

/// The text of a cell that is written as the formula `="00123"`, so that Excel keeps it as text.
fn unwrapped(cell: &str) -> &str {
    cell.strip_prefix("=\"").and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
}
