//! What a client does with jobs, apart from the cases of `tests/jobs`: cancels, confirmation, progress.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ikcrm::{
    ApplyOptions, CallOptions, Cancel, Client, Compare, Event, JobStatus, Observer,
    OpportunityUpdate, PlanOptions, RowState, StopReason, UpdateJob,
};
use ikcrm_sandbox::{DEFAULT_TOKEN, Quota, Sandbox, Seed};
use serde_json::json;

const UPDATE: &str = "PUT /api/v2/opportunities/:id";

fn sandbox(latency: Duration) -> (Sandbox, Client) {
    let sandbox = Sandbox::builder().quota(None).latency(latency).start().unwrap();
    let client = Client::builder().base_url(sandbox.url()).token(DEFAULT_TOKEN).quota(None);
    (sandbox, client.timeout(Duration::from_secs(2)).build().unwrap())
}

fn rows(stage: &'static str) -> Vec<(u64, OpportunityUpdate)> {
    (600_001..600_004).map(|id| (id, OpportunityUpdate::new().stage(stage))).collect()
}

fn states(job: &UpdateJob) -> Vec<RowState> {
    job.rows(None).map(|row| row.unwrap().state).collect()
}

#[test]
fn a_call_under_way_may_end_when_the_job_is_cancelled() {
    let (sandbox, client) = sandbox(Duration::from_millis(100));
    let mut job = client.plan_updates(rows("赢单"), PlanOptions::new()).unwrap();
    let cancel = Cancel::new();
    let options = ApplyOptions::new().call(CallOptions::new().cancel(cancel.clone()));
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while sandbox.calls_of(UPDATE) == 0 {
                std::thread::yield_now();
            }
            cancel.cancel();
        });
        client.apply_updates(&mut job, options).unwrap_err()
    });
    assert_eq!(error.code(), "cancelled");
    assert_eq!(states(&job), [RowState::Updated, RowState::Planned, RowState::Planned]);
    assert_eq!(job.stop_reason().unwrap(), Some(StopReason::Cancelled));
    client.apply_updates(&mut job, ApplyOptions::new()).unwrap();
    assert!(job.is_ok().unwrap());
}

#[test]
fn a_second_cancel_ends_the_call_at_once() {
    let (sandbox, client) = sandbox(Duration::from_millis(300));
    let mut job = client.plan_updates(rows("赢单"), PlanOptions::new()).unwrap();
    let before = sandbox.calls_of(UPDATE);
    std::thread::scope(|scope| {
        // As Ctrl-C twice: the probe says so each time it is asked, once the update is under way.
        let calls = Arc::new(AtomicUsize::new(before));
        let seen = Arc::clone(&calls);
        let done = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&done);
        let sandbox = &sandbox;
        scope.spawn(move || {
            while !over.load(Ordering::Acquire) {
                seen.store(sandbox.calls_of(UPDATE), Ordering::Release);
                std::thread::yield_now();
            }
        });
        let probe = move || calls.load(Ordering::Acquire) > before;
        let options =
            ApplyOptions::new().call(CallOptions::new().cancel(Cancel::with_probe(probe)));
        let error = client.apply_updates(&mut job, options).unwrap_err();
        done.store(true, Ordering::Release);
        assert_eq!(error.code(), "cancelled");
    });
    assert_eq!(states(&job), [RowState::Unknown, RowState::Planned, RowState::Planned]);
    client.apply_updates(&mut job, ApplyOptions::new().call(CallOptions::new())).unwrap();
    assert!(job.is_ok().unwrap());
}

#[test]
fn nothing_is_sent_unless_it_is_confirmed() {
    let (sandbox, client) = sandbox(Duration::ZERO);
    let folder = tempfolder("confirm");
    let plan = || PlanOptions::new().job(folder.join("job"));
    let asked = |job: &UpdateJob| {
        assert!(job.to_string().starts_with("3 rows: 3 to update (stage 3)"), "{job}");
        false
    };
    let job =
        client.update_opportunities(rows("赢单"), plan(), ApplyOptions::new(), asked).unwrap();
    assert_eq!((job.status().unwrap(), sandbox.calls_of(UPDATE)), (JobStatus::Ready, 0));
    let job =
        client.update_opportunities(rows("赢单"), plan(), ApplyOptions::new(), |_| true).unwrap();
    assert!(job.is_ok().unwrap());
    assert_eq!(sandbox.calls_of(UPDATE), 3);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn rows_and_progress_are_told_after_they_are_in_the_file() {
    let (_sandbox, client) = sandbox(Duration::ZERO);
    let folder = tempfolder("told");
    let path = folder.join("job");
    let mut job = client.plan_updates(rows("赢单"), PlanOptions::new().job(&path)).unwrap();
    let (mut told, mut lines) = (Vec::new(), Vec::new());
    let options = ApplyOptions::new()
        .on_row(|row| {
            let seen = ikcrm::open_job(&path)?.counts()?.of(RowState::Updated);
            told.push((row.number, row.state, seen));
            Ok(())
        })
        .on_progress(|progress| {
            lines.push(progress.line());
            Ok(())
        });
    client.apply_updates(&mut job, options).unwrap();
    let rows: Vec<_> = told.iter().map(|(number, state, _)| (*number, *state)).collect();
    assert_eq!(rows, [1, 2, 3].map(|number| (number, RowState::Updated)));
    assert!(told.iter().all(|(number, _, seen)| seen >= number), "{told:?}");
    assert_eq!(lines.last().unwrap(), "3/3 rows, 3 updated");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_job_and_other_calls_keep_to_one_quota() {
    let per = Duration::from_millis(250);
    let sandbox = Sandbox::builder().quota(Quota { calls: 5, per }).start().unwrap();
    let client = Client::builder().base_url(sandbox.url()).token(DEFAULT_TOKEN);
    let client = client.quota(ikcrm::Quota::new(5, per)).build().unwrap();
    let mut job = client.plan_updates(rows("赢单"), PlanOptions::new()).unwrap();
    std::thread::scope(|scope| {
        let calls =
            scope.spawn(|| (0..8).map(|_| client.get_opportunity(600_010)).collect::<Vec<_>>());
        client.apply_updates(&mut job, ApplyOptions::new()).unwrap();
        assert!(calls.join().unwrap().iter().all(Result::is_ok));
    });
    assert!(job.is_ok().unwrap());
    assert_eq!(sandbox.stats().refused, 0);
}

fn tempfolder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ikcrm-job-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Hears how long calls waited for the quota.
#[derive(Clone, Default)]
struct Waits(Arc<Mutex<Vec<Duration>>>);

impl Observer for Waits {
    fn observe(&self, events: &[Event]) {
        for event in events {
            if let Event::QuotaWaitEnded { wait, .. } = event {
                self.0.lock().unwrap().push(*wait);
            }
        }
    }
}

#[test]
fn a_call_waits_for_one_slot_and_not_for_the_job() {
    let per = Duration::from_millis(250);
    let sandbox = Sandbox::builder().quota(Quota { calls: 100, per }).start().unwrap();
    sandbox.seed(Seed::new().opportunities((1..=500).map(|id| json!({"id": id})))).unwrap();
    let client = Client::builder().base_url(sandbox.url()).token(DEFAULT_TOKEN);
    let client = client.quota(ikcrm::Quota::new(100, per)).build().unwrap();
    let rows = (1..=500_u64).map(|id| (id, OpportunityUpdate::new().stage("赢单")));
    let mut job = client.plan_updates(rows, PlanOptions::new()).unwrap();
    let (waits, (sender, asked)) = (Waits::default(), channel());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for id in asked {
                let call = client.prepare_get(id, CallOptions::new());
                call.observed_by(waits.clone()).wait().unwrap();
            }
        });
        let options = ApplyOptions::new().on_row(move |row| {
            if row.number % 25 == 0 {
                sender.send(row.number)?;
            }
            Ok(())
        });
        client.apply_updates(&mut job, options).unwrap();
    });
    assert!(job.is_ok().unwrap());
    let waits = waits.0.lock().unwrap();
    assert_eq!(sandbox.calls_of("GET /api/v2/opportunities/:id"), 20 + 3);
    assert!(waits.iter().all(|wait| *wait <= per), "{waits:?}");
    assert_eq!(sandbox.stats().refused, 0);
}

#[test]
fn two_jobs_on_one_store_keep_to_the_share_together() {
    let per = Duration::from_millis(250);
    let sandbox = Sandbox::builder().quota(Quota { calls: 50, per }).start().unwrap();
    sandbox.seed(Seed::new().opportunities((1..=160).map(|id| json!({"id": id})))).unwrap();
    let folder = tempfolder("share");
    let store = format!("file://{}", folder.join("quota").display());
    let work = |ids: std::ops::Range<u64>| {
        let quota = ikcrm::Quota::new(50, per).store(&store);
        let client = Client::builder().base_url(sandbox.url()).token(DEFAULT_TOKEN);
        let client = client.quota(quota).build().unwrap();
        let rows = ids.map(|id| (id, OpportunityUpdate::new().stage("赢单")));
        let options = PlanOptions::new().compare(Compare::None).partial(true);
        let mut job = client.plan_updates(rows, options).unwrap();
        client.apply_updates(&mut job, ApplyOptions::new()).unwrap();
        assert!(job.is_ok().unwrap());
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| work(1..81));
        scope.spawn(|| work(81..161));
    });
    // Eight tenths of 50 calls in each stretch, of which the first is free.
    let least = per * (160 / 40 - 1);
    assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
    assert_eq!(sandbox.stats().refused, 0);
    std::fs::remove_dir_all(folder).unwrap();
}
