//! The ends of a run.

use std::time::Duration;

use serde_json::json;

use super::apply::{applied, job};
use super::crm::{Fake, away, refusal};
use super::folder::Folder;
use super::plan::{planned, row, states};
use crate::error::{ApiErrorKind, Error, StopReason};
use crate::job::face::apply;
use crate::job::{ApplyOptions, JobStatus, MaxErrors, PlanOptions, RowState, UpdateJob};

/// Why the run stopped.
fn reason(result: &Result<(), Error>, job: &UpdateJob) -> StopReason {
    let Err(Error::JobStopped { reason, .. }) = result else { panic!("not stopped: {result:?}") };
    assert_eq!(job.stop_reason().unwrap(), Some(*reason));
    assert_eq!(job.status().unwrap(), JobStatus::Stopped);
    *reason
}

#[test]
fn invalid_rows_must_be_accepted() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let rows = vec![row(json!({"id": 1, "stage": "赢单"})), row(json!({"id": 2, "stage": "x"}))];
    let mut job = planned(&crm, rows, PlanOptions::new().job(folder.job())).unwrap();
    let stopped = applied(&crm, &mut job);
    assert_eq!(reason(&stopped, &job), StopReason::InvalidRows);
    assert_eq!(crm.count("put"), 0);
    apply(&crm, &mut job, ApplyOptions::new().skip_invalid(true)).unwrap();
    assert_eq!(states(&job), "updated invalid");
    assert!(!job.is_ok().unwrap());
}

#[test]
fn more_updates_than_allowed_are_refused_before_the_first() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let mut job = job(&crm, &folder, 3);
    let stopped = apply(&crm, &mut job, ApplyOptions::new().max_updates(2));
    assert_eq!(reason(&stopped, &job), StopReason::MaxUpdates);
    assert_eq!(crm.count("put"), 0);
    apply(&crm, &mut job, ApplyOptions::new().max_updates(3)).unwrap();
}

#[test]
fn too_many_errors_stop_the_run() {
    let (crm, folder) = (Fake::new(6), Folder::new());
    let mut job = job(&crm, &folder, 6);
    for id in 1..=3 {
        crm.fail(&format!("put {id}"), refusal(ApiErrorKind::InvalidParameters), false);
    }
    let stopped = apply(&crm, &mut job, ApplyOptions::new().max_errors(1));
    assert_eq!(reason(&stopped, &job), StopReason::MaxErrors);
    assert_eq!(states(&job), "refused refused planned planned planned planned");
    apply(&crm, &mut job, ApplyOptions::new().max_errors(MaxErrors::Percent(5.0))).unwrap();
    assert_eq!(states(&job), "refused refused refused updated updated updated");
}

#[test]
fn time_and_limit_end_a_run_without_an_error() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let mut job = job(&crm, &folder, 9);
    apply(&crm, &mut job, ApplyOptions::new().max_duration(Duration::from_millis(25))).unwrap();
    assert_eq!(job.stop_reason().unwrap(), Some(StopReason::MaxDuration));
    // One row, and then the two that its answer let start together.
    assert_eq!(crm.count("put"), 3);
}

#[test]
fn an_outage_pauses_the_job_and_the_next_row_probes() {
    let (crm, folder) = (Fake::new(8), Folder::new());
    let mut job = job(&crm, &folder, 8);
    crm.before("put 1", |crm| {
        crm.faults = (0..7).map(|_| ("*".to_owned(), away(false), false)).collect();
    });
    applied(&crm, &mut job).unwrap();
    let calls = crm.calls();
    let probes = ["put 5", "wait 10", "get 6", "wait 20", "get 6", "wait 40", "get 6", "put 6"];
    assert_eq!(calls[5..13], probes);
    assert_eq!(states(&job), "failed failed failed failed failed updated updated updated");
}

#[test]
fn an_outage_without_end_stops_the_job() {
    let (crm, folder) = (Fake::new(20), Folder::new());
    let mut job = job(&crm, &folder, 20);
    crm.before("put 2", |crm| {
        crm.faults = (0..40).map(|_| ("*".to_owned(), away(false), false)).collect();
    });
    let stopped = applied(&crm, &mut job);
    assert_eq!(reason(&stopped, &job), StopReason::Outage);
    let waited: f64 =
        crm.calls().iter().filter_map(|c| c.strip_prefix("wait ")?.parse::<f64>().ok()).sum();
    assert!((waited - 1800.0).abs() < 1.0, "{waited}");
    assert_eq!(job.counts().unwrap().of(RowState::Failed), 5);
    crm.0.borrow_mut().faults.clear();
    apply(&crm, &mut job, ApplyOptions::new().retry([RowState::Failed])).unwrap();
    assert!(job.is_ok().unwrap());
}

#[test]
fn a_dead_login_stops_the_job_at_once() {
    let (crm, folder) = (Fake::new(4), Folder::new());
    let mut job = job(&crm, &folder, 4);
    crm.fail("put 2", refusal(ApiErrorKind::Auth), false);
    let stopped = applied(&crm, &mut job);
    assert_eq!(reason(&stopped, &job), StopReason::Auth);
    assert_eq!(states(&job), "updated planned updated planned");
    applied(&crm, &mut job).unwrap();
    assert!(job.is_ok().unwrap());
}

#[test]
fn a_sign_in_that_must_wait_is_waited_for_three_times() {
    let limited = || Error::SignInLimited {
        retry_after: Duration::from_secs(40),
        interval: Duration::from_secs(60),
        refusal: None,
        may_have_been_applied: false,
    };
    for (times, ok) in [(3, true), (4, false)] {
        let (crm, folder) = (Fake::new(1), Folder::new());
        let mut job = job(&crm, &folder, 1);
        crm.before("put 1", move |crm| {
            crm.faults = (0..times).map(|_| ("*".to_owned(), limited(), false)).collect();
        });
        let result = applied(&crm, &mut job);
        assert_eq!(result.is_ok(), ok);
        assert_eq!(crm.count("wait 40"), 3);
        assert_eq!(job.is_ok().unwrap(), ok);
    }
}

#[test]
fn a_cancel_ends_the_run_and_leaves_the_job_to_go_on() {
    let (crm, folder) = (Fake::new(4), Folder::new());
    let mut job = job(&crm, &folder, 4);
    crm.before("put 2", |crm| crm.cancelled = true);
    let error = applied(&crm, &mut job).unwrap_err();
    assert_eq!(error.code(), "cancelled");
    assert_eq!(states(&job), "updated updated updated planned");
    assert_eq!(job.stop_reason().unwrap(), Some(StopReason::Cancelled));
    crm.0.borrow_mut().cancelled = false;
    applied(&crm, &mut job).unwrap();
    assert!(job.is_ok().unwrap());
}

#[test]
fn a_callback_that_fails_stops_the_job() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let mut job = job(&crm, &folder, 3);
    let mut seen = Vec::new();
    let options = ApplyOptions::new().on_row(|row| {
        seen.push(row.number);
        if row.number == 2 { Err("enough".into()) } else { Ok(()) }
    });
    let stopped = apply(&crm, &mut job, options);
    assert_eq!(seen, [1, 2]);
    let Err(Error::JobStopped { source: Some(source), .. }) = &stopped else { panic!() };
    assert_eq!(source.to_string(), "enough");
    assert_eq!(reason(&stopped, &job), StopReason::Cancelled);
}

#[test]
fn a_job_of_another_enterprise_is_not_sent() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let mut job = job(&crm, &folder, 3);
    crm.0.borrow_mut().corp_id = Some("2".to_owned());
    let stopped = applied(&crm, &mut job);
    assert_eq!(reason(&stopped, &job), StopReason::WrongEnterprise);
    crm.0.borrow_mut().corp_id = None;
    crm.0.borrow_mut().stages = vec![(1001, "初步", true), (1003, "赢单", true)];
    let stopped = applied(&crm, &mut job);
    assert_eq!(reason(&stopped, &job), StopReason::WrongEnterprise);
    assert_eq!(crm.count("put"), 0);
}

#[test]
fn rows_that_are_all_strange_tell_another_enterprise() {
    let (crm, folder) = (Fake::new(30), Folder::new());
    let mut job = job(&crm, &folder, 30);
    crm.pass(Duration::from_secs(700));
    crm.0.borrow_mut().records.retain(|id, _| *id > 25);
    let stopped = applied(&crm, &mut job);
    assert_eq!(crm.count("list"), 1);
    assert_eq!(reason(&stopped, &job), StopReason::WrongEnterprise);
    assert_eq!(job.counts().unwrap().of(RowState::NotFound), 0);
}

#[test]
fn a_label_that_means_another_option_makes_its_rows_invalid() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let mut job = job(&crm, &folder, 2);
    crm.0.borrow_mut().stages[2] = (3, "成交", true);
    let stopped = applied(&crm, &mut job);
    assert_eq!(reason(&stopped, &job), StopReason::InvalidRows);
    assert_eq!(states(&job), "invalid invalid");
}

#[test]
fn a_file_that_was_deleted_or_replaced_stops_the_job() {
    for replaced in [false, true] {
        let (crm, folder) = (Fake::new(3), Folder::new());
        let mut job = job(&crm, &folder, 3);
        let path = folder.job();
        crm.before("put 1", move |_| {
            std::fs::remove_file(&path).unwrap();
            if replaced {
                std::fs::write(&path, "another file").unwrap();
            }
        });
        let stopped = applied(&crm, &mut job);
        let Err(Error::JobStopped { reason, .. }) = stopped else { panic!("{stopped:?}") };
        assert_eq!(reason, StopReason::Storage);
        assert_eq!(crm.count("put"), 1);
    }
}

#[test]
fn two_cannot_work_on_one_job() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let mut job = job(&crm, &folder, 3);
    let mut told = None;
    let mut status = None;
    let options = ApplyOptions::new().on_row(|_| {
        let mut other = crate::job::open_job(folder.job())?;
        status = Some(other.status()?);
        told = applied(&crm, &mut other).err();
        Ok(())
    });
    apply(&crm, &mut job, options).unwrap();
    assert_eq!(told.unwrap().code(), "job_in_use");
    assert_eq!(status, Some(JobStatus::Running));
}
