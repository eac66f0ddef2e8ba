//! What is fuzzed: each target takes any bytes, and panics when a promise is broken.
#![expect(clippy::expect_used, reason = "what fails here is a finding")]

mod base_url;
mod decode;
mod json;
mod query;
mod quota;
mod redis;
mod retry;
mod token;
mod update;
mod values;

/// Checks one input; what it finds wrong is a panic.
pub type Target = fn(&[u8]);

/// All targets by name; each has a folder of inputs in `corpus`.
pub const TARGETS: [(&str, Target); 8] = [
    ("base_url", base_url::run),
    ("decode", decode::run),
    ("query", query::run),
    ("quota", quota::run),
    ("redis", redis::run),
    ("retry", retry::run),
    ("token", token::run),
    ("update", update::run),
];
