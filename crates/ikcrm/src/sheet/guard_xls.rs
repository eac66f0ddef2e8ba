//! How much memory the cells of an `.xls` file take, which are read at once; told from its records,
//! before anything is kept of them.

use super::compound;
use super::weight::{CELL, Cells, TEXT};

/// How many pieces one record may be in; a table of shared texts has one for each 8 KB.
const MOST_PIECES: usize = 10_000;
/// What a byte of text takes at most, whatever its encoding.
const WIDEST: u64 = 3;

/// The bytes that reading takes besides the file itself, or why it cannot be read.
pub(super) fn weight(file: &[u8]) -> Result<u64, &'static str> {
    let stream = compound::workbook(file)?;
    let globals = Globals::read(&stream)?;
    let (mut all, mut most, mut walked) = (globals.weight, 0, 0);
    for start in &globals.sheets {
        let bytes = stream.get(*start..).ok_or("a sheet is missing")?;
        let (kept, aside, read) = sheet(bytes, &globals)?;
        walked += read;
        if walked > stream.len() {
            return Err("its sheets overlap");
        }
        all += kept;
        most = most.max(aside);
    }
    Ok(all + most + u64::try_from(stream.len()).unwrap_or(u64::MAX))
}

/// What all sheets share.
#[derive(Default)]
struct Globals {
    /// Where the sheets begin.
    sheets: Vec<usize>,
    /// How much room each shared text takes.
    texts: Vec<u32>,
    /// The longest name that a formula can have in it.
    longest_name: u64,
    weight: u64,
}

impl Globals {
    fn read(stream: &[u8]) -> Result<Self, &'static str> {
        let mut globals = Self::default();
        for record in records(stream) {
            let record = record?;
            let length = length_of(record.data);
            match record.kind {
                0x000A => break,
                0x0085 => {
                    let start = record.data.get(..4).and_then(|start| start.try_into().ok());
                    let start = start.map(u32::from_le_bytes).ok_or("a sheet has no place")?;
                    globals.sheets.push(usize::try_from(start).unwrap_or(usize::MAX));
                    globals.name(length.saturating_sub(8));
                }
                0x0018 => globals.name(length.saturating_sub(14)),
                0x00FC => globals.texts(record)?,
                // Formats of cells, and what sheets of other files are called.
                _ => globals.weight += length,
            }
        }
        Ok(globals)
    }

    /// The name of a sheet or of cells.
    fn name(&mut self, length: u64) {
        self.longest_name = self.longest_name.max(length.min(255) * WIDEST);
        self.weight += length * WIDEST * 2 + 2 * TEXT;
    }

    /// The table of shared texts.
    fn texts(&mut self, record: Record<'_>) -> Result<(), &'static str> {
        let mut rest = Pieces { now: record.data, next: record.pieces.into_iter() };
        rest.skip(8)?;
        while rest.is_more() {
            let characters = rest.number::<2>()?;
            let flags = rest.number::<1>()?;
            let runs = if flags & 8 == 0 { 0 } else { rest.number::<2>()? };
            let extended = if flags & 4 == 0 { 0 } else { rest.number::<4>()? };
            rest.characters(characters, flags & 1 == 1)?;
            rest.skip(runs * 4 + extended)?;
            let room = u64::try_from(characters).unwrap_or(u64::MAX) * WIDEST;
            self.texts.push(u32::try_from(room).unwrap_or(u32::MAX));
            self.weight += room + 2 * TEXT + 8;
        }
        Ok(())
    }
}

/// What is kept of a sheet, what is only needed aside while it is read, and how much was looked at.
fn sheet(stream: &[u8], globals: &Globals) -> Result<(u64, u64, usize), &'static str> {
    let (mut cells, mut formulas) = (Cells::default(), Cells::default());
    let (mut reserved, mut merged, mut depth, mut read) = (0, 0, 0_u32, 0);
    for record in records(stream) {
        let record = record?;
        let data = record.data;
        read += record.length;
        let place = || Some((number(data, 0)?, number(data, 2)?));
        let text = length_of(data) * WIDEST;
        match record.kind {
            0x0809 => depth += 1,
            0x000A if depth <= 1 => break,
            0x000A => depth -= 1,
            _ if depth > 1 => {}
            0x0200 => reserved += room(data),
            0x0203 | 0x0205 | 0x027E => cells.put(place(), 0),
            0x0204 | 0x00D6 => cells.put(place(), text),
            0x00FD => {
                let index = data.get(6..10).and_then(|index| index.try_into().ok());
                let index = index.map(u32::from_le_bytes).and_then(|index| index.try_into().ok());
                let room = index.and_then(|index: usize| globals.texts.get(index));
                cells.put(place(), room.copied().unwrap_or_default().into());
            }
            0x00BD => {
                let (row, first) = place().ok_or("a row of numbers is cut short")?;
                for column in 0..u32::try_from(data.len().saturating_sub(6) / 6).unwrap_or(0) {
                    cells.put(Some((row, first + column)), 0);
                }
            }
            // A formula, and the text that it brought.
            0x0006 => {
                cells.put(place(), 0);
                // Five bytes are a name, three the name of a function.
                formulas.put(place(), length_of(data) * (globals.longest_name / 5 + 8));
            }
            0x0207 => cells.put(None, text),
            0x00E5 => merged += length_of(data) * 2,
            _ => {}
        }
    }
    let kept = cells.kept() + formulas.kept() + merged;
    let aside = cells.listed(reserved) + formulas.listed(0);
    Ok((kept, aside.max(cells.kept()), read))
}

/// The memory that is asked for by what a sheet says of its size.
fn room(data: &[u8]) -> u64 {
    let wide = |at: usize| data.get(at..at + 4).and_then(|four| four.try_into().ok());
    let wide = |at: usize| wide(at).map(u32::from_le_bytes);
    let (first, end, column, columns) = match data.len() {
        10 => (number(data, 0), number(data, 2), number(data, 4), number(data, 6)),
        _ => (wide(0), wide(4), number(data, 8), number(data, 10)),
    };
    let [first, end, column, columns] =
        [first, end, column, columns].map(Option::unwrap_or_default);
    let column = if column > 0xFF || columns < column { 0 } else { column };
    let span = |first: u32, end: u32| match end.saturating_sub(1) {
        last if end == 0 || last >= first => u64::from(last.saturating_sub(first)) + 1,
        // What is less than nothing becomes more than there can be.
        _ => u64::from(u32::MAX),
    };
    if end == 0 || columns == 0 {
        return 0;
    }
    span(first, end).saturating_mul(span(column, columns)).saturating_mul(CELL)
}

/// A record of the stream, with the pieces that go on with it.
struct Record<'s> {
    kind: u32,
    data: &'s [u8],
    pieces: Vec<&'s [u8]>,
    length: usize,
}

fn records(mut stream: &[u8]) -> impl Iterator<Item = Result<Record<'_>, &'static str>> {
    std::iter::from_fn(move || {
        if stream.is_empty() {
            return None;
        }
        let record = record(stream);
        stream = record.as_ref().ok().and_then(|record| stream.get(record.length..)).unwrap_or(&[]);
        Some(record)
    })
}

fn record(stream: &[u8]) -> Result<Record<'_>, &'static str> {
    const GOES_ON: u32 = 0x003C;
    let one = |at: usize| {
        let length = usize::try_from(number(stream, at + 2)?).ok()?;
        Some((number(stream, at)?, stream.get(at + 4..at + 4 + length)?))
    };
    let (kind, data) = one(0).ok_or("a record is cut short")?;
    let (mut length, mut pieces) = (4 + data.len(), Vec::new());
    while let Some((GOES_ON, piece)) = one(length) {
        pieces.push(piece);
        length += 4 + piece.len();
        if pieces.len() > MOST_PIECES {
            return Err("a record has too many pieces");
        }
    }
    Ok(Record { kind, data, pieces, length })
}

/// A record that is read piece by piece.
struct Pieces<'s> {
    now: &'s [u8],
    next: std::vec::IntoIter<&'s [u8]>,
}

impl<'s> Pieces<'s> {
    fn is_more(&mut self) -> bool {
        while self.now.is_empty() {
            let Some(next) = self.next.next() else { return false };
            self.now = next;
        }
        true
    }

    fn take(&mut self, most: usize) -> Result<&'s [u8], &'static str> {
        if !self.is_more() {
            return Err("a text is cut short");
        }
        let (taken, rest) = self.now.split_at(most.min(self.now.len()));
        self.now = rest;
        Ok(taken)
    }

    fn skip(&mut self, mut length: usize) -> Result<(), &'static str> {
        while length > 0 {
            length -= self.take(length)?.len();
        }
        Ok(())
    }

    fn number<const N: usize>(&mut self) -> Result<usize, &'static str> {
        let bytes = self.take(N)?;
        let whole = bytes.len() == N;
        let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte));
        if whole { Ok(number) } else { Err("a text is cut short") }
    }

    /// Passes over characters; each further piece says anew how wide they are.
    fn characters(&mut self, mut count: usize, mut wide: bool) -> Result<(), &'static str> {
        while count > 0 {
            let width = if wide { 2 } else { 1 };
            let taken = self.take(count * width)?.len();
            count -= taken.div_ceil(width);
            if count > 0 {
                wide = self.take(1)?.first().is_some_and(|flags| flags & 1 == 1);
            }
        }
        Ok(())
    }
}

fn number(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes).map(u32::from)
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
