//! HTTP/1.1 over one socket: reads a request, writes an answer.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// The most bytes of a request's head, and of its body.
const MOST_HEAD: usize = 64 << 10;
const MOST_BODY: usize = 2 << 20;
const MOST_HEADERS: usize = 64;

/// A request as it came.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path and, after `?`, the query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether another may follow on the same connection.
    pub(crate) keep_alive: bool,
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }
}

/// An answer to send.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    content_type: &'static str,
    body: String,
    /// The methods that the page has, when it has not the one that was asked for.
    allow: Option<&'static str>,
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        let content_type = "application/json; charset=utf-8";
        Self { status: 200, content_type, body: body.to_string(), allow: None }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, content_type, body: body.to_owned(), allow: None }
    }

    pub(crate) fn allowing(methods: &'static str) -> Self {
        Self { allow: Some(methods), ..Self::text(405, "") }
    }

    /// The bytes to send; to `HEAD` without the body.
    pub(crate) fn bytes(&self, request: &Request) -> Vec<u8> {
        let (status, body) = (self.status, self.body.as_str());
        let mut bytes = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        let mut header = |name: &str, value: &str| write!(bytes, "{name}: {value}\r\n").ok();
        header("content-type", self.content_type);
        header("content-length", &body.len().to_string());
        if let Some(methods) = self.allow {
            header("allow", methods);
        }
        if !request.keep_alive {
            header("connection", "close");
        }
        bytes.push_str("\r\n");
        if request.method != "HEAD" {
            bytes.push_str(body);
        }
        bytes.into_bytes()
    }
}

/// The words that belong to a status.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Payload Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        431 => "Request Header Fields Too Large",
        _ if status < 500 => "Client Error",
        _ => "Server Error",
    }
}

/// Why a request cannot be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It is not HTTP, or too large: the status to answer with.
    Bad(u16),
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

const BAD: ReadError = ReadError::Bad(400);

/// What a connection reads from, with what was read too far.
pub(crate) struct Reader<'a> {
    stream: &'a TcpStream,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next request; none when the client hung up.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, ReadError> {
        loop {
            if let Some((mut request, length)) = head(&self.buffer)? {
                self.buffer.drain(..length);
                request.body = self.body(&request)?;
                return Ok(Some(request));
            }
            if self.buffer.len() > MOST_HEAD {
                return Err(ReadError::Bad(431));
            }
            if !self.more()? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(BAD) };
            }
        }
    }

    fn body(&mut self, request: &Request) -> Result<Vec<u8>, ReadError> {
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        match request.header("transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => self.chunks(),
            Some(_) => Err(BAD),
            None => {
                let length = request.header("content-length").unwrap_or("0");
                self.take(length.parse().map_err(|_| BAD)?)
            }
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut body = Vec::new();
        loop {
            let (start, size) = loop {
                match httparse::parse_chunk_size(&self.buffer).map_err(|_| BAD)? {
                    httparse::Status::Complete(found) => break found,
                    httparse::Status::Partial => self.must_have_more()?,
                }
            };
            self.buffer.drain(..start);
            let size = usize::try_from(size).map_err(|_| ReadError::Bad(413))?;
            body.extend(self.take(size)?);
            if body.len() > MOST_BODY {
                return Err(ReadError::Bad(413));
            }
            // A trailer is not looked for: nobody here sends one.
            if self.take(2)? != b"\r\n" {
                return Err(BAD);
            }
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, ReadError> {
        if length > MOST_BODY {
            return Err(ReadError::Bad(413));
        }
        while self.buffer.len() < length {
            self.must_have_more()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn must_have_more(&mut self) -> Result<(), ReadError> {
        if self.more()? { Ok(()) } else { Err(BAD) }
    }

    /// Reads on; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        let mut piece = [0; 8192];
        let length = self.stream.read(&mut piece)?;
        self.buffer.extend(piece.iter().take(length));
        Ok(length > 0)
    }
}

/// The head of a request and its length, once all of it has come.
fn head(bytes: &[u8]) -> Result<Option<(Request, usize)>, ReadError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(bytes).map_err(|_| BAD)? else {
        return Ok(None);
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers: parsed.headers.iter().map(|h| (h.name.to_lowercase(), text(h.value))).collect(),
        ..Request::default()
    };
    let connection = request.header("connection").unwrap_or_default();
    request.keep_alive = parsed.version == Some(1) && !connection.eq_ignore_ascii_case("close");
    Ok(Some((request, length)))
}

/// The names and values of a query.
pub(crate) fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decoded = |text: &str| decode(&text.replace('+', " "));
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// Puts the bytes of `%XX` in.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let pairs = parameters("query=%E7%A4%BA+x&created_at[]=a&created_at%5B%5D=b&stage&100%=%4");
        let text: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(text.join("&"), "query=示 x&created_at[]=a&created_at[]=b&stage=&100%=%4");
    }
}
