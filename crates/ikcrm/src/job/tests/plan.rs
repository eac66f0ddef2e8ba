//! Loading and comparing.

use serde_json::json;

use super::crm::{Fake, away, refusal};
use super::folder::Folder;
use crate::error::{ApiErrorKind, Error};
use crate::input::Value;
use crate::job::plan::plan;
use crate::job::{
    Cell, Compare, Empty, JobStatus, OnDuplicate, PlanOptions, RowInput, RowState, UpdateJob,
};
use crate::request::OpportunityUpdate;
use crate::{Decimal, Patch};

/// Plans rows of names and values.
pub(super) fn planned(
    crm: &Fake,
    rows: Vec<RowInput>,
    options: PlanOptions<'_>,
) -> Result<UpdateJob, Error> {
    plan(crm, &mut rows.into_iter().map(Ok), options)
}

pub(super) fn row(cells: serde_json::Value) -> RowInput {
    let serde_json::Value::Object(cells) = cells else { panic!("a row is an object") };
    cells.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}

/// The states of all rows.
pub(super) fn states(job: &UpdateJob) -> String {
    let states = job.rows(None).map(|row| row.unwrap().state.to_string());
    states.collect::<Vec<_>>().join(" ")
}

pub(super) fn message(job: &UpdateJob, number: usize) -> String {
    job.rows(None).nth(number - 1).unwrap().unwrap().message.unwrap_or_default()
}

fn options(folder: &Folder) -> PlanOptions<'static> {
    PlanOptions::new().job(folder.job())
}

#[test]
fn pages_are_read_as_long_as_they_have_several_rows_of_the_job() {
    for (last, pages) in [(130, 2), (101, 1)] {
        let (crm, folder) = (Fake::new(5_000), Folder::new());
        let rows = (1..=last).map(|id| row(json!({"id": id, "stage": "赢单"}))).collect();
        let job = planned(&crm, rows, options(&folder)).unwrap();
        assert_eq!((crm.count("list"), crm.count("get")), (pages, 3 + (2 - pages)), "{last}");
        assert_eq!(job.counts().unwrap().of(RowState::Planned), last);
    }
}

#[test]
fn rows_are_checked_and_compared_by_pages() {
    let (crm, folder) = (Fake::new(150), Folder::new());
    let rows = vec![
        row(json!({"id": 1, "stage": "赢单"})),
        row(json!({"id": "2", "stage": "初步", "expect_amount": "2.00"})),
        row(json!({"id": 3, "expect_amount": "abc"})),
        row(json!({"stage": "赢单"})),
        row(json!({"id": 120, "user_id": 5, "customer_id": 7, "title": "t120"})),
        row(json!({"id": 999, "stage": "赢单"})),
        row(json!({"id": 8, "stage": "搁置"})),
        row(json!({"id": 9, "stage": 4})),
        row(json!({"id": 10, "stage": "", "note": "  "})),
        row(json!({"id": 11, "stage": "谈判"})),
        row(json!({"id": 11, "stage": "赢单"})),
    ];
    let job = planned(&crm, rows, options(&folder)).unwrap();
    assert_eq!(
        states(&job),
        "planned unchanged invalid invalid unchanged not_found invalid invalid unchanged duplicate \
         duplicate"
    );
    assert_eq!(crm.calls(), ["field_map", "list 1", "list 2", "get 999", "get 1"]);
    assert_eq!(job.status().unwrap(), JobStatus::Ready);
    assert_eq!(job.counts().unwrap().total(), 11);
    assert!(message(&job, 3).contains("expect_amount"));
    assert!(message(&job, 4).contains("no id"));
    assert_eq!(message(&job, 10), "the id 11 is in the rows 10, 11; none of them is sent");
    let first = job.rows(None).next().unwrap().unwrap();
    assert_eq!(first.changes.len(), 1);
    assert_eq!(first.changes[0].before.as_deref(), Some("\"1\""));
    assert_eq!(first.changes[0].after, "\"3\"");
    assert_eq!(first.changes[0].label.as_deref(), Some("赢单"));
}

#[test]
fn an_update_of_the_rust_kind_is_a_row_too() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let rows = vec![
        RowInput::from((1, OpportunityUpdate::new().expect_amount(Decimal::from(9)))),
        RowInput::from((2, OpportunityUpdate::new().stage(Patch::Null).custom("合同编号", "x"))),
    ];
    let job = planned(&crm, rows, options(&folder)).unwrap();
    assert_eq!(states(&job), "planned planned");
    let second = job.rows(None).nth(1).unwrap().unwrap();
    let changes: Vec<_> =
        second.changes.iter().map(|change| (&*change.field, &*change.after)).collect();
    assert_eq!(changes, [("stage", "null"), ("text_asset_1f", "\"x\"")]);
}

#[test]
fn rows_with_fields_that_no_list_has_are_read_singly() {
    let (crm, folder) = (Fake::new(5), Folder::new());
    let rows = vec![
        row(json!({"id": 1, "note": "n1"})),
        row(json!({"id": 2, "note": "new"})),
        row(json!({"id": 3, "note": "new", "stage": "赢单"})),
        row(json!({"id": 4, "note": "new", "stage": "初步"})),
    ];
    let job = planned(&crm, rows, options(&folder)).unwrap();
    assert_eq!(states(&job), "unchanged planned planned planned");
    let calls = crm.calls();
    assert_eq!(calls, ["field_map", "list 1", "get 1", "get 2", "get 4", "get 3"]);
}

#[test]
fn a_field_that_the_list_tells_otherwise_is_read_singly_for_all() {
    let (crm, folder) = (Fake::new(6), Folder::new());
    crm.0.borrow_mut().listed = |row| drop(row.insert("stage".to_owned(), json!("2")));
    let row = |id: i64| row(json!({"id": id, "stage": "初步"}));
    let job = planned(&crm, (1..=6).map(row).collect(), options(&folder)).unwrap();
    assert_eq!(states(&job), ["unchanged"; 6].join(" "));
    assert_eq!(crm.count("get"), 6);
    assert!(!job.to_string().is_empty());
}

#[test]
fn comparing_has_three_ways() {
    for (compare, states_after, calls) in [
        (Compare::Auto, "unchanged planned", vec!["field_map", "list 1", "get 2"]),
        (Compare::Get, "unchanged planned", vec!["field_map", "get 1", "get 2"]),
        (Compare::None, "planned planned", vec!["field_map", "list 1"]),
    ] {
        let (crm, folder) = (Fake::new(9), Folder::new());
        let rows = vec![row(json!({"id": 1, "stage": "1"})), row(json!({"id": 2, "stage": "2"}))];
        let job = planned(&crm, rows, options(&folder).compare(compare)).unwrap();
        assert_eq!(states(&job), states_after, "{compare:?}");
        assert_eq!(crm.calls(), calls, "{compare:?}");
    }
    let (crm, folder) = (Fake::new(9), Folder::new());
    let rows = vec![row(json!({"id": 1, "stage": "1"}))];
    let options = options(&folder).compare(Compare::None).partial(true);
    assert_eq!(states(&planned(&crm, rows, options).unwrap()), "planned");
    assert_eq!(crm.calls(), ["field_map"]);
}

#[test]
fn empty_cells_keep_or_clear() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let mut rows = vec![
        row(json!({"id": 1, "stage": null, "expect_amount": " "})),
        [("id", Value::Integer(2)), ("expect_amount", Value::Float(f64::NAN))]
            .into_iter()
            .collect(),
    ];
    rows.push([("id", Cell::from(3)), ("stage", Cell::Clear)].into_iter().collect());
    let job = planned(&crm, rows.clone(), options(&folder)).unwrap();
    assert_eq!(states(&job), "unchanged unchanged planned");
    let folder = Folder::new();
    let options = options(&folder).empty(Empty::Clear).empty_of("stage", Empty::Keep);
    let job = planned(&crm, rows, options).unwrap();
    assert_eq!(states(&job), "planned planned planned");
}

#[test]
fn columns_are_named_and_the_rest_is_kept() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let cells = json!({"商机ID": 1, "合同": "HT-1", "销售阶段": "赢单", "备注": "x"});
    let options = || options(&folder).id("商机ID").key("合同").columns([("销售阶段", "stage")]);
    let job = planned(&crm, vec![row(cells.clone())], options()).unwrap();
    let found = job.rows(None).next().unwrap().unwrap();
    assert_eq!((found.key.as_deref(), found.state), (Some("HT-1"), RowState::Planned));
    assert_eq!(found.given.as_deref(), Some("{\"备注\":\"x\"}"));
    let unknown =
        planned(&crm, vec![row(cells)], PlanOptions::new().id("商机ID").key("合同")).unwrap();
    assert_eq!(states(&unknown), "invalid");
}

#[test]
fn the_last_of_duplicates_may_be_sent() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let rows = vec![row(json!({"id": 1, "stage": "赢单"})), row(json!({"id": 1, "stage": "谈判"}))];
    let job = planned(&crm, rows, options(&folder).on_duplicate(OnDuplicate::Last)).unwrap();
    assert_eq!(states(&job), "duplicate planned");
}

#[test]
fn a_change_later_than_the_sheet_is_a_conflict() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let rows =
        || vec![row(json!({"id": 1, "stage": "赢单"})), row(json!({"id": 2, "stage": "赢单"}))];
    crm.set(1, "expect_amount", json!("5"));
    let as_of = crate::date(2024, 1, 1).at(10, 0, 0, 0);
    let job = planned(&crm, rows(), options(&folder).as_of(as_of)).unwrap();
    assert_eq!(states(&job), "conflict planned");
    assert!(message(&job, 1).contains("after 2024-01-01 10:00"), "{}", message(&job, 1));
    let folder = Folder::new();
    let mut rows = rows();
    rows[0].cells.push(("at".into(), Cell::from("2024-01-03")));
    let job = planned(&crm, rows, options(&folder).as_of_column("at")).unwrap();
    assert_eq!(states(&job), "planned planned");
}

#[test]
fn loading_is_all_or_nothing() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let broken = Error::cancelled(false);
    let mut rows = vec![Ok(row(json!({"id": 1}))), Err(broken)].into_iter();
    let error = plan(&crm, &mut rows, options(&folder)).unwrap_err();
    assert_eq!(error.code(), "cancelled");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    crm.fail("field_map", refusal(ApiErrorKind::Auth), false);
    let error = planned(&crm, vec![row(json!({"id": 1}))], options(&folder)).unwrap_err();
    assert_eq!(error.code(), "auth");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn comparing_that_stopped_goes_on() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let rows = || (1..=4).map(|id| row(json!({"id": id, "note": "new"}))).collect::<Vec<_>>();
    crm.fail("get 3", refusal(ApiErrorKind::Auth), false);
    let error = planned(&crm, rows(), options(&folder)).unwrap_err();
    assert_eq!(error.code(), "job_stopped");
    assert!(error.message().contains("make the same call again to continue"), "{error}");
    crm.calls();
    let mut rows = rows();
    rows.reverse();
    let job = planned(&crm, rows, options(&folder)).unwrap();
    assert_eq!(states(&job), ["planned"; 4].join(" "));
    assert_eq!(crm.calls(), ["get 3", "get 4"]);
}

#[test]
fn an_application_goes_on_with_comparing_that_stopped() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let rows = (1..=4).map(|id| row(json!({"id": id, "note": "new"}))).collect::<Vec<_>>();
    crm.fail("get 3", refusal(ApiErrorKind::Auth), false);
    assert!(planned(&crm, rows, options(&folder)).is_err());
    let mut job = crate::job::open_job(folder.job()).unwrap();
    super::apply::applied(&crm, &mut job).unwrap();
    assert!(job.is_ok().unwrap(), "{job}");
}

#[test]
fn a_plan_tells_what_it_does_and_how_many_calls_that_takes() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    crm.0.borrow_mut().limit = Some((10, std::time::Duration::from_secs(10)));
    crm.0.borrow_mut().now = i64::MAX / 2;
    let rows = vec![
        row(json!({"id": 1, "stage": "赢单", "expect_amount": "9"})),
        row(json!({"id": 2, "stage": "赢单", "note": "x"})),
        [("id", Cell::from(3)), ("stage", Cell::Clear)].into_iter().collect(),
        row(json!({"id": 4, "stage": "初步"})),
        row(json!({"id": 5, "expect_amount": "9,5"})),
        row(json!({"id": 99, "stage": "赢单"})),
    ];
    let job = planned(&crm, rows, options(&folder)).unwrap();
    let text = job.to_string();
    let mut lines = text.lines();
    let first = "6 rows: 3 to update (stage 2, cleared 1, expect_amount 1, note 1), 1 unchanged, \
                 1 invalid, 1 not found";
    assert_eq!(lines.next(), Some(first), "{text}");
    assert_eq!(lines.next(), Some("ready; about 4 calls to go, about 5 s"), "{text}");
    assert!(text.contains("1 × invalid: expect_amount"), "{text}");
    assert!(text.ends_with("which only the CRM knows"), "{text}");
}

#[test]
fn a_path_that_is_taken_is_never_overwritten() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    let rows = |note: &str| vec![row(json!({"id": 1, "note": note}))];
    drop(planned(&crm, rows("x"), options(&folder)).unwrap());
    let code = |result: Result<UpdateJob, Error>| result.unwrap_err().code();
    assert_eq!(code(planned(&crm, rows("y"), options(&folder))), "job_file");
    assert_eq!(code(planned(&crm, rows("x"), options(&folder).partial(true))), "job_file");
    for content in ["", "not a job at all, but text that is long enough to be looked at as a file"]
    {
        std::fs::write(folder.job(), content).unwrap();
        assert_eq!(code(planned(&crm, rows("x"), options(&folder))), "job_file");
        assert_eq!(std::fs::read_to_string(folder.job()).unwrap(), content);
    }
}

#[test]
fn a_private_job_goes_with_its_object() {
    let crm = Fake::new(9);
    let job = planned(&crm, vec![row(json!({"id": 1, "note": "x"}))], PlanOptions::new()).unwrap();
    let path = job.path().to_owned();
    assert!(path.exists());
    drop(job);
    assert!(!path.exists());
}

#[test]
fn an_outage_while_comparing_is_waited_for() {
    let (crm, folder) = (Fake::new(9), Folder::new());
    (0..6).for_each(|_| crm.fail("get 1", away(false), false));
    let job = planned(&crm, vec![row(json!({"id": 1, "note": "x"}))], options(&folder)).unwrap();
    assert_eq!(states(&job), "planned");
    assert_eq!(crm.calls()[6..8], ["wait 10", "get 1"]);
}
