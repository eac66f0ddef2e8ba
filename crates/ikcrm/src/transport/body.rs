//! Reads the body of an answer, and unpacks it; both within bounds.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use ureq::Body;
use ureq::http::header::CONTENT_ENCODING;
use ureq::http::{HeaderMap, StatusCode};

use super::attempt::slice;
use super::bounds::MAX_ANSWER;
use super::failure::{Fault, is_of_answer};

/// How much is unpacked before the attempt is asked whether to go on.
const PART: usize = 16 * 1024;

/// What gzip begins with.
const MAGIC: [u8; 2] = [0x1F, 0x8B];

/// The whole body. One that cannot be read counts as none when the status tells a failure anyway.
pub(super) fn read(status: StatusCode, packed: bool, body: Body) -> Result<Vec<u8>, ureq::Error> {
    let failed = status.is_client_error() || status.is_server_error();
    let body = receive(body);
    let body = if packed { body.and_then(|body| Ok(unpack(&body)?)) } else { body };
    match body {
        Err(error) if failed && is_of_answer(&error) => Ok(Vec::new()),
        body => body,
    }
}

fn receive(body: Body) -> Result<Vec<u8>, ureq::Error> {
    let length = body.content_length().unwrap_or_default().min(MAX_ANSWER);
    // Room for the whole answer and a byte to see its end: no growing, few reads.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    body.into_with_config().limit(MAX_ANSWER).reader().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the body came as gzip.
pub(super) fn is_packed(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let encoding = encoding.map(|value| value.trim().to_ascii_lowercase());
    matches!(encoding.as_deref(), Some("gzip" | "x-gzip"))
}

/// Unpacks gzip. Nothing packed is nothing.
fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if packed.is_empty() {
        return Ok(body);
    }
    if !packed.iter().zip(MAGIC).all(|(byte, expected)| *byte == expected) {
        return Err(Fault::of_answer("its body is not gzip, although its header says so").into());
    }
    let unpacked = MultiGzDecoder::new(InParts(packed)).take(MAX_ANSWER + 1).read_to_end(&mut body);
    match unpacked {
        Ok(length) if length as u64 > MAX_ANSWER => {
            Err(Fault::of_answer("its body is larger than 8 MiB when unpacked").into())
        }
        Ok(_) => Ok(body),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Fault::passing("the packed answer was cut short".to_owned()).into())
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
        Err(error) => Err(Fault::of_answer(&format!("its body is not gzip: {error}")).into()),
    }
}

/// Hands out a text in parts, as long as the attempt goes on.
struct InParts<'a>(&'a [u8]);

impl Read for InParts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        slice()?;
        let room = buffer.len().min(PART);
        self.0.read(buffer.get_mut(..room).unwrap_or_default())
    }
}
