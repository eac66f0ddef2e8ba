//! What the benchmarks share: the least HTTP that both ends of a loopback connection need.

use std::io::{self, Read};

/// Reads one HTTP message with a `Content-Length` into `buffer`; returns its length, 0 at the end.
///
/// # Errors
///
/// When the connection breaks, or the message has no length.
pub fn read_message(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        let free = buffer.get_mut(filled..).filter(|free| !free.is_empty());
        let received = stream.read(free.ok_or(io::ErrorKind::OutOfMemory)?)?;
        if received == 0 {
            return Ok(0);
        }
        filled += received;
        if let Some(length) = message_length(buffer.get(..filled).unwrap_or_default())
            && filled >= length
        {
            return Ok(length);
        }
    }
}

/// The length of head and body, once the head is there.
fn message_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + length.unwrap_or(0))
}
