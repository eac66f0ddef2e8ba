//! A job whose process is killed, at every point and at any moment, loses nothing and sends nothing
//! twice.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use ikcrm::{JobStatus, RowState, open_job};
use ikcrm_conformance::{Change, JobCase, JobServer};
use serde_json::{Value, json};

const FIRST: u64 = 600_001;
/// What the job gives to each row, and what a colleague does.
const WON: &str = "3515";
const LOST: &str = "3516";

/// How many rows a colleague changes at most: more would look like another enterprise.
const MEDDLES: usize = 12;

/// How a job sends its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Without a quota: several at once.
    AtOnce,
    /// One after the other, as a quota says.
    Paced,
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ikcrm-kill-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A sandbox whose opportunities are all at the first stage.
fn server(rows: u64) -> JobServer {
    let crm: Change = (FIRST..FIRST + rows).map(|id| (id.to_string(), stage("3511"))).collect();
    let case = json!({"id": "", "why": "", "crm": crm, "rows": [], "steps": []});
    let case: JobCase = serde_json::from_value(case).unwrap();
    let server = JobServer::start(&case).unwrap();
    drop(server.calls());
    server
}

fn stage(id: &str) -> serde_json::Map<String, Value> {
    [("stage".to_owned(), json!(id))].into_iter().collect()
}

fn stage_of(server: &JobServer, id: u64) -> Value {
    server.opportunity(id).unwrap().get("stage").cloned().unwrap_or_default()
}

fn rows(rows: u64) -> String {
    let row = |id: u64| json!({"id": id, "stage": WON});
    Value::from((FIRST..FIRST + rows).map(row).collect::<Vec<_>>()).to_string()
}

fn worker(how: How, server: &JobServer, path: &Path, rows: &str, die_at: Option<u64>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_job-worker"));
    if how == How::Paced {
        command.env("IKCRM_PACED", "1");
    }
    command.args([server.url(), server.token(), path.to_str().unwrap(), rows]);
    if let Some(place) = die_at {
        command.env("IKCRM_DIE_AT", place.to_string());
    }
    command.stderr(Stdio::null()).spawn().unwrap()
}

fn wait(mut worker: Child) -> ExitStatus {
    worker.wait().unwrap()
}

/// How often each opportunity was sent since this was asked last.
fn sent(server: &JobServer) -> BTreeMap<u64, usize> {
    let mut sent = BTreeMap::new();
    for call in server.calls() {
        if let Some(id) = call.strip_prefix("put ") {
            *sent.entry(id.parse().unwrap()).or_default() += 1;
        }
    }
    sent
}

/// The ids of the rows in a state; none while there is no job yet.
fn ids(path: &Path, state: RowState) -> BTreeSet<u64> {
    let Ok(job) = open_job(path) else { return BTreeSet::new() };
    job.rows(Some(state)).map(|row| row.unwrap().id.unwrap()).collect()
}

/// Works on until the job is ok, or all that is left are conflicts.
fn work_off(how: How, server: &JobServer, path: &Path, rows: &str) {
    for _ in 0..20 {
        assert!(wait(worker(how, server, path, rows, None)).success());
        let job = open_job(path).unwrap();
        let counts = job.counts().unwrap();
        if job.status().unwrap() == JobStatus::Completed && counts.of(RowState::Unknown) == 0 {
            return;
        }
    }
    panic!("{}", open_job(path).unwrap());
}

#[test]
fn a_process_that_dies_at_any_point_leaves_a_job_that_goes_on() {
    dies_at_any_point(How::AtOnce);
}

#[test]
fn a_process_with_a_quota_that_dies_at_any_point_leaves_a_job_that_goes_on() {
    dies_at_any_point(How::Paced);
}

fn dies_at_any_point(how: How) {
    const ROWS: u64 = 3;
    let rows = rows(ROWS);
    let mut points = 0;
    for place in 1.. {
        let (server, folder) = (server(ROWS), Folder::new(&format!("{how:?}-{place}")));
        let path = folder.0.join("job");
        let died = !wait(worker(how, &server, &path, &rows, Some(place))).success();
        let updated = ids(&path, RowState::Updated);
        drop(sent(&server));
        work_off(how, &server, &path, &rows);
        let again = sent(&server);
        assert!(updated.iter().all(|id| !again.contains_key(id)), "{place}: {updated:?} {again:?}");
        assert_eq!(ids(&path, RowState::Updated).len(), 3, "{place}");
        for id in FIRST..FIRST + ROWS {
            assert_eq!(stage_of(&server, id), json!(WON), "{place}");
        }
        points = place;
        if !died {
            break;
        }
    }
    assert!(points > 30, "only {points} points");
}

#[test]
fn a_process_that_is_killed_at_any_moment_loses_nothing() {
    dies_at_any_moment(How::AtOnce);
}

#[test]
fn a_process_with_a_quota_that_is_killed_at_any_moment_loses_nothing() {
    dies_at_any_moment(How::Paced);
}

fn dies_at_any_moment(how: How) {
    let set = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (kills, count) = (set("IKCRM_KILLS").unwrap_or(12), set("IKCRM_KILL_ROWS").unwrap_or(60));
    let rows = rows(count);
    let (server, folder) = (server(count), Folder::new(&format!("moments-{how:?}")));
    let path = folder.0.join("job");
    let mut colleague = BTreeSet::new();
    let mut seed: u64 = 0x5eed;
    for _ in 0..kills {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut running = worker(how, &server, &path, &rows, None);
        // The moment is a number of calls, so that a slow machine is killed amid its work too.
        let calls = usize::try_from(seed >> 60).unwrap() + 1;
        server.wait_for_calls(calls, Duration::from_secs(2));
        running.kill().unwrap();
        running.wait().unwrap();
        let updated = ids(&path, RowState::Updated);
        let before = sent(&server);
        assert!(before.values().all(|times| *times == 1), "{before:?}");
        server.close(&updated);
        let meddles = colleague.len() < MEDDLES;
        if let Some(id) = ids(&path, RowState::Planned).last().filter(|_| meddles) {
            server.change(&[(id.to_string(), stage(LOST))].into_iter().collect()).unwrap();
            colleague.insert(*id);
        }
    }
    assert!(!ids(&path, RowState::Updated).is_empty(), "no kill came amid the sending");
    work_off(how, &server, &path, &rows);
    assert!(server.sent_again().is_empty(), "{:?}", server.sent_again());
    assert_eq!(ids(&path, RowState::Conflict), colleague);
    let job = open_job(&path).unwrap();
    assert_eq!(job.counts().unwrap().of(RowState::Updated), count - colleague.len() as u64);
    for id in FIRST..FIRST + count {
        let expected = if colleague.contains(&id) { LOST } else { WON };
        assert_eq!(stage_of(&server, id), json!(expected), "{id}");
    }
}

#[test]
#[cfg(unix)]
fn a_full_disk_ends_the_run_and_loses_nothing() {
    fills_the_disk(How::AtOnce);
    fills_the_disk(How::Paced);
}

#[cfg(unix)]
fn fills_the_disk(how: How) {
    const ROWS: u64 = 40;
    let rows = rows(ROWS);
    let mut failed = 0;
    for kilobytes in [4, 16, 40, 60, 80, 120, 200] {
        let (server, folder) = (server(ROWS), Folder::new(&format!("full-{how:?}-{kilobytes}")));
        let path = folder.0.join("job");
        // A file that would grow beyond the limit fails as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kilobytes * 2);
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_job-worker")]);
        command.args([server.url(), server.token(), path.to_str().unwrap(), &rows]);
        if how == How::Paced {
            command.env("IKCRM_PACED", "1");
        }
        let ended = command.stderr(Stdio::null()).status().unwrap();
        assert!(ended.code().is_some(), "{kilobytes} kB: {ended}");
        failed += usize::from(!ended.success());
        let updated = ids(&path, RowState::Updated);
        server.close(&updated);
        work_off(how, &server, &path, &rows);
        assert!(server.sent_again().is_empty(), "{kilobytes} kB: {:?}", server.sent_again());
        assert_eq!(ids(&path, RowState::Updated).len() as u64, ROWS, "{kilobytes} kB");
    }
    assert!(failed >= 3, "only {failed} runs met the limit");
}
