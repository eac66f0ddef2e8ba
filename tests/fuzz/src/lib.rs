//! What is fuzzed: each target takes any bytes, and panics when a promise is broken.
#![expect(clippy::expect_used, reason = "what fails here is a finding")]

mod base_url;
mod compound;
mod decode;
mod job_file;
mod json;
mod query;
mod quota;
mod redis;
mod retry;
mod sheet;
mod token;
mod update;
mod values;

/// Checks one input; what it finds wrong is a panic.
pub type Target = fn(&[u8]);

/// All targets by name; each has a folder of inputs in `corpus`.
pub const TARGETS: [(&str, Target); 10] = [
    ("base_url", base_url::run),
    ("decode", decode::run),
    ("job_file", job_file::run),
    ("query", query::run),
    ("quota", quota::run),
    ("redis", redis::run),
    ("retry", retry::run),
    ("sheet", sheet::run),
    ("token", token::run),
    ("update", update::run),
];
