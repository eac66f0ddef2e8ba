//! What kind of file it is, by its name and by how it begins.

use std::io::Read;
use std::path::Path;

use super::file::SheetFile;
use super::line::fault_at;
use crate::error::{Error, FieldErrorCode as Code};
use crate::sync::Cancel;

/// The kinds of files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Text with separators; `.tsv` has tabs.
    Text {
        tabs: bool,
    },
    Xlsx,
    Xls,
    Ods,
}

impl FileKind {
    /// The kind that the name of a file promises.
    pub(super) fn of_name(path: &Path) -> Result<Self, Error> {
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        match end.to_ascii_lowercase().as_str() {
            "csv" | "txt" => Ok(Self::Text { tabs: false }),
            "tsv" | "tab" => Ok(Self::Text { tabs: true }),
            "xlsx" | "xlsm" => Ok(Self::Xlsx),
            "xls" => Ok(Self::Xls),
            "ods" => Ok(Self::Ods),
            "xlsb" | "numbers" | "et" => Err(fault_at(
                name(path),
                Code::Format,
                "this kind of file cannot be read; save it as .xlsx",
            )),
            _ => {
                let message = "must end in .xlsx, .xls, .ods, .csv or .tsv";
                Err(fault_at(name(path), Code::Format, message))
            }
        }
    }
}

/// What the first bytes tell.
#[derive(Debug, PartialEq, Eq)]
enum Begins {
    Nothing,
    Zip,
    Compound,
    Html,
    Xml,
    Binary,
    Text,
}

/// Opens the file, if its content is what its name promises.
pub(super) fn open(path: &Path, cancel: Option<&Cancel>) -> Result<(SheetFile, FileKind), Error> {
    let kind = FileKind::of_name(path)?;
    let failed = |error: std::io::Error| unreadable(path, &error);
    let mut file = SheetFile::open(path, cancel).map_err(failed)?;
    if file.is_folder().map_err(failed)? {
        return Err(fault_at(name(path), Code::Type, "is a folder, not a file"));
    }
    let mut head = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut head).map_err(failed)?;
    std::io::Seek::rewind(&mut file).map_err(failed)?;
    let begins = begins(&head);
    let message = match (kind, &begins) {
        (FileKind::Xlsx | FileKind::Ods, Begins::Zip)
        | (FileKind::Xls, Begins::Compound)
        | (FileKind::Text { .. }, Begins::Text | Begins::Xml) => return Ok((file, kind)),
        (_, Begins::Nothing) => "is empty",
        (_, Begins::Html) => {
            "is a web page, whatever its name says; open it in Excel and save it as .xlsx"
        }
        (FileKind::Xlsx, Begins::Compound) => {
            "is an .xls file by its content, or one with a password; save it as .xlsx without a \
             password"
        }
        (_, Begins::Compound) => "is an .xls file by its content; rename it",
        (_, Begins::Zip) => "is an .xlsx or .ods file by its content; rename it",
        (_, Begins::Binary) => "is neither text nor a workbook",
        (_, Begins::Text) => "is a text file by its content; rename it to .csv",
        (_, Begins::Xml) => "is an XML file by its content; open it in Excel and save it as .xlsx",
    };
    Err(fault_at(name(path), Code::Format, message))
}

fn begins(head: &[u8]) -> Begins {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let tag = text.get(..text.len().min(512)).unwrap_or_default().to_ascii_lowercase();
    match head {
        [] => Begins::Nothing,
        _ if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") => Begins::Zip,
        _ if head.starts_with(b"\xd0\xcf\x11\xe0") => Begins::Compound,
        _ if tag.starts_with(b"<!doctype html") || tag.starts_with(b"<html") => Begins::Html,
        _ if tag.starts_with(b"<table") || tag.starts_with(b"<meta") => Begins::Html,
        _ if tag.starts_with(b"<?xml") => Begins::Xml,
        _ if !wide && head.contains(&0) => Begins::Binary,
        _ => Begins::Text,
    }
}

/// The file's name, for messages.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// An error of reading the file.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
        _ => format!("cannot be read: {error}"),
    };
    fault_at(name(path), Code::Format, message)
}
