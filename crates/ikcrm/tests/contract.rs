//! The core's tables are those of `contract/`, which every language is held to.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use ikcrm::FieldErrorCode;
use ikcrm::contract::{
    CALL_OPTIONS, EVENTS, FIELDS, Kind, OPTIONS, QUERY_PARTS, QUOTA_OPTIONS, SHAPES,
    UPDATE_OPTIONS, kind_of_code,
};
use serde_json::{Map, Value, json};

fn contract(name: &str) -> Value {
    let path = format!("{}/contract/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The values under `key` in a list of rows.
fn column<'a>(rows: &'a Value, key: &str) -> Vec<&'a str> {
    rows.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap()).collect()
}

#[test]
fn the_fields_of_an_update_are_as_listed() {
    let rows = contract("fields.json");
    let listed = rows.as_array().unwrap().iter().map(|row| {
        let pick = |key: &str| row[key].clone();
        json!([
            pick("name"),
            pick("kind"),
            pick("required"),
            pick("nullable"),
            pick("read"),
            pick("listed"),
            pick("chinese"),
        ])
    });
    let known = FIELDS.iter().map(|field| {
        let (kind, required) = (field.kind.as_str(), field.required);
        json!([field.name, kind, required, !required, field.read, field.listed, field.chinese])
    });
    assert_eq!(listed.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

#[test]
fn the_attributes_of_an_answer_are_as_listed() {
    let known = SHAPES.iter().map(|shape| {
        let attributes = shape.fields.iter().map(|(name, kind)| ((*name).to_owned(), word(*kind)));
        (shape.name.to_owned(), Value::Object(attributes.collect()))
    });
    let mut listed = contract("answer.json");
    for record in listed.as_object_mut().unwrap().values_mut() {
        let attributes = record["attributes"].as_object().unwrap().iter();
        let kinds = attributes.map(|(name, row)| (name.clone(), row["kind"].clone()));
        *record = Value::Object(kinds.collect());
    }
    assert_eq!(listed, Value::Object(known.collect::<Map<_, _>>()));
}

/// The contract's word for the kind of an attribute.
fn word(kind: Kind) -> Value {
    match kind {
        Kind::Record(shape) => json!(shape.name),
        Kind::Records(shape) => json!(format!("[{}]", shape.name)),
        plain => json!(format!("{plain:?}").to_lowercase()),
    }
}

#[test]
fn the_client_options_are_as_listed() {
    let options = contract("options.json");
    assert_eq!(column(&options["client"], "name"), OPTIONS);
    assert_eq!(column(&options["quota"], "name"), QUOTA_OPTIONS);
    assert_eq!(column(&options["call"], "name"), CALL_OPTIONS);
    assert_eq!(column(&options["update"], "name"), UPDATE_OPTIONS);
}

#[test]
fn the_variables_are_named_after_the_options() {
    let options = contract("options.json");
    for (table, start) in [("client", "IKCRM_"), ("quota", "IKCRM_QUOTA_")] {
        for row in options[table].as_array().unwrap().iter().filter(|row| row["name"] != "headers")
        {
            let name = row["name"].as_str().unwrap().to_uppercase();
            assert_eq!(row["env"], format!("{start}{name}"), "{row}");
        }
    }
}

#[test]
fn the_ranges_of_options_are_the_core_s() {
    let options = contract("options.json");
    for table in ["client", "quota", "call"] {
        for row in options[table].as_array().unwrap().iter().filter(|row| row["range"].is_array()) {
            let (name, most) = (row["name"].as_str().unwrap(), row["range"][1].as_i64().unwrap());
            assert_eq!(faults(table, name, most), [], "{table}: {row}");
            for beyond in [most + 1, -1] {
                assert_eq!(faults(table, name, beyond), [FieldErrorCode::Range], "{table}: {row}");
            }
        }
    }
}

/// Whether an option of a client, a quota or a call is out of its range.
fn faults(table: &str, name: &str, number: i64) -> Vec<FieldErrorCode> {
    let client = ikcrm::Client::builder().token("test-token");
    let error = match table {
        "client" => client.set(name, number).build().err(),
        "quota" => {
            let quota = ikcrm::Value::Map(vec![(name.to_owned(), number.into())]);
            client.set("quota", quota).build().err()
        }
        _ => {
            let options = ikcrm::CallOptions::new().set(name, number);
            let query = ikcrm::OpportunityQuery::new();
            client.build().unwrap().list_opportunities_with(&query, options).err()
        }
    };
    let codes = error.iter().flat_map(ikcrm::Error::fields).map(|fault| fault.code);
    codes.filter(|code| *code == FieldErrorCode::Range).collect()
}

#[test]
fn the_events_and_their_facts_are_as_listed() {
    let contract = contract("events.json");
    let listed = contract["events"].as_object().unwrap().iter();
    let mut listed: Vec<_> =
        listed.map(|(name, row)| (name.as_str(), row["facts"].clone())).collect();
    listed.sort_by_key(|(name, _)| *name);
    let mut known: Vec<_> = EVENTS.iter().map(|(name, facts)| (*name, json!(facts))).collect();
    known.sort_by_key(|(name, _)| *name);
    assert_eq!(listed, known);
}

#[test]
#[cfg(feature = "jobs")]
fn the_options_of_jobs_are_as_listed() {
    use ikcrm::contract::{APPLY_OPTIONS, PLAN_OPTIONS};
    let options = contract("options.json");
    assert_eq!(column(&options["plan"], "name"), PLAN_OPTIONS);
    assert_eq!(column(&options["apply"], "name"), APPLY_OPTIONS);
}

#[test]
#[cfg(any(feature = "csv", feature = "xlsx"))]
fn the_options_of_sheets_are_as_listed() {
    use ikcrm::contract::{SHEET_OPTIONS, WRITE_OPTIONS};
    let options = contract("options.json");
    assert_eq!(column(&options["sheet"], "name"), SHEET_OPTIONS);
    assert_eq!(column(&options["write"], "name"), WRITE_OPTIONS);
}

#[test]
fn the_parts_of_a_query_are_as_listed() {
    assert_eq!(column(&contract("query.json"), "name"), QUERY_PARTS);
}

#[test]
fn the_codes_of_faults_are_as_listed() {
    let known = FieldErrorCode::ALL.map(FieldErrorCode::as_str);
    assert_eq!(contract("errors.json")["field_codes"], json!(known));
}

#[test]
fn the_api_codes_mean_what_is_listed() {
    for row in contract("errors.json")["api_codes"].as_array().unwrap() {
        let kind = kind_of_code(row["api_code"].as_i64().unwrap());
        assert_eq!(row["code"], kind.as_str(), "{row}");
    }
}
