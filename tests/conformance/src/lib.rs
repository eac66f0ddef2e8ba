//! A loopback server that follows a script, so that every language's tests meet the same CRM.
//!
//! A [`Case`] of `tests/vectors` scripts the exchanges: what each request must be and what it gets.
//! [`Server::start`] plays one case; [`Server::finish`] tells what did not go by the script. The
//! binary `scripted-server` offers both over standard input and output.

mod case;
mod connection;
mod exchange;
mod http;
mod job;
mod proxy;
mod script;
mod server;
mod spans;
mod tls;

pub use case::{
    Call, Case, Exchange, Expect, Fault, ListensAs, Method, Outcome, Respond, Store, Tls,
};
pub use job::{Change, JobCase, JobFault, Step};
pub use proxy::{JobServer, WireFault};
pub use server::{Address, Report, Server};
pub use spans::{Span, Spans};
