//! A job's file that was damaged: everything that it tells ends in an answer or in an error of the file.

use std::fs;
use std::path::PathBuf;

use ikcrm::{Error, WriteOptions, open_job};

/// A job of a few rows in all states, with small pages.
const WHOLE: &[u8] = include_bytes!("../job.sqlite");

pub(crate) fn run(data: &[u8]) {
    let path = PathBuf::from(format!("/dev/shm/ikcrm-fuzz-{}.job", std::process::id()));
    fs::write(&path, damaged(data)).expect("the file can be written");
    if let Err(error) = look(&path) {
        let Error::JobFile { message, path: told, .. } = &error else { panic!("{error:?}") };
        assert!(!message.is_empty());
        assert!(told.starts_with("/dev/shm"));
    }
}

/// The file with these changes: where, how many bytes, and the bytes; or it ends there.
fn damaged(mut changes: &[u8]) -> Vec<u8> {
    let mut file = WHOLE.to_vec();
    while let [low, high, count, rest @ ..] = changes {
        let at = usize::from(u16::from_le_bytes([*low, *high])) % file.len().max(1);
        if *count == u8::MAX {
            file.truncate(at);
            changes = rest;
            continue;
        }
        let (bytes, others) = rest.split_at(rest.len().min(usize::from(*count)));
        file.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        changes = others;
    }
    file
}

/// Asks the job for all that it has.
fn look(path: &PathBuf) -> Result<(), Error> {
    let mut job = open_job(path)?;
    let said = [
        job.status().map(drop),
        job.stop_reason().map(drop),
        job.is_ok().map(drop),
        job.counts().map(drop),
        job.calls().map(drop),
        job.progress().map(drop),
        job.problems().map(drop),
        job.columns().map(drop),
        job.coerced().map(drop),
        job.summary().map(drop),
        job.to_json().map(drop),
        job.rows(None).take(100).try_for_each(|row| row.map(drop)),
        job.write(path.with_extension("csv"), &WriteOptions::new()).map(drop),
        job.write(path.with_extension("xlsx"), &WriteOptions::new()).map(drop),
        job.skip_ids([600_001]).map(drop),
    ];
    said.into_iter().collect()
}
