//! Looks through a workbook before it is read, so that a small file cannot ask for all memory. Reading
//! an `.xlsx` file needs the texts that cells share at once, and else only one cell at a time; of `.xls`
//! and `.ods` files all cells are in memory.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::ZipArchive;

use super::file::SheetFile;
use super::line::fault_at;
use super::sniff::{FileKind, name};
use super::{guard_ods, guard_xls};
use crate::error::{Error, FieldErrorCode as Code};

/// How many parts a workbook may have.
const MOST_PARTS: usize = 10_000;
/// What all parts may be unpacked.
const MOST_BYTES: u64 = 16 << 30;
/// What the shared texts may take in memory.
const MOST_SHARED: u64 = 120 << 20;
/// What a shared text takes besides its characters.
const TEXT_COST: u64 = 40;
/// What the parts besides sheets and texts may have: Excel itself knows some 65,000 formats.
const MOST_ELEMENTS: u64 = 300_000;
/// What all cells may take in memory, where they are read at once.
const MOST_CELLS: u64 = 120 << 20;
/// How large an `.xls` file may be, which is looked through in memory.
const MOST_XLS: u64 = 32 << 20;
/// How long a cell may be: Excel takes 32,767 characters.
const LONGEST_CELL: u64 = 4 << 20;

/// What was found in a part.
#[derive(Debug, Default)]
struct Found {
    bytes: u64,
    elements: u64,
    texts: u64,
    longest: u64,
}

/// Refuses a workbook that would take too much memory.
pub(super) fn check(file: &mut SheetFile, path: &Path, kind: FileKind) -> Result<(), Error> {
    if kind == FileKind::Xls {
        return check_xls(file, path);
    }
    check_zipped(file, path, kind)?;
    if kind == FileKind::Ods { check_ods(file, path) } else { Ok(()) }
}

fn check_xls(file: &mut SheetFile, path: &Path) -> Result<(), Error> {
    let size = file.size();
    if size > MOST_XLS {
        let message = "has more than 32 MB, which would have to be in memory; save it as .xlsx";
        return Err(fault_at(name(path), Code::Range, message));
    }
    let mut bytes = Vec::new();
    file.take(MOST_XLS).read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
    let weight = guard_xls::weight(&bytes).map_err(|error| damaged(path, &error))?;
    fits(weight.saturating_add(size), path)
}

fn check_ods(file: &mut SheetFile, path: &Path) -> Result<(), Error> {
    file.rewind().map_err(|error| damaged(path, &error))?;
    let mut archive = ZipArchive::new(&mut *file).map_err(|error| damaged(path, &error))?;
    let content = archive.by_name("content.xml").map_err(|error| damaged(path, &error))?;
    let weight = guard_ods::weight(BufReader::new(content), MOST_CELLS);
    fits(weight.map_err(|error| damaged(path, &error))?, path)
}

fn fits(weight: u64, path: &Path) -> Result<(), Error> {
    if weight <= MOST_CELLS {
        return Ok(());
    }
    let message = "has so many cells that they would take more than 120 MB of memory; save it as \
                   .xlsx or .csv, which are read row by row";
    Err(fault_at(name(path), Code::Range, message))
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> Error {
    fault_at(name(path), Code::Format, format!("is damaged, or cut short ({error})"))
}

fn check_zipped(file: &mut SheetFile, path: &Path, kind: FileKind) -> Result<(), Error> {
    let refuse = |message: String| fault_at(name(path), Code::Range, message);
    let parts = parts(file).map_err(|error| damaged(path, &error))?;
    if parts > MOST_PARTS {
        return Err(refuse(format!("has {parts} parts, more than any workbook")));
    }
    file.rewind().map_err(|error| damaged(path, &error))?;
    let mut archive = ZipArchive::new(&mut *file).map_err(|error| damaged(path, &error))?;
    let has = |part| archive.index_for_name(part).is_some();
    let other = match kind {
        FileKind::Ods if has("xl/workbook.xml") => Some(".xlsx"),
        FileKind::Xlsx if has("mimetype") && has("content.xml") => Some(".ods"),
        _ => None,
    };
    if let Some(other) = other {
        let message = format!("is an {other} file by its content; rename it");
        return Err(fault_at(name(path), Code::Format, message));
    }
    let mut all = 0;
    for number in 0..archive.len() {
        let part = archive.by_index(number).map_err(|error| damaged(path, &error))?;
        let part_name = part.name().map_err(|error| damaged(path, &error))?.to_ascii_lowercase();
        let end = part_name.rsplit('.').next();
        if !matches!(end, Some("xml" | "rels")) {
            continue;
        }
        let found = look(part, |found| too_much(&part_name, found, all + found.bytes));
        match found.map_err(|error| damaged(path, &error))? {
            Ok(bytes) => all += bytes,
            Err(message) => return Err(refuse(message)),
        }
    }
    Ok(())
}

fn too_much(part: &str, found: &Found, all: u64) -> Option<String> {
    let shared = part.ends_with("sharedstrings.xml");
    let sheet = part.contains("worksheets/") || part.ends_with("content.xml");
    let texts = found.bytes.saturating_sub(found.texts * 17) + found.texts * TEXT_COST;
    if all >= MOST_BYTES {
        Some("unpacks to more than 16 GB; save it as .csv".to_owned())
    } else if found.longest > LONGEST_CELL {
        Some(format!(
            "has a cell of more than 4 MB in {part}, more than the 32,767 characters of Excel"
        ))
    } else if shared && texts > MOST_SHARED {
        Some(
            "has more than 120 MB of texts, which would have to be in memory; save it as .csv"
                .into(),
        )
    } else if !shared && !sheet && found.elements > MOST_ELEMENTS {
        Some(format!(
            "has more than {MOST_ELEMENTS} elements in {part}; copy the cells to a new workbook"
        ))
    } else {
        None
    }
}

/// How many parts the archive says to have, before they are read.
fn parts(file: &mut SheetFile) -> std::io::Result<usize> {
    const END: u64 = 22;
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(END + 65_535);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(END + 65_535).read_to_end(&mut tail)?;
    let end = tail.windows(12).rev().find(|bytes| bytes.starts_with(b"PK\x05\x06"));
    let counted = end.and_then(|end| end.get(10..12)).map(|count| match count {
        [low, high] => usize::from(u16::from_le_bytes([*low, *high])),
        _ => 0,
    });
    counted.ok_or_else(|| std::io::Error::other("its end is missing"))
}

/// Unpacks a part, piece by piece, and keeps nothing; tells its size, or why it is too much.
fn look(
    mut part: impl Read,
    too_much: impl Fn(&Found) -> Option<String>,
) -> std::io::Result<Result<u64, String>> {
    let (mut found, mut tag) = (Found::default(), Tag::default());
    let mut piece = vec![0; 1 << 16];
    let mut since = 0;
    loop {
        let read = part.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        found.bytes += u64::try_from(read).unwrap_or_default();
        for byte in bytes {
            since += 1;
            if let Some(element) = tag.take(*byte) {
                found.elements += 1;
                found.texts += u64::from(element == Element::Text);
                since = if element == Element::Other { since } else { 0 };
            }
        }
        found.longest = found.longest.max(since);
        if let Some(message) = too_much(&found) {
            return Ok(Err(message));
        }
    }
    Ok(Ok(found.bytes))
}

/// What an element is.
#[derive(Debug, PartialEq, Eq)]
enum Element {
    /// A text that cells share.
    Text,
    /// What begins anew: a cell, a row, or one of the many things beside the cells.
    Anew,
    Other,
}

/// The name of the tag that is being read.
#[derive(Debug, Default)]
struct Tag {
    inside: bool,
    name: [u8; 16],
    length: usize,
}

impl Tag {
    /// The element that this byte ends the name of.
    fn take(&mut self, byte: u8) -> Option<Element> {
        if byte == b'<' {
            (self.inside, self.length) = (true, 0);
            return None;
        }
        if !self.inside {
            return None;
        }
        match byte {
            b'>' | b' ' | b'/' | b'\r' | b'\n' | b'\t' if self.length > 0 => {
                self.inside = false;
                Some(element(self.name.get(..self.length).unwrap_or_default()))
            }
            b'/' => {
                self.inside = false;
                None
            }
            // What stands before a colon is not a part of the name.
            b':' => {
                self.length = 0;
                None
            }
            byte => {
                if let Some(place) = self.name.get_mut(self.length) {
                    *place = byte;
                    self.length += 1;
                }
                None
            }
        }
    }
}

fn element(name: &[u8]) -> Element {
    match name {
        b"si" => Element::Text,
        b"c" | b"row" | b"table-cell" | b"table-row" | b"col" | b"mergeCell" | b"hyperlink"
        | b"cfRule" | b"dataValidation" | b"xf" | b"font" | b"fill" | b"border" | b"ext"
        | b"brk" | b"style" | b"Relationship" | b"sheet" | b"definedName" => Element::Anew,
        _ => Element::Other,
    }
}
