//! Plays the exchanges of one connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::case::{Exchange, Fault, Then};
use crate::script::Script;
use crate::{exchange, http};

/// A plain or an encrypted connection.
pub(crate) trait Stream: Read + Write {
    /// The socket beneath.
    fn socket(&self) -> &TcpStream;

    /// Says that nothing more comes, if there is a way to say it.
    fn say_goodbye(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

/// Serves requests until the client or the script hangs up.
pub(crate) fn serve(mut stream: impl Stream, script: &Script) -> io::Result<()> {
    let mut earlier = 0;
    while let Some(request) = http::read_request(&mut stream)? {
        let Some(exchange) = script.next() else { return Ok(()) };
        script.note(exchange::problems(&exchange, &request, earlier));
        earlier += 1;
        if !play(&mut stream, &exchange)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Answers a request, or fails as told; tells whether the connection goes on.
fn play(stream: &mut impl Stream, exchange: &Exchange) -> io::Result<bool> {
    match exchange.fault {
        Some(Fault::CloseBeforeAnswer) => return Ok(false),
        Some(Fault::ResetBeforeAnswer) => return reset(stream),
        Some(Fault::GoodbyeBeforeAnswer) => return stream.say_goodbye().map(|()| false),
        Some(Fault::CloseMidHeaders) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Ty")?;
            return Ok(false);
        }
        Some(Fault::Garbage) => {
            stream.write_all(b"this is no HTTP at all\r\n\r\n")?;
            return Ok(false);
        }
        // Returns when the client gives up.
        Some(Fault::Stall) => return stream.read_to_end(&mut Vec::new()).map(|_| false),
        None => {}
    }
    let respond = exchange.respond.clone().unwrap_or_default();
    stream.write_all(&http::answer(&respond)?)?;
    stream.flush()?;
    while let Some(part) = http::repeated(&respond)? {
        stream.write_all(&part)?;
    }
    match respond.then {
        Some(Then::Reset) => reset(stream),
        Some(Then::Close) => Ok(false),
        Some(Then::Goodbye) => stream.say_goodbye().map(|()| false),
        None => Ok(!respond.close && respond.cut_at.is_none()),
    }
}

/// Closing with no time to linger resets the connection.
fn reset(stream: &impl Stream) -> io::Result<bool> {
    rustix::net::sockopt::set_socket_linger(stream.socket(), Some(Duration::ZERO))?;
    Ok(false)
}
