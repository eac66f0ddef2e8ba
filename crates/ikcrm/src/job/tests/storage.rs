//! Files that are no jobs, that are damaged or newer; clocks that step.

use std::time::Duration;

use serde_json::json;

use super::apply::{applied, job};
use super::crm::Fake;
use super::folder::Folder;
use super::plan::{planned, row, states};
use crate::error::Error;
use crate::job::{PlanOptions, RowState, open_job};

#[test]
fn a_newer_form_is_refused() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    drop(job(&crm, &folder, 3));
    let connection = rusqlite::Connection::open(folder.job()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = open_job(folder.job()).unwrap_err();
    assert_eq!(error.code(), "job_file");
    assert!(error.message().contains("99"), "{error}");
}

#[test]
fn another_database_is_refused_and_left_alone() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let connection = rusqlite::Connection::open(folder.job()).unwrap();
    connection.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").unwrap();
    let before = std::fs::read(folder.job()).unwrap();
    let rows = vec![row(json!({"id": 1, "stage": "赢单"}))];
    let error = planned(&crm, rows, PlanOptions::new().job(folder.job())).unwrap_err();
    assert_eq!(error.code(), "job_file");
    assert_eq!(std::fs::read(folder.job()).unwrap(), before);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let (crm, folder) = (Fake::new(3), Folder::new());
    let path = folder.path().join("no").join("job");
    let rows = vec![row(json!({"id": 1, "stage": "赢单"}))];
    let error = planned(&crm, rows, PlanOptions::new().job(&path)).unwrap_err();
    assert_eq!(error.code(), "job_file");
    assert!(error.message().contains("no/job"), "{error}");
    assert_eq!(open_job(&path).unwrap_err().code(), "job_file");
}

#[test]
fn a_damaged_file_ends_in_an_error_and_never_in_a_panic() {
    let (crm, folder) = (Fake::new(40), Folder::new());
    drop(job(&crm, &folder, 40));
    let whole = std::fs::read(folder.job()).unwrap();
    let mut ended = Vec::new();
    for place in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged.iter_mut().skip(place).take(64).for_each(|byte| *byte ^= 0xa5);
        std::fs::write(folder.job(), &damaged).unwrap();
        let result = open_job(folder.job()).and_then(|mut job| {
            job.counts()?;
            job.problems()?;
            job.rows(None).collect::<Result<Vec<_>, _>>()?;
            applied(&crm, &mut job)
        });
        ended.push(result.err().map(|error| error.code()));
        for end in ["-wal", "-shm"] {
            std::fs::remove_file(folder.path().join(format!("test.job{end}"))).ok();
        }
    }
    assert!(ended.contains(&Some("job_file")), "{ended:?}");
}

#[test]
fn a_clock_that_steps_costs_readings_and_nothing_else() {
    for step in [-86_400_000_i64, 86_400_000] {
        let (crm, folder) = (Fake::new(4), Folder::new());
        let mut job = job(&crm, &folder, 4);
        crm.before("put 2", move |crm| crm.now += step);
        applied(&crm, &mut job).unwrap();
        assert!(job.is_ok().unwrap(), "{step}");
        assert!(crm.count("list") + crm.count("get") >= 1, "{step}");
        assert_eq!(crm.count("put"), 4, "{step}");
    }
}

#[test]
fn a_quota_store_that_is_away_stops_the_job() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    let mut job = job(&crm, &folder, 2);
    let away = Error::QuotaStore {
        message: "away".to_owned(),
        retryable: true,
        may_have_been_applied: false,
    };
    crm.fail("put 1", away, false);
    let error = applied(&crm, &mut job).unwrap_err();
    assert_eq!(
        (error.code(), job.stop_reason().unwrap().unwrap().as_str()),
        ("job_stopped", "storage")
    );
    assert_eq!(states(&job), "planned planned");
    applied(&crm, &mut job).unwrap();
    assert!(job.is_ok().unwrap());
}

#[test]
fn the_file_is_its_owners_alone_and_holds_no_more_than_the_rows() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    let mut job = job(&crm, &folder, 2);
    applied(&crm, &mut job).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["test.job", "test.job-lock"]);
}

#[test]
fn the_published_queries_work() {
    let (crm, folder) = (Fake::new(2), Folder::new());
    let mut job = job(&crm, &folder, 2);
    crm.0.borrow_mut().records.remove(&2);
    applied(&crm, &mut job).unwrap();
    let connection = rusqlite::Connection::open(folder.job()).unwrap();
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let states = "SELECT group_concat(state || ' ' || n) FROM \
                  (SELECT state, count(*) AS n FROM row GROUP BY state ORDER BY state)";
    assert_eq!(one(states), "not_found 1,updated 1");
    let changed = "SELECT f.value ->> 'before' || ' > ' || (f.value ->> 'after') FROM row, \
                   json_each(row.fields) AS f WHERE state = 'updated' AND f.value ->> 'field' = 'stage'";
    assert_eq!(one(changed), "1 > 3");
    let wrong =
        "SELECT number || ' ' || cause FROM row WHERE state NOT IN ('updated', 'unchanged')";
    assert_eq!(one(wrong), "2 not_found");
    assert_eq!(job.counts().unwrap().of(RowState::NotFound), 1);
    crm.pass(Duration::ZERO);
}
