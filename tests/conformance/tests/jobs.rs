//! The cases of `tests/jobs` against the core.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use ikcrm::{
    ApplyOptions, Cell, Client, Error, PlanOptions, Quota, RowInput, UpdateJob, Value, open_job,
};
use ikcrm_conformance::{JobCase, JobServer, Step};
use serde_json::{Map, Value as Json};

fn cases() -> Vec<(String, JobCase)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Vec<JobCase> = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases.into_iter().map(move |case| (file.clone(), case))
    };
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .flat_map(read)
        .collect()
}

#[test]
fn every_case_ends_as_stated() {
    let mut problems = Vec::new();
    let cases = cases();
    std::thread::scope(|scope| {
        // Most of a case is waiting: for the disk, and for calls of which nothing is known.
        let chunks = cases.chunks(cases.len().div_ceil(4).max(1));
        let both = chunks.flat_map(|chunk| [(chunk, None), (chunk, Some(paced()))]);
        let running: Vec<_> = both
            .map(|(chunk, quota)| scope.spawn(move || run_all(chunk, quota.as_ref())))
            .collect();
        problems.extend(running.into_iter().flat_map(|running| running.join().unwrap()));
    });
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(cases.len() >= 60, "{}", cases.len());
}

/// A quota that paces a job's calls and is never used up.
fn paced() -> Quota {
    Quota::new(1000, Duration::from_secs(5))
}

fn run_all(cases: &[(String, JobCase)], quota: Option<&Quota>) -> Vec<String> {
    let told = |(file, case): &(String, JobCase)| {
        let problems = run(case, quota).into_iter();
        let how = if quota.is_some() { "paced" } else { "at once" };
        problems
            .map(|problem| format!("{file}: {} ({how}): {problem}", case.id))
            .collect::<Vec<_>>()
    };
    cases.iter().flat_map(told).collect()
}

/// What is not as stated.
fn run(case: &JobCase, quota: Option<&Quota>) -> Vec<String> {
    let server = JobServer::start(case).unwrap();
    let client = Client::builder().base_url(server.url()).token(server.token());
    let client = client
        .quota(quota.cloned())
        .max_retries(0)
        .timeout(Duration::from_millis(400))
        .build()
        .unwrap();
    let folder = Folder::new();
    let (mut path, mut problems) = (folder.0.join("job"), Vec::new());
    for (number, step) in (1..).zip(&case.steps) {
        let result = play(step, case, (&client, &server), &mut path, &folder);
        let calls = server.calls();
        let found = check(step, result.as_ref().err(), &calls, &path);
        problems.extend(found.into_iter().map(|problem| format!("step {number}: {problem}")));
    }
    problems.extend(server.missing(&case.end));
    problems
}

fn play(
    step: &Step,
    case: &JobCase,
    (client, server): (&Client, &JobServer),
    path: &mut PathBuf,
    folder: &Folder,
) -> Result<(), Error> {
    if let Some(change) = &step.change {
        server.change(change).unwrap();
    }
    if let Some(options) = &step.plan {
        let options = plan_options(options).job(&*path);
        client.plan_updates(case.rows.iter().map(row), options)?;
    }
    if let Some(options) = &step.undo {
        let job = open_job(&*path)?;
        *path = folder.0.join("undo");
        client.plan_undo(&job, plan_options(options).job(&*path))?;
    }
    if let Some(options) = &step.apply {
        client.apply_updates(&mut open_job(&*path)?, apply_options(options))?;
    }
    Ok(())
}

fn check(step: &Step, error: Option<&Error>, calls: &[String], path: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut compare = |what: &str, found: String, expected: String| {
        if found != expected {
            problems.push(format!("{what} {found}, not {expected}"));
        }
    };
    let code = error.map(Error::code);
    let told = error.map(|error| format!(" ({error})")).unwrap_or_default();
    compare(&format!("error{told}"), format!("{code:?}"), format!("{:?}", step.error.as_deref()));
    if let Some(expected) = &step.calls {
        // Updates that are under way at once come in any order.
        let sorted = |calls: &[String]| {
            let mut calls = calls.to_vec();
            calls.sort();
            format!("{calls:?}")
        };
        compare("calls", sorted(calls), sorted(expected));
    }
    let Ok(job) = open_job(path) else { return problems };
    let rows: Vec<_> = job.rows(None).map(Result::unwrap).collect();
    if let Some(expected) = &step.states {
        let states: Vec<_> = rows.iter().map(|row| row.state.as_str()).collect();
        compare("states", format!("{states:?}"), format!("{expected:?}"));
    }
    let reason = job.stop_reason().unwrap().map(ikcrm::StopReason::as_str);
    compare("reason", format!("{reason:?}"), format!("{:?}", step.reason.as_deref()));
    if let Some(expected) = step.ok {
        compare("ok", job.is_ok().unwrap().to_string(), expected.to_string());
    }
    for (number, part) in &step.messages {
        let message = rows.get(number - 1).and_then(|row| row.message.clone()).unwrap_or_default();
        if !message.contains(part) {
            compare(&format!("message of row {number}"), message, part.clone());
        }
    }
    assert_adds_up(&job);
    problems
}

fn assert_adds_up(job: &UpdateJob) {
    assert_eq!(job.counts().unwrap().total(), job.rows(None).count() as u64);
    assert!(job.to_string().lines().count() <= 10, "{job}");
    assert!(serde_json::from_str::<Json>(&job.to_json().unwrap()).unwrap().is_object());
}

fn row(cells: &Map<String, Json>) -> RowInput {
    cells.iter().map(|(name, value)| (name.clone(), cell(value))).collect()
}

fn cell(value: &Json) -> Cell {
    let special = value.as_object().filter(|entries| entries.len() == 1);
    match special.and_then(|entries| entries.iter().next()) {
        Some((kind, _)) if kind == "$clear" => Cell::Clear,
        Some((kind, text)) if kind == "$float" => {
            Cell::Value(Value::Float(text.as_str().unwrap().parse().unwrap()))
        }
        Some((kind, text)) if kind == "$decimal" => {
            Cell::Value(Value::Number(text.as_str().unwrap().to_owned()))
        }
        _ => Cell::Value(value.clone().into()),
    }
}

fn plan_options(options: &Map<String, Json>) -> PlanOptions<'static> {
    let set = |known: PlanOptions<'static>, (name, value): (&String, &Json)| {
        known.set(name, Value::from(value.clone()))
    };
    options.iter().fold(PlanOptions::new(), set)
}

fn apply_options(options: &Map<String, Json>) -> ApplyOptions<'static> {
    let set = |known: ApplyOptions<'static>, (name, value): (&String, &Json)| {
        known.set(name, Value::from(value.clone()))
    };
    options.iter().fold(ApplyOptions::new(), set)
}

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("ikcrm-jobs-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
