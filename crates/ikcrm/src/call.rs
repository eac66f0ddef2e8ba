//! One call: its token, its attempts, its retries.

mod engine;
mod exchange;
mod lookups;
mod retry;
mod session;

pub(crate) use engine::{Call, Engine};
