//! Reads requests and makes answers, to the byte.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::case::{Respond, SampleOf};

const SAMPLE: &str = include_str!("../../contract/sample_answer.json");
const FIELD_MAP: &str = include_str!("../../contract/sample_field_map.json");
const CUSTOM_FIELDS: &str = include_str!("../../contract/sample_custom_fields.json");

/// A request as it came; header names are in lower case.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// The next request of a connection; nothing when the client hung up.
pub(crate) fn read_request(stream: &mut impl Read) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    loop {
        if let Some((mut request, head)) = parse(&bytes)? {
            request.body = bytes.split_off(head);
            let length = request.headers.get("content-length").and_then(|text| text.parse().ok());
            let missing = length.unwrap_or(0_usize).saturating_sub(request.body.len());
            stream.take(missing as u64).read_to_end(&mut request.body)?;
            return Ok(Some(request));
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer)? {
            0 if bytes.is_empty() => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            received => bytes.extend_from_slice(buffer.get(..received).unwrap_or_default()),
        }
    }
}

/// The head of a request and its length, once it is there.
fn parse(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = parsed.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value)));
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    Ok(Some((request, head)))
}

/// The bytes of an answer, as far as they are to be sent.
pub(crate) fn answer(respond: &Respond) -> io::Result<Vec<u8>> {
    if let Some(raw) = &respond.raw {
        let bytes = respond.raw_base64.as_deref().map(base64).transpose()?;
        return Ok([raw.as_bytes(), &bytes.unwrap_or_default()].concat());
    }
    let mut body = body(respond)?;
    let mut head = vec![format!("HTTP/1.1 {} Scripted", respond.status.unwrap_or(200))];
    let content_type = respond.content_type.as_deref();
    let mut header = |name: &str, value: &str| head.push(format!("{name}: {value}"));
    header("Content-Type", content_type.unwrap_or("application/json; charset=utf-8"));
    if respond.gzip {
        body = gzip(&body)?;
        header("Content-Encoding", "gzip");
    }
    if respond.chunked {
        body = chunks(&body);
        header("Transfer-Encoding", "chunked");
    } else {
        header("Content-Length", &body.len().to_string());
    }
    if respond.close {
        header("Connection", "close");
    }
    for (name, value) in &respond.headers {
        header(name, value);
    }
    body.truncate(respond.cut_at.unwrap_or(body.len()));
    Ok([head.join("\r\n").as_bytes(), b"\r\n\r\n", &body].concat())
}

fn body(respond: &Respond) -> io::Result<Vec<u8>> {
    Ok(match respond {
        Respond { json: Some(json), .. } => json.to_string().into_bytes(),
        Respond { text: Some(text), .. } => text.clone().into_bytes(),
        Respond { base64: Some(text), .. } => base64(text)?,
        Respond { sample: Some(changes), .. } if changes.is_empty() => SAMPLE.into(),
        Respond { sample: Some(changes), .. } => {
            let mut sample: Value = serde_json::from_str(SAMPLE)?;
            if let Some(data) = sample.get_mut("data").and_then(Value::as_object_mut) {
                data.extend(changes.clone());
            }
            sample.to_string().into_bytes()
        }
        Respond { sample_of: Some(SampleOf::FieldMap), .. } => FIELD_MAP.into(),
        Respond { sample_of: Some(SampleOf::CustomFields), .. } => CUSTOM_FIELDS.into(),
        Respond { large: Some(size), .. } => {
            format!(r#"{{"code":0,"data":{{"id":1,"note":"{}"}}}}"#, "x".repeat(*size)).into_bytes()
        }
        _ => Vec::new(),
    })
}

/// What follows an answer without end.
pub(crate) fn repeated(respond: &Respond) -> io::Result<Option<Vec<u8>>> {
    match (&respond.repeat, &respond.repeat_base64) {
        (Some(text), _) => Ok(Some(text.clone().into_bytes())),
        (None, Some(text)) => base64(text).map(Some),
        (None, None) => Ok(None),
    }
}

fn base64(text: &str) -> io::Result<Vec<u8>> {
    BASE64_STANDARD.decode(text).map_err(io::Error::other)
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

/// The body in three chunks.
fn chunks(body: &[u8]) -> Vec<u8> {
    let mut chunked = Vec::new();
    for chunk in body.chunks(body.len().div_ceil(3).max(1)) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    chunked
}
