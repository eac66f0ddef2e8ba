//! Runs the target that `FUZZ` names over the inputs that libFuzzer makes; `run.sh` builds it.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));

#[cfg(fuzzing)]
static TARGET: std::sync::LazyLock<ikcrm_fuzz::Target> = std::sync::LazyLock::new(|| {
    let name = std::env::var("FUZZ").unwrap_or_default();
    match ikcrm_fuzz::TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => *target,
        None => panic!("set FUZZ to one of {:?}", ikcrm_fuzz::TARGETS.map(|(name, _)| name)),
    }
});

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("this program was built without libFuzzer; tests/fuzz/run.sh builds it with");
}
