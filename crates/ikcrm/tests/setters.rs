//! The setters of an update take what people have.

use ikcrm::{Choice, Date, Decimal, OpportunityUpdate, Patch, Value, date};

/// What an update with this one field is, given by name and value.
fn with(name: &'static str, value: impl Into<Value>) -> OpportunityUpdate {
    OpportunityUpdate::new().set(name, value)
}

#[test]
fn an_id_is_any_whole_number() {
    let update = OpportunityUpdate::new;
    let one = with("customer_id", 1);
    assert_eq!(update().customer_id(1), one);
    assert_eq!(update().customer_id(1_u32), one);
    assert_eq!(update().customer_id(1_i64), one);
    assert_eq!(update().customer_id(1_u64), one);
    assert_eq!(update().customer_id(1_usize), one);
    assert_eq!(update().customer_id(-1), with("customer_id", -1), "the call tells what is wrong");
    assert_eq!(update().user_id(u64::MAX), with("user_id", u64::MAX));
}

#[test]
fn text_is_owned_or_not() {
    let (update, title) = (OpportunityUpdate::new, "ccc".to_owned());
    let named = with("title", "ccc");
    assert_eq!(update().title(&title), named);
    assert_eq!(update().title(title.as_str()), named);
    assert_eq!(update().title(title), named);
}

#[test]
fn an_amount_is_a_number_a_decimal_or_text() {
    let update = OpportunityUpdate::new;
    assert_eq!(update().expect_amount(20_000), with("expect_amount", 20_000));
    assert_eq!(update().expect_amount(20_000_u64), with("expect_amount", 20_000));
    assert_eq!(update().expect_amount("20000.50"), with("expect_amount", "20000.50"));
    let decimal = Decimal::new(2_000_050, 2);
    assert_eq!(update().expect_amount(decimal), with("expect_amount", decimal));
}

#[test]
fn a_day_is_a_date_or_text() {
    let (update, day): (_, Date) = (OpportunityUpdate::new, date(2019, 2, 14));
    assert_eq!(update().get_time(day), with("get_time", day));
    assert_eq!(update().get_time("2019-02-14"), with("get_time", "2019-02-14"));
}

#[test]
fn a_choice_is_an_id_or_a_label() {
    let (update, won) = (OpportunityUpdate::new, "赢单".to_owned());
    assert_eq!(update().stage(3514), with("stage", 3514));
    assert_eq!(update().stage(3514_u64), with("stage", 3514));
    assert_eq!(update().stage(Choice::Id(3514)), with("stage", 3514));
    assert_eq!(update().stage(&won), with("stage", "赢单"));
}

#[test]
fn an_option_sets_the_field_or_leaves_it_alone() {
    let update = OpportunityUpdate::new;
    let (some, none) = (Some("call back".to_owned()), None::<String>);
    assert_eq!(update().note(some.as_deref()), with("note", "call back"));
    assert_eq!(update().note(some), with("note", "call back"));
    assert_eq!(update().note(none), update());
    assert_eq!(update().note("first").note(None::<&str>), update(), "the last word counts");
    assert_eq!(update().customer_id(Some(1_i64)), with("customer_id", 1));
    assert_eq!(update().get_time(None::<Date>), update());
    assert_eq!(update().note(Patch::Null), with("note", Value::Null));
}

#[test]
fn a_custom_field_takes_a_patch_an_option_and_lists() {
    let update = OpportunityUpdate::new;
    let lists = update().custom("tags", vec!["a", "b"]);
    assert_eq!(update().custom("tags", ["a", "b"]), lists);
    assert_eq!(update().custom("tags", ["a", "b"].as_slice()), lists);
    assert_eq!(update().custom("tags", Some(["a", "b"])), lists);
    assert_eq!(update().custom("tags", Patch::Set(["a", "b"].into())), lists);
    assert_eq!(update().custom("no", Patch::Null), update().custom("no", Value::Null));
    assert_eq!(update().custom("no", None::<i64>), update());
    assert_eq!(lists.custom("tags", Patch::Unset), update());
}

#[derive(serde::Serialize, Default)]
struct Row {
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<u64>,
    expect_amount: Option<Decimal>,
    get_time: Option<Date>,
    stage: Option<Stage>,
    note: Patch<String>,
    custom: Option<Custom>,
}

#[derive(serde::Serialize)]
enum Stage {
    #[serde(rename = "赢单")]
    Won,
}

#[derive(serde::Serialize)]
struct Custom {
    #[serde(rename = "合同编号")]
    contract: Option<String>,
    tags: Patch<Vec<&'static str>>,
}

#[test]
fn a_struct_becomes_an_update() {
    let row = Row {
        title: Some("ccc".to_owned()),
        customer_id: Some(1),
        expect_amount: Some(Decimal::new(2_000_050, 2)),
        get_time: Some(date(2019, 2, 14)),
        stage: Some(Stage::Won),
        note: Patch::Null,
        custom: Some(Custom { contract: None, tags: Patch::Set(vec!["a", "b"]) }),
    };
    let update = OpportunityUpdate::new()
        .title("ccc")
        .customer_id(1)
        .expect_amount("20000.50")
        .get_time("2019-02-14")
        .stage("赢单")
        .note(Patch::Null)
        .custom("tags", ["a", "b"]);
    assert_eq!(OpportunityUpdate::from_serialize(&row).unwrap(), update);
}

#[test]
fn what_a_struct_does_not_know_is_left_alone() {
    assert_eq!(
        OpportunityUpdate::from_serialize(Row::default()).unwrap(),
        OpportunityUpdate::new()
    );
}

#[test]
fn a_map_becomes_an_update_and_a_null_in_it_clears() {
    let map = serde_json::json!({"note": null, "title": "ccc", "custom": {"tags": null}});
    let update =
        OpportunityUpdate::new().note(Patch::Null).title("ccc").custom("tags", Patch::Null);
    let read: OpportunityUpdate = serde_json::from_value(map.clone()).unwrap();
    assert_eq!(read, update);
    assert_eq!(OpportunityUpdate::from_serialize(map).unwrap(), update);
}

#[test]
fn an_update_read_of_json_has_every_digit() {
    let text = r#"{
        "expect_amount": 123456789012345678.123456789,
        "title": "ccc",
        "custom": {"numeric_asset_1": 0.12345678901234567890, "tags": ["a", 12345678901234567890]}
    }"#;
    let number = |digits: &str| Value::Number(digits.to_owned());
    let tags = Value::List(vec!["a".into(), number("12345678901234567890")]);
    let update = OpportunityUpdate::new()
        .set("expect_amount", number("123456789012345678.123456789"))
        .title("ccc")
        .custom("numeric_asset_1", number("0.12345678901234567890"))
        .custom("tags", tags);
    assert_eq!(serde_json::from_str::<OpportunityUpdate>(text).unwrap(), update);
    assert_eq!(serde_json::from_slice::<OpportunityUpdate>(text.as_bytes()).unwrap(), update);
    assert_eq!(serde_json::from_reader::<_, OpportunityUpdate>(text.as_bytes()).unwrap(), update);
}

#[test]
fn an_update_within_another_struct_is_read_by_its_values() {
    #[derive(serde::Deserialize)]
    struct Row {
        id: u64,
        #[serde(flatten)]
        update: OpportunityUpdate,
    }
    let row: Row = serde_json::from_str(r#"{"id": 5, "title": "ccc", "note": null}"#).unwrap();
    assert_eq!(row.id, 5);
    assert_eq!(row.update, OpportunityUpdate::new().title("ccc").note(Patch::Null));
}

#[test]
fn what_nests_too_deep_is_refused() {
    let deep = format!(r#"{{"note": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let error = serde_json::from_str::<OpportunityUpdate>(&deep).unwrap_err();
    assert!(error.to_string().contains("nests deeper than 64"), "{error}");
}

#[test]
fn a_number_that_is_none_clears_nothing() {
    #[derive(serde::Serialize)]
    struct Amount {
        expect_amount: f64,
    }
    let update = OpportunityUpdate::from_serialize(Amount { expect_amount: f64::NAN }).unwrap();
    assert_ne!(update, OpportunityUpdate::new().expect_amount(Patch::Null));
    assert_ne!(update, OpportunityUpdate::new(), "the call says that it is missing");
}

#[test]
fn what_is_no_struct_is_refused() {
    for error in [
        OpportunityUpdate::from_serialize(5).unwrap_err(),
        OpportunityUpdate::from_serialize(["title"]).unwrap_err(),
        OpportunityUpdate::from_serialize(std::collections::BTreeMap::from([(1, 2)])).unwrap_err(),
    ] {
        let message = error.to_string();
        assert!(message.contains("update: must be a struct or a map"), "{message}");
    }
}

#[test]
fn a_patch_keeps_its_meaning_in_json() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Note {
        #[serde(default, skip_serializing_if = "Patch::is_unset")]
        note: Patch<String>,
    }
    for (note, json) in [
        (Patch::Unset, "{}"),
        (Patch::Null, r#"{"note":null}"#),
        (Patch::Set("x".to_owned()), r#"{"note":"x"}"#),
    ] {
        let note = Note { note };
        assert_eq!(serde_json::to_string(&note).unwrap(), json);
        assert_eq!(serde_json::from_str::<Note>(json).unwrap(), note);
    }
}
