//! One call: its token, its attempts, its retries.

mod engine;
mod lookups;
mod session;
mod exchange;
mod trail;
mod retry;

pub(crate) use engine::{Call, Engine};
#[cfg(feature = "fuzzing")]
pub(crate) use retry::{Decision, decide};
