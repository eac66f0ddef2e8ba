//! What holds for any rows, any CRM and any failures.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::apply::applied;
use super::crm::{Fake, away};
use super::folder::Folder;
use super::plan::{planned, row, states};
use crate::job::face::apply;
use crate::job::undo::undo;
use crate::job::{ApplyOptions, Compare, PlanOptions, RowState, UpdateJob};

/// How many opportunities the CRM has.
const ROWS: i64 = 12;

/// A field and a value for it, some of which the CRM has already.
fn field() -> impl Strategy<Value = (&'static str, Json)> {
    prop_oneof![
        prop_oneof![Just(json!(null)), Just(json!("1")), Just(json!("谈判")), Just(json!(3))]
            .prop_map(|stage| ("stage", stage)),
        (1..13).prop_map(|amount| ("expect_amount", json!(format!("{amount}.00")))),
        "[ab]{0,2}".prop_map(|note| ("note", json!(note))),
        Just(("customer_id", json!(7))),
        Just(("customer_id", json!(8))),
        (0..3).prop_map(|user| ("user_id", json!(user + 4))),
        "t[1-3]".prop_map(|title| ("title", json!(title))),
        "[xy]".prop_map(|text| ("text_asset_1f", json!(text))),
    ]
}

/// A row; some ids are missing in the CRM or given twice, some values are wrong.
fn cells() -> impl Strategy<Value = Json> {
    (1..ROWS + 3, vec(field(), 0..4), 0..20).prop_map(|(id, fields, wrong)| {
        let mut cells: Map<String, Json> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        cells.insert("id".to_owned(), if wrong == 0 { json!("x") } else { json!(id) });
        if wrong == 1 {
            cells.insert("expect_amount".to_owned(), json!("1,5"));
        }
        Json::Object(cells)
    })
}

fn plan(crm: &Fake, rows: &[Json], folder: &Folder, compare: Compare) -> UpdateJob {
    let rows = rows.iter().cloned().map(row).collect();
    planned(crm, rows, PlanOptions::new().job(folder.job()).compare(compare)).unwrap()
}

/// What the CRM has, but for the times.
fn content(crm: &Fake) -> Vec<Map<String, Json>> {
    let records = crm.0.borrow().records.clone();
    let strip = |mut record: Map<String, Json>| {
        record.remove("updated_at");
        if let Some(customer) = record.get("customer").map(|customer| customer["id"].clone()) {
            record.insert("customer".to_owned(), customer);
        }
        // A list's row does not tell how null was spelt, and amounts have many spellings.
        for (key, value) in &mut record {
            if value.is_null() {
                *value = json!("");
            } else if key == "expect_amount" {
                *value = json!(value.as_str().unwrap().parse::<f64>().unwrap());
            }
        }
        record
    };
    records.into_values().map(strip).collect()
}

fn options() -> ApplyOptions<'static> {
    ApplyOptions::new().skip_invalid(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_rows_are_compared_the_crm_ends_the_same(rows in vec(cells(), 1..10)) {
        let mut ends = Vec::new();
        for compare in [Compare::Auto, Compare::Get, Compare::None] {
            let (crm, folder) = (Fake::new(ROWS), Folder::new());
            let mut job = plan(&crm, &rows, &folder, compare);
            prop_assert_eq!(job.counts().unwrap().total(), rows.len() as u64);
            apply(&crm, &mut job, options()).unwrap();
            prop_assert_eq!(job.counts().unwrap().total(), rows.len() as u64);
            ends.push(content(&crm));
        }
        prop_assert_eq!(&ends[0], &ends[1]);
        prop_assert_eq!(&ends[0], &ends[2]);
    }

    #[test]
    fn a_second_job_of_the_same_rows_changes_nothing(rows in vec(cells(), 1..10)) {
        let (crm, folder, again) = (Fake::new(ROWS), Folder::new(), Folder::new());
        apply(&crm, &mut plan(&crm, &rows, &folder, Compare::Get), options()).unwrap();
        crm.calls();
        let mut job = plan(&crm, &rows, &again, Compare::Get);
        prop_assert_eq!(job.counts().unwrap().of(RowState::Planned), 0, "{}", job);
        apply(&crm, &mut job, options()).unwrap();
        prop_assert_eq!(crm.count("put"), 0);
    }

    #[test]
    fn undo_restores_all_that_was_known(rows in vec(cells(), 1..10)) {
        let (crm, folder) = (Fake::new(ROWS), Folder::new());
        for id in 1..=ROWS {
            crm.set(id, "text_asset_1f", json!("z"));
        }
        let before = content(&crm);
        let mut job = plan(&crm, &rows, &folder, Compare::Get);
        apply(&crm, &mut job, options()).unwrap();
        let mut back = undo(&crm, &job, PlanOptions::new()).unwrap();
        applied(&crm, &mut back).unwrap();
        prop_assert_eq!(content(&crm), before, "{}", states(&back));
    }

    #[test]
    fn whatever_fails_no_row_is_lost_or_sent_twice(
        faults in vec((1..ROWS + 1, any::<bool>(), any::<bool>()), 0..8),
    ) {
        let (crm, folder) = (Fake::new(ROWS), Folder::new());
        let rows: Vec<_> = (1..=ROWS).map(|id| json!({"id": id, "stage": "赢单"})).collect();
        let mut job = plan(&crm, &rows, &folder, Compare::Auto);
        for (id, may, applied) in faults {
            crm.fail(&format!("put {id}"), away(may), may && applied);
        }
        for _ in 0..20 {
            apply(&crm, &mut job, options().retry([RowState::Failed])).unwrap();
            let updated: Vec<_> = job.rows(Some(RowState::Updated)).map(|row| row.unwrap().number).collect();
            prop_assert_eq!(job.counts().unwrap().total(), rows.len() as u64);
            crm.calls();
            if job.is_ok().unwrap() {
                break;
            }
            apply(&crm, &mut job, options().retry([RowState::Failed])).unwrap();
            for number in updated {
                let call = format!("put {number}");
                prop_assert!(!crm.0.borrow().log.contains(&call), "{}", call);
            }
        }
        prop_assert!(job.is_ok().unwrap(), "{}", job);
        for id in 1..=ROWS {
            prop_assert_eq!(crm.get(id, "stage"), json!("3"));
        }
    }
}
