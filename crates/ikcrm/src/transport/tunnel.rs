//! Asks an HTTP proxy for a tunnel to the CRM.

use std::io;

use super::failure::{Fault, while_doing};
use super::head::{self, Head};
use super::names::Place;
use super::proxy::ProxyUrl;
use super::tcp::Layer;

/// The longest head of a proxy's answer, interim ones included.
const MAX_HEAD: usize = 64 * 1024;

/// Opens a tunnel to `target` over a connection to the proxy.
pub(super) fn open(link: &mut dyn Layer, proxy: &ProxyUrl, target: &Place) -> io::Result<()> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(authorization) = &proxy.authorization {
        request.extend(["Proxy-Authorization: ", authorization, "\r\n"]);
    }
    request += "\r\n";
    let place = &proxy.place;
    let answer = link.write_all(request.as_bytes()).and_then(|()| read_head(link));
    let answer =
        answer.map_err(while_doing(format_args!("asking the proxy {place} for a tunnel")))?;
    match status(&answer) {
        Some(200..300) => Ok(()),
        Some(status) => Err(refusal(status, proxy, target).into()),
        None => Err(Fault::permanent(format!("{place} is not an HTTP proxy; check proxy")).into()),
    }
}

/// The head of the proxy's answer. The CRM does not speak before it is spoken to, so nothing else
/// comes.
fn read_head(link: &mut dyn Layer) -> io::Result<Vec<u8>> {
    let (mut answer, mut interim) = (Vec::new(), 0);
    loop {
        match head::look(&answer) {
            Head::Interim(length) => {
                interim += length;
                answer.drain(..length);
            }
            Head::Incomplete if answer.len() + interim < MAX_HEAD => {
                let mut part = [0; 1024];
                let received = link.read(&mut part)?;
                if received == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                answer.extend_from_slice(part.get(..received).unwrap_or_default());
            }
            _ => return Ok(answer),
        }
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let digits = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn refusal(status: u16, proxy: &ProxyUrl, target: &Place) -> Fault {
    let place = &proxy.place;
    match status {
        407 if proxy.authorization.is_some() => Fault::permanent(format!(
            "the proxy {place} refused the user name or the password in proxy (HTTP 407)"
        )),
        407 => Fault::permanent(format!(
            "the proxy {place} asks for a user name and a password (HTTP 407); give them in proxy: \
             http://user:password@{place}"
        )),
        408 | 429 | 500.. => {
            Fault::passing(format!("the proxy {place} could not reach {target} (HTTP {status})"))
        }
        _ => Fault::permanent(format!(
            "the proxy {place} refused a connection to {target} (HTTP {status})"
        )),
    }
}
