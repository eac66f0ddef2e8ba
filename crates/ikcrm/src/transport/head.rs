//! Looks at the head of an answer before ureq does: interim answers and folded lines. Pure.

/// What the first bytes of an answer are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// More must come to tell.
    Incomplete,
    /// An interim answer (1xx) of this length, which says nothing.
    Interim(usize),
    /// A head of this length.
    Final(usize),
    /// No HTTP at all.
    Foreign,
}

/// What these bytes begin with.
pub(super) fn look(bytes: &[u8]) -> Head {
    const VERSION: &[u8] = b"HTTP/1.";
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let text = bytes.get(blank..).unwrap_or_default();
    if !text.iter().zip(VERSION).all(|(byte, expected)| byte == expected) {
        return Head::Foreign;
    }
    let Some(length) = end(text) else { return Head::Incomplete };
    match text.get(8..12) {
        Some([b' ', b'1', rest @ ..]) if rest != b"01" && rest.iter().all(u8::is_ascii_digit) => {
            Head::Interim(blank + length)
        }
        _ => Head::Final(blank + length),
    }
}

/// The length of a head with its blank line.
fn end(text: &[u8]) -> Option<usize> {
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    ends.into_iter().find_map(|at| match text.get(at..)? {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    })
}

/// Makes one line of each header that goes on after a line's end, as RFC 9112 asks (5.2).
pub(super) fn unfold(head: &mut [u8]) {
    for at in 1..head.len() {
        let folded = matches!(head.get(at - 1..=at), Some([b'\n', b' ' | b'\t']));
        if !folded {
            continue;
        }
        let blanks = if at >= 2 && head.get(at - 2) == Some(&b'\r') { 2 } else { 1 };
        if let Some(end) = head.get_mut(at - blanks..at) {
            end.fill(b' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_told_from_an_interim_one_and_from_no_http() {
        for (text, head) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", Head::Final(25)),
            ("\r\nHTTP/1.1 200 OK\nA: b\n\nbody", Head::Final(24)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200", Head::Interim(25)),
            ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", Head::Interim(37)),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Head::Final(36)),
            ("HTTP/1.1 1xx What\r\n\r\n", Head::Final(21)),
            ("HTTP/1.1 200 OK\r\nA: b\r\n", Head::Incomplete),
            ("HT", Head::Incomplete),
            ("", Head::Incomplete),
            ("SSH-2.0", Head::Foreign),
        ] {
            assert_eq!(look(text.as_bytes()), head, "{text:?}");
        }
    }

    #[test]
    fn folded_lines_become_one() {
        for (folded, line) in [
            ("A: b\r\n c\r\n\td\r\n\r\n", "A: b   c  \td\r\n\r\n"),
            ("A: b\n c\n\n", "A: b  c\n\n"),
            ("A: b\r\nC: d\r\n\r\n", "A: b\r\nC: d\r\n\r\n"),
        ] {
            let mut head = folded.as_bytes().to_vec();
            unfold(&mut head);
            assert_eq!(String::from_utf8(head).unwrap(), line);
        }
    }
}
