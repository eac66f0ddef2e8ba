//! How much memory the cells of an `.ods` file take, which are read at once; told from its content,
//! before anything is kept of it. One cell may stand for a million, by saying how often it repeats.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::weight::{DATA, TEXT};

/// What is never passed by what is counted.
const ENOUGH: u64 = 1 << 40;

/// The bytes that reading takes, or why the content cannot be read; more than `most` is not counted on.
pub(super) fn weight(content: impl BufRead, most: u64) -> Result<u64, String> {
    let mut reader = Reader::from_reader(content);
    let config = reader.config_mut();
    // What reads the cells later waits for the end of a table, and never gives up.
    config.check_end_names = true;
    config.expand_empty_elements = true;
    let (mut buffer, mut seen, mut open) = (Vec::new(), Tables::default(), 0_u64);
    loop {
        match reader.read_event_into(&mut buffer).map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                open += 1;
                seen.begin(&tag);
            }
            Event::End(tag) => {
                open = open.saturating_sub(1);
                seen.end(tag.name().as_ref());
            }
            Event::Text(text) => seen.text(text.len()),
            Event::GeneralRef(text) => seen.text(text.len()),
            Event::Eof if open > 0 => return Err("its last table has no end".to_owned()),
            Event::Eof => return Ok(seen.weight()),
            _ => {}
        }
        if seen.weight() > most {
            return Ok(seen.weight());
        }
        buffer.clear();
    }
}

/// What was read so far.
#[derive(Default)]
struct Tables {
    /// What the tables before this one take, and what the largest of them takes once more, for it is
    /// copied.
    before: u64,
    copied: u64,
    /// The most that was needed so far.
    most: u64,
    table: Table,
}

/// The table that is read.
#[derive(Default)]
struct Table {
    /// The cells of its rows, each row once; and all rows as often as they stand there.
    cells: u64,
    rows: u64,
    /// How many rows stand empty since the last one that does not.
    empty: u64,
    widest: u64,
    /// The texts of rows, each row once; and as often as they stand there.
    texts: u64,
    all_texts: u64,
    formulas: bool,
    row: Row,
}

/// The row that is read.
#[derive(Default)]
struct Row {
    repeats: u64,
    cells: u64,
    /// How many cells are empty since the last one that is not.
    empty: u64,
    texts: u64,
    cell: Cell,
}

/// The cell that is read.
#[derive(Default)]
struct Cell {
    repeats: u64,
    filled: bool,
    number: bool,
    text: u64,
}

impl Tables {
    fn weight(&self) -> u64 {
        self.most.max(sum(self.before, self.copied)).max(sum(self.before, self.table.weight()))
    }

    fn begin(&mut self, tag: &BytesStart<'_>) {
        let row = &mut self.table.row;
        match tag.name().as_ref() {
            "table:table-row" => {
                *row =
                    Row { repeats: repeats(tag, "table:number-rows-repeated"), ..Row::default() };
            }
            "table:table-cell" | "table:covered-table-cell" => {
                let has = |part: &str| tag.attributes_raw().contains(part);
                // Attributes can be its text, and where one is its number, what else it has is not read.
                let texts = ["string-value", "date-value", "time-value", "formula"];
                self.table.formulas |= has("formula");
                row.cell = Cell {
                    repeats: repeats(tag, "table:number-columns-repeated"),
                    filled: has("value") || has("formula"),
                    number: has("office:value=") && !has("string-value"),
                    text: if texts.into_iter().any(has) { length(tag.len()) } else { 0 },
                };
            }
            "text:s" => row.cell.text = sum(row.cell.text, repeats(tag, "text:c")),
            _ => {}
        }
    }

    fn text(&mut self, bytes: usize) {
        let cell = &mut self.table.row.cell;
        if !cell.number {
            cell.text = sum(cell.text, length(bytes));
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "table:table-cell" | "table:covered-table-cell" => self.table.row.end_cell(),
            "table:table-row" => self.table.end_row(),
            "table:table" => {
                self.most = self.weight();
                let table = std::mem::take(&mut self.table);
                self.before = sum(self.before, table.kept());
                self.copied = self.copied.max(sum(table.data(), table.all_texts));
            }
            _ => {}
        }
    }
}

impl Row {
    fn end_cell(&mut self) {
        let cell = std::mem::take(&mut self.cell);
        if !cell.filled {
            self.empty = sum(self.empty, cell.repeats);
            return;
        }
        self.cells = sum(self.cells, sum(self.empty, cell.repeats));
        self.empty = 0;
        let text = if cell.text > 0 { sum(cell.text, TEXT) } else { 0 };
        self.texts = sum(self.texts, times(cell.repeats, text));
    }
}

impl Table {
    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if row.cells == 0 {
            self.empty = sum(self.empty, row.repeats);
            return;
        }
        self.cells = sum(self.cells, row.cells);
        self.rows = sum(self.rows, sum(self.empty, row.repeats));
        self.empty = 0;
        self.widest = self.widest.max(row.cells);
        self.texts = sum(self.texts, row.texts);
        self.all_texts = sum(self.all_texts, times(row.repeats, row.texts));
    }

    /// Each cell, and its formula, in lists that grow, and then in a table.
    fn weight(&self) -> u64 {
        let cells = sum(sum(self.row.cells, self.row.empty), self.cells);
        let texts = sum(sum(self.texts, self.row.texts), self.row.cell.text);
        sum(sum(times(cells, 3 * DATA), texts), self.kept())
    }

    /// What stays of it: a place for each cell, and one for each formula if there is one.
    fn kept(&self) -> u64 {
        sum(times(self.data(), if self.formulas { 2 } else { 1 }), self.all_texts)
    }

    fn data(&self) -> u64 {
        times(times(self.rows, self.widest), DATA)
    }
}

/// What the attribute says of how often something stands there.
fn repeats(tag: &BytesStart<'_>, name: &str) -> u64 {
    let text = tag.attributes_raw();
    let mut most = 1;
    for (place, _) in text.match_indices(name) {
        let said = text.get(place + name.len()..).unwrap_or_default();
        let said = said
            .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '+'));
        let digits = said.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        // What is no number, or too long for one, is more than there can be.
        most = most.max(digits.parse().unwrap_or(ENOUGH));
    }
    most.min(ENOUGH)
}

fn sum(one: u64, other: u64) -> u64 {
    one.saturating_add(other).min(ENOUGH)
}

fn times(one: u64, other: u64) -> u64 {
    one.saturating_mul(other).min(ENOUGH)
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(ENOUGH)
}
