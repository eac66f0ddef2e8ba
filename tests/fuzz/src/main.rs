//! Runs the target that `FUZZ` names over the inputs that libFuzzer makes.
#![no_main]
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

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// Checks one input; what it finds wrong is a panic.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 10] = [
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

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ").unwrap_or_default();
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => *target,
        None => panic!("set FUZZ to one of {:?}", TARGETS.map(|(name, _)| name)),
    }
});

fuzz_target!(|data: &[u8]| TARGET(data));
