//! Sending, and going on after whatever happened.

use std::time::Duration;

use serde_json::json;

use super::crm::{Fake, away};
use super::folder::Folder;
use super::plan::{message, planned, row, states};
use crate::error::Error;
use crate::job::face::apply;
use crate::job::undo::undo;
use crate::job::{
    ApplyOptions, Compare, JobStatus, OnConflict, PlanOptions, RowState, UpdateJob, open_job,
};

/// A job that gives so many opportunities the stage 赢单.
pub(super) fn job(crm: &Fake, folder: &Folder, rows: i64) -> UpdateJob {
    let rows = (1..=rows).map(|id| row(json!({"id": id, "stage": "赢单"}))).collect();
    let job = planned(crm, rows, PlanOptions::new().job(folder.job())).unwrap();
    crm.calls();
    job
}

pub(super) fn applied(crm: &Fake, job: &mut UpdateJob) -> Result<(), Error> {
    apply(crm, job, ApplyOptions::new())
}

#[test]
fn only_changes_are_sent_with_what_the_crm_requires() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let mut job = job(&crm, &folder, 3);
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "updated updated updated");
    assert_eq!(crm.calls(), ["field_map", "put 1", "put 2", "put 3"]);
    assert_eq!(crm.get(2, "stage"), json!("3"));
    assert_eq!(crm.get(2, "title"), json!("t2"));
    assert!(job.is_ok().unwrap());
    assert_eq!(job.status().unwrap(), JobStatus::Completed);
    let calls = job.calls().unwrap();
    assert_eq!(calls, [("list", 1), ("get", 3), ("update", 3), ("lookup", 2), ("sign_in", 0)]);
    applied(&crm, &mut job).unwrap();
    assert_eq!(crm.calls(), [""; 0]);
    assert!(!folder.path().join("test.job-wal").exists());
}

#[test]
fn a_row_that_may_have_been_applied_is_read_before_anything_else() {
    for (applied_in_crm, state, puts) in [(true, "updated", 1), (false, "updated", 2)] {
        let (crm, folder) = (Fake::new(2), Folder::new());
        let mut job = job(&crm, &folder, 2);
        crm.fail("put 1", away(true), applied_in_crm);
        applied(&crm, &mut job).unwrap();
        assert_eq!(states(&job), "unknown updated");
        assert!(!job.is_ok().unwrap());
        applied(&crm, &mut job).unwrap();
        assert_eq!(states(&job), format!("{state} updated"));
        assert_eq!(crm.count("put 1"), puts);
        assert!(crm.calls().contains(&"get 1".to_owned()));
    }
}

#[test]
fn a_row_of_unknown_fate_that_somebody_changed_is_a_conflict() {
    let (crm, folder) = (Fake::new(1), Folder::new());
    let mut job = job(&crm, &folder, 1);
    crm.fail("put 1", away(true), true);
    applied(&crm, &mut job).unwrap();
    crm.set(1, "stage", json!("2"));
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "conflict");
    assert!(message(&job, 1).contains("stage"));
    assert_eq!(crm.get(1, "stage"), json!("2"));
    let options =
        ApplyOptions::new().on_conflict(OnConflict::Overwrite).retry([RowState::Conflict]);
    apply(&crm, &mut job, options).unwrap();
    assert_eq!((states(&job).as_str(), crm.get(1, "stage")), ("updated", json!("3")));
}

#[test]
fn an_old_reading_is_made_again() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let mut job = job(&crm, &folder, 3);
    crm.pass(Duration::from_secs(700));
    crm.set(2, "stage", json!("2"));
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "updated conflict updated");
    assert_eq!(crm.calls(), ["field_map", "list 1", "put 1", "put 3"]);
    assert_eq!(crm.get(2, "stage"), json!("2"));
}

#[test]
fn a_job_may_read_each_row_just_before_its_update() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    let mut job = job(&crm, &folder, 2);
    crm.before("get 2", |crm| crm.set(2, "title", json!("renamed")));
    apply(&crm, &mut job, ApplyOptions::new().max_age(Duration::ZERO)).unwrap();
    assert_eq!(crm.calls(), ["field_map", "get 1", "put 1", "get 2", "put 2"]);
    assert_eq!(crm.get(2, "title"), json!("renamed"));
}

#[test]
fn what_others_change_meanwhile_is_seen_within_a_minute() {
    let (crm, folder) = (Fake::new(130), Folder::new());
    crm.0.borrow_mut().limit = Some((1, Duration::from_secs(1)));
    let mut job = job(&crm, &folder, 130);
    crm.before("put 10", |crm| crm.set(100, "stage", json!("2")));
    crm.before("put 11", |crm| crm.set(101, "note", json!("not of this job")));
    applied(&crm, &mut job).unwrap();
    let found = job.rows(Some(RowState::Conflict)).map(|row| row.unwrap().number);
    assert_eq!(found.collect::<Vec<_>>(), [100]);
    assert_eq!(crm.count("newest"), 2);
}

#[test]
fn where_the_list_is_not_sorted_only_the_age_counts() {
    let (crm, folder) = (Fake::new(130), Folder::new());
    crm.0.borrow_mut().limit = Some((1, Duration::from_secs(1)));
    crm.0.borrow_mut().sorts = false;
    let mut job = job(&crm, &folder, 130);
    crm.before("put 10", |crm| crm.set(50, "stage", json!("2")));
    applied(&crm, &mut job).unwrap();
    assert_eq!(crm.count("newest"), 1);
    assert_eq!(job.counts().unwrap().of(RowState::Updated), 130);
}

#[test]
fn a_value_that_the_crm_does_not_take_is_told() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    crm.0.borrow_mut().taken = |record| drop(record.insert("stage".to_owned(), json!("2")));
    let mut job = job(&crm, &folder, 1);
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "updated");
    assert!(!job.is_ok().unwrap());
    assert_eq!(job.rows(None).next().unwrap().unwrap().not_taken, ["stage"]);
    assert_eq!(job.problems().unwrap()[0].rows, 1);
}

#[test]
fn a_job_that_was_left_goes_on_by_its_path() {
    let (crm, folder) = (Fake::new(5), Folder::new());
    let mut first = job(&crm, &folder, 5);
    apply(&crm, &mut first, ApplyOptions::new().limit(2)).unwrap();
    assert_eq!(first.status().unwrap(), JobStatus::Stopped);
    assert_eq!(first.stop_reason().unwrap().unwrap().as_str(), "limit");
    drop(first);
    let mut job = open_job(folder.job()).unwrap();
    applied(&crm, &mut job).unwrap();
    assert_eq!(crm.count("put"), 5);
    assert!(job.is_ok().unwrap());
}

#[test]
fn nothing_is_compared_when_that_is_asked_for() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    let rows = vec![row(json!({"id": 1, "stage": "1"}))];
    let options = PlanOptions::new().job(folder.job()).compare(Compare::None).partial(true);
    let mut job = planned(&crm, rows, options).unwrap();
    crm.pass(Duration::from_secs(7000));
    applied(&crm, &mut job).unwrap();
    assert_eq!(crm.calls(), ["field_map", "field_map", "put 1"]);
    assert_eq!(states(&job), "updated");
}

#[test]
fn undo_brings_back_what_was_there() {
    let (crm, folder) = (Fake::new(4), Folder::new());
    let rows = vec![
        row(json!({"id": 1, "stage": "赢单", "expect_amount": "5"})),
        row(json!({"id": 2, "stage": "赢单"})),
        row(json!({"id": 3, "stage": "初步"})),
    ];
    let mut job = planned(&crm, rows, PlanOptions::new().job(folder.job())).unwrap();
    applied(&crm, &mut job).unwrap();
    crm.set(2, "stage", json!("2"));
    let mut back = undo(&crm, &job, PlanOptions::new()).unwrap();
    assert_eq!(states(&back), "planned conflict");
    applied(&crm, &mut back).unwrap();
    assert_eq!(states(&back), "updated conflict");
    assert_eq!((crm.get(1, "stage"), crm.get(1, "expect_amount")), (json!("1"), json!("1.0")));
    assert_eq!(crm.get(2, "stage"), json!("2"));
}

#[test]
fn what_was_not_known_cannot_be_brought_back() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    let rows = vec![row(json!({"id": 1, "file_asset_1f": ["a"]}))];
    let mut job = planned(&crm, rows, PlanOptions::new().job(folder.job())).unwrap();
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "updated");
    let back = undo(&crm, &job, PlanOptions::new()).unwrap();
    assert_eq!(states(&back), "invalid");
}

#[test]
fn failed_rows_are_taken_up_again_when_asked() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    let mut job = job(&crm, &folder, 2);
    crm.fail("put 1", away(false), false);
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "failed updated");
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "failed updated");
    apply(&crm, &mut job, ApplyOptions::new().retry([RowState::Failed])).unwrap();
    assert_eq!(states(&job), "updated updated");
}

#[test]
fn rows_are_taken_out_by_id_or_key() {
    let (crm, folder) = (Fake::new(4), Folder::new());
    let rows = (1..=4).map(|id| row(json!({"id": id, "no": format!("k{id}"), "stage": "赢单"})));
    let options = PlanOptions::new().job(folder.job()).key("no");
    let mut job = planned(&crm, rows.collect(), options).unwrap();
    assert_eq!(job.skip_ids([1, 99]).unwrap(), 1);
    assert_eq!(job.skip_keys(["k3"]).unwrap(), 1);
    applied(&crm, &mut job).unwrap();
    assert_eq!(states(&job), "skipped updated skipped updated");
    assert!(job.is_ok().unwrap());
}
