//! Sheets: whatever the file, it ends in rows that stand below each other or in an error of validation;
//! and a text file has the rows and cells that it was written with.

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Once;

use ikcrm::{Error, SheetOptions, fuzz};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::compound;

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

pub(crate) fn run(data: &[u8]) {
    be_quiet();
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 8 {
        0 => drop(read("csv", data, None)),
        1 => drop(read("xlsx", data, None)),
        2 => drop(read("xls", data, None)),
        3 => drop(read("ods", data, None)),
        4 => drop(read("xlsx", &xlsx(data), None)),
        5 => drop(read("xls", &compound::around(data), None)),
        6 => drop(read("ods", &ods(data), None)),
        _ => check_round_trip(data),
    }
}

/// A panic of the crate that reads workbooks is an error of the file; one that is not caught is still a
/// finding. Only its usual words would hide what libFuzzer tells.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}

/// The rows of a file with this content, as they were given: each with its number.
fn read(end: &str, content: &[u8], header: Option<u64>) -> Vec<(u64, Vec<serde_json::Value>)> {
    let path = PathBuf::from(format!("/dev/shm/ikcrm-fuzz-{}.{end}", std::process::id()));
    fs::write(&path, content).expect("the file can be written");
    let options = SheetOptions::new().coerce(true).clear_text("-");
    let options = header.into_iter().fold(options, SheetOptions::header);
    let read = fuzz::sheet(&path, &options);
    match read {
        Ok(rows) => {
            let numbers = rows.iter().zip(rows.iter().skip(1));
            assert!(end == "csv" || numbers.clone().all(|(one, next)| one.0 < next.0), "{rows:?}");
            rows
        }
        Err(Error::Validation { fields, .. }) => {
            assert!(fields.iter().all(|fault| !fault.message.is_empty()));
            Vec::new()
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// A workbook whose sheet, shared texts and formats these are, with a zero byte between.
fn xlsx(data: &[u8]) -> Vec<u8> {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let book = format!(
        r#"<workbook xmlns="{main}" xmlns:r="{RELATIONS}"><sheets><sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>"#
    );
    let relations = format!(
        r#"<Relationships><Relationship Id="a" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="b" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="c" Type="{RELATIONS}/styles" Target="styles.xml"/></Relationships>"#
    );
    zipped(&[
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", part()),
        ("xl/sharedStrings.xml", part()),
        ("xl/styles.xml", part()),
    ])
}

fn ods(content: &[u8]) -> Vec<u8> {
    zipped(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", b"<manifest:manifest/>"),
        ("content.xml", content),
    ])
}

fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in parts {
        archive.start_file(*name, stored).expect("a part can be begun");
        archive.write_all(content).expect("a part can be written");
    }
    archive.finish().expect("it can be closed").into_inner()
}

/// Lines of text, each with its cells after tabs, written as a `.csv` file with everything quoted.
fn check_round_trip(data: &[u8]) {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| !text.contains('\0')) else {
        return;
    };
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let rows: Vec<Vec<&str>> = text.split('\n').map(|row| row.split('\t').collect()).collect();
    let lines = rows.iter().map(|row| row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>());
    let lines: Vec<_> = lines.map(|row| row.join(",")).collect();
    let content = format!("\u{feff}\"id\",\"note\"\r\n{}\r\n", lines.join("\r\n"));
    let unified = |cell: &str| {
        let cell = cell.replace('\r', "\n");
        let inner = cell.strip_prefix("=\"").and_then(|cell| cell.strip_suffix('"'));
        inner.map_or(cell.clone(), str::to_owned)
    };
    let written = rows.iter().map(|row| row.iter().map(|cell| unified(cell)).collect::<Vec<_>>());
    let is_blank = |row: &[String]| row.iter().all(|cell| cell.trim().is_empty());
    let written: Vec<_> = written.filter(|row| !is_blank(row)).collect();
    let found = read("csv", content.as_bytes(), Some(1));
    let found = found.into_iter().map(|(_, cells)| {
        cells.iter().map(|cell| cell.as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    });
    let found: Vec<_> = found.collect();
    assert_eq!(found, written);
}
