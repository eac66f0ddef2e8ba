//! A job without a quota, whose rows are under way several at once, and what may come amid that.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ikcrm::{
    ApplyOptions, CallOptions, Cancel, Client, Error, OpportunityUpdate, PlanOptions, RowState,
    StopReason, UpdateJob,
};
use ikcrm_conformance::{Change, JobCase, JobServer};
use serde_json::{Value, json};

const FIRST: u64 = 600_001;
const ROWS: u64 = 60;
/// Rows that are under way together, once the CRM answered as many before.
const LATE: std::ops::Range<u64> = FIRST + 40..FIRST + 56;

/// A job of sixty rows, its CRM and its client.
struct Played {
    server: JobServer,
    client: Client,
    job: UpdateJob,
    folder: PathBuf,
}

impl Drop for Played {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A planned job, of which these updates fail so.
fn planned(name: &str, fails: impl IntoIterator<Item = u64>, fault: &Value) -> Played {
    let crm: Change = (FIRST..FIRST + ROWS)
        .map(|id| (id.to_string(), [("stage".to_owned(), json!("3511"))].into_iter().collect()))
        .collect();
    let on = |id: u64| {
        let mut fault = fault.as_object().cloned().unwrap_or_default();
        fault.insert("on".to_owned(), json!(format!("put {id}")));
        Value::from(fault)
    };
    let faults: Vec<_> = fails.into_iter().map(on).collect();
    let case = json!({"id": "", "why": "", "crm": crm, "rows": [], "steps": [], "faults": faults});
    let case: JobCase = serde_json::from_value(case).unwrap();
    let server = JobServer::start(&case).unwrap();
    let client = Client::builder().base_url(server.url()).token(server.token()).quota(None);
    let client = client.max_retries(0).timeout(Duration::from_secs(5)).build().unwrap();
    let folder = std::env::temp_dir().join(format!("ikcrm-at-once-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let rows = (FIRST..FIRST + ROWS).map(|id| (id, OpportunityUpdate::new().stage("赢单")));
    let job = client.plan_updates(rows, PlanOptions::new().job(folder.join("job"))).unwrap();
    drop(server.calls());
    Played { server, client, job, folder }
}

impl Played {
    fn apply(&mut self, options: ApplyOptions<'_>) -> Result<(), Error> {
        self.client.apply_updates(&mut self.job, options)
    }

    fn count(&self, state: RowState) -> u64 {
        self.job.counts().unwrap().of(state)
    }

    /// Goes on, and sees that the CRM got each row once.
    fn ends_well(&mut self) {
        let options = || ApplyOptions::new().retry([RowState::Failed, RowState::Refused]);
        while !self.job.is_ok().unwrap() {
            self.apply(options()).unwrap();
        }
        for id in FIRST..FIRST + ROWS {
            let opportunity = self.server.opportunity(id).unwrap();
            assert_eq!(opportunity.get("stage"), Some(&json!("3515")), "{id}");
        }
    }

    /// How many updates the CRM got since this was asked last, and of how many opportunities.
    fn sent(&self) -> (usize, usize) {
        let calls = self.server.calls();
        let puts: Vec<_> = calls.iter().filter(|call| call.starts_with("put ")).collect();
        (puts.len(), puts.iter().collect::<BTreeSet<_>>().len())
    }
}

fn refused() -> Value {
    json!({"fault": "answer", "json": {"code": 100_406, "data": null, "message": "x"}})
}

fn reason(result: &Result<(), Error>) -> StopReason {
    let Err(Error::JobStopped { reason, .. }) = result else { panic!("not stopped: {result:?}") };
    *reason
}

#[test]
fn rows_are_under_way_together() {
    let mut played = planned("together", [], &json!(null));
    // Were fewer of them sent at once, none would be answered.
    played.server.hold(LATE.collect());
    played.apply(ApplyOptions::new()).unwrap();
    assert_eq!(played.sent(), (60, 60));
    played.ends_well();
}

#[test]
fn one_more_row_fails_than_may_and_no_other() {
    for most in [0, 3, 9] {
        let mut played = planned(&format!("errors-{most}"), LATE, &refused());
        let stopped = played.apply(ApplyOptions::new().max_errors(most));
        assert_eq!(reason(&stopped), StopReason::MaxErrors);
        assert_eq!(played.count(RowState::Refused), most + 1);
        assert_eq!(played.count(RowState::Sending) + played.count(RowState::Unknown), 0);
        played.ends_well();
    }
}

#[test]
fn a_limit_is_kept_to() {
    let mut played = planned("limit", [], &json!(null));
    for (limit, sent) in [(37, 37), (20, 57)] {
        played.apply(ApplyOptions::new().limit(limit)).unwrap();
        assert_eq!(played.count(RowState::Updated), sent);
    }
    assert_eq!(played.sent(), (57, 57));
    played.ends_well();
}

#[test]
fn a_callback_that_fails_is_not_called_again_and_what_is_under_way_ends() {
    let mut played = planned("callback", [], &json!(null));
    played.server.hold(LATE.collect());
    let told = Cell::new(0);
    let options = ApplyOptions::new().on_row(|_| {
        told.set(told.get() + 1);
        if told.get() == 45 { Err("enough".into()) } else { Ok(()) }
    });
    assert_eq!(reason(&played.apply(options)), StopReason::Cancelled);
    assert_eq!(told.get(), 45);
    assert_eq!(played.count(RowState::Sending) + played.count(RowState::Unknown), 0);
    assert!(played.count(RowState::Updated) >= 45);
    played.ends_well();
    assert_eq!(played.sent(), (60, 60));
}

#[test]
fn a_cancel_lets_all_that_is_under_way_end() {
    let mut played = planned("cancel", [], &json!(null));
    // One more than ever come: those that came wait until they are let go.
    played.server.hold(LATE.chain([1]).collect());
    let cancel = Cancel::new();
    let options = ApplyOptions::new().call(CallOptions::new().cancel(cancel.clone()));
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            played.server.wait_for_calls(61, Duration::from_secs(60));
            cancel.cancel();
            played.server.hold(BTreeSet::new());
        });
        let mut job = ikcrm::open_job(played.job.path()).unwrap();
        played.client.apply_updates(&mut job, options)
    });
    // All may have been answered before the job saw the cancel.
    assert!(error.is_ok() || error.unwrap_err().code() == "cancelled");
    assert_eq!(played.count(RowState::Sending) + played.count(RowState::Unknown), 0);
    played.ends_well();
    assert_eq!(played.sent(), (60, 60));
}

#[test]
fn a_second_cancel_ends_all_that_is_under_way() {
    let mut played = planned("twice", [], &json!(null));
    // One more than ever come: those that came are answered by nobody.
    played.server.hold(LATE.chain([1]).collect());
    let came = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&came);
    // As Ctrl-C twice: the probe says so each time it is asked.
    let cancel = Cancel::with_probe(move || seen.load(Ordering::Acquire));
    let options = ApplyOptions::new().call(CallOptions::new().cancel(cancel));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            played.server.wait_for_calls(61, Duration::from_secs(60));
            came.store(true, Ordering::Release);
        });
        let mut job = ikcrm::open_job(played.job.path()).unwrap();
        let error = played.client.apply_updates(&mut job, options).unwrap_err();
        assert_eq!(error.code(), "cancelled");
    });
    assert_eq!(played.count(RowState::Unknown), 16);
    assert_eq!(played.count(RowState::Sending), 0);
    played.server.hold(BTreeSet::new());
    played.ends_well();
}

#[test]
fn a_crm_that_goes_away_costs_the_rows_under_way_and_no_more() {
    let mut played = planned("away", FIRST + 40..FIRST + ROWS, &json!({"fault": "close"}));
    let mut waits = 0;
    let options = ApplyOptions::new().on_progress(|progress| {
        waits += usize::from(progress.waiting.is_some());
        if progress.waiting.is_some() { Err("enough".into()) } else { Ok(()) }
    });
    assert_eq!(reason(&played.apply(options)), StopReason::Cancelled);
    assert_eq!(waits, 1);
    assert_eq!(played.count(RowState::Sending), 0);
    let unknown = played.count(RowState::Unknown);
    assert!((5..=20).contains(&unknown), "{unknown}");
    assert_eq!(played.count(RowState::Updated), 40);
    played.ends_well();
}
