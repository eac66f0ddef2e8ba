//! Which encoding a text file has, and its text piece by piece.

use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{DecoderResult, Encoding, GB18030, UTF_8};

use super::file::SheetFile;
use super::line::fault_at;
use super::sniff::{name, unreadable};
use crate::error::{Error, FieldErrorCode as Code};

const PIECE: usize = 1 << 16;
/// How much text one row may have: a quote that is never closed would take the rest of the file.
const LONGEST_ROW: u64 = 16 << 20;

/// The file's encoding, as told, by its first bytes, or by what its text can be.
pub(super) fn detect(
    file: &mut SheetFile,
    path: &Path,
    told: Option<&str>,
) -> Result<&'static Encoding, Error> {
    let failed = |error: io::Error| unreadable(path, &error);
    if let Some(told) = told {
        return Encoding::for_label(told.as_bytes()).ok_or_else(|| {
            let message =
                format!("there is no encoding {told:?}; write utf-8, gb18030 or utf-16le");
            fault_at("encoding", Code::Unknown, message)
        });
    }
    let mut head = [0; 3];
    let read = file.read(&mut head).map_err(failed)?;
    file.rewind().map_err(failed)?;
    if let Some((encoding, _)) = Encoding::for_bom(head.get(..read).unwrap_or_default()) {
        return Ok(encoding);
    }
    for encoding in [UTF_8, GB18030] {
        let fits = fits(file, encoding).map_err(failed)?;
        file.rewind().map_err(failed)?;
        if fits {
            return Ok(encoding);
        }
    }
    let message = "is neither UTF-8 nor GB18030 (GBK); name its encoding with `encoding`";
    Err(fault_at(name(path), Code::Format, message))
}

/// Whether all of the file is text in this encoding.
fn fits(file: &SheetFile, encoding: &'static Encoding) -> io::Result<bool> {
    let mut text = Text::new(file.again()?, encoding);
    let mut piece = vec![0; PIECE];
    loop {
        text.begin_row();
        match text.read(&mut piece) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// A file's text as UTF-8.
pub(super) struct Text {
    file: SheetFile,
    decoder: encoding_rs::Decoder,
    encoding: &'static Encoding,
    bytes: Vec<u8>,
    /// How much of `bytes` is decoded already.
    used: usize,
    /// What is decoded, as far as it is not handed out yet.
    decoded: Vec<u8>,
    given: usize,
    /// Whether a `\r` was held back, of which the line feed may follow.
    returned: bool,
    ended: bool,
    row: Row,
}

/// How much text was read since the row began.
#[derive(Clone, Default)]
pub(super) struct Row(Arc<AtomicU64>);

impl Row {
    pub(super) fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn is_too_long(&self, more: usize) -> bool {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        self.0.fetch_add(more, Ordering::Relaxed).saturating_add(more) > LONGEST_ROW
    }
}

impl Text {
    pub(super) fn new(file: SheetFile, encoding: &'static Encoding) -> Self {
        Self {
            file,
            decoder: encoding.new_decoder_with_bom_removal(),
            encoding,
            bytes: Vec::new(),
            used: 0,
            decoded: Vec::new(),
            given: 0,
            returned: false,
            ended: false,
            row: Row::default(),
        }
    }

    fn begin_row(&self) {
        self.row.begin();
    }

    /// What counts the text of a row.
    pub(super) fn row(&self) -> Row {
        self.row.clone()
    }

    /// Decodes the next piece of the file.
    fn fill(&mut self) -> io::Result<()> {
        self.decoded.clear();
        self.given = 0;
        while self.decoded.is_empty() && !self.ended {
            if self.used == self.bytes.len() {
                self.used = 0;
                self.bytes.resize(PIECE, 0);
                let read = self.file.read(&mut self.bytes)?;
                self.bytes.truncate(read);
                self.ended = read == 0;
            }
            let source = self.bytes.get(self.used..).unwrap_or_default();
            self.decoded.resize(PIECE * 3, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                source,
                &mut self.decoded,
                self.ended,
            );
            self.used += read;
            self.decoded.truncate(written);
            if let DecoderResult::Malformed(..) = result {
                let message = format!("it has bytes that are not {} text", self.encoding.name());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.unify_line_ends();
        }
        Ok(())
    }

    /// Leaves line feeds alone: what Excel has within cells, and what lines are counted by.
    fn unify_line_ends(&mut self) {
        let mut unified = Vec::with_capacity(self.decoded.len() + 1);
        for byte in self.decoded.drain(..) {
            if self.returned && byte != b'\n' {
                unified.push(b'\n');
            }
            self.returned = byte == b'\r';
            if !self.returned {
                unified.push(byte);
            }
        }
        if self.ended && std::mem::take(&mut self.returned) {
            unified.push(b'\n');
        }
        self.decoded = unified;
    }
}

impl Read for Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.decoded.len() {
            self.fill()?;
        }
        let rest = self.decoded.get(self.given..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.given += count;
        if self.row.is_too_long(count) {
            let message = "one row has more than 16 MB of text; perhaps a quote is not closed";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(count)
    }
}
