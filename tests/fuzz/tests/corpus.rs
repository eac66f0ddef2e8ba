//! The targets over the inputs that were kept, in an ordinary build; `run.sh` looks for new ones.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{read, read_dir};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use ikcrm_fuzz::TARGETS;

fn inside(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut paths: Vec<PathBuf> =
        read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Runs all inputs of a target, and names those that fail.
fn run(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let inputs = inside(name);
    assert!(!inputs.is_empty());
    let failed: Vec<&PathBuf> = inputs
        .iter()
        .filter(|path| {
            let input = read(path).unwrap();
            catch_unwind(|| target(&input)).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} inputs failed: {failed:#?}", failed.len(), inputs.len());
}

macro_rules! corpora {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { run(stringify!($name)); })*
    };
}

corpora! { base_url decode job_file query quota redis retry sheet token update }

#[test]
fn every_target_and_corpus_is_run() {
    let folders: BTreeSet<OsString> =
        inside("").iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(folders, TESTED.iter().map(OsString::from).collect());
    assert_eq!(TARGETS.map(|(name, _)| name).as_slice(), TESTED);
}
