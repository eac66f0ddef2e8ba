//! The sandbox keeps the CRM's documented contract, asked over a real socket.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::time::Duration;

use ikcrm_sandbox::{Quota, Sandbox};
use serde_json::{Value, json};
use ureq::Agent;

const PATH: &str = "/api/v2/opportunities/568587";
const SAMPLE: &str = include_str!("../../../tests/contract/sample_answer.json");

fn sandbox() -> Sandbox {
    Sandbox::builder().quota(None).start().unwrap()
}

fn authorization(token: &str) -> String {
    format!("Token token={token}, device=open_api, version_code=9.9.9")
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).proxy(None).build().into()
}

fn get(sandbox: &Sandbox, path: &str, authorization: &str) -> (u16, String) {
    let url = sandbox.url() + path;
    let mut answer = agent().get(url).header("authorization", authorization).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// The answer to an update with this body.
fn put(sandbox: &Sandbox, path: &str, body: &str) -> Value {
    let request = agent().put(sandbox.url() + path);
    let request = request.header("authorization", authorization("sandbox-token"));
    let mut answer = request.send(body).unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn update(sandbox: &Sandbox, fields: &Value) -> Value {
    put(sandbox, PATH, &json!({"opportunity": fields}).to_string())
}

#[test]
fn the_sample_is_served() {
    let (_, answer) = get(&sandbox(), PATH, &authorization("sandbox-token"));
    let served: Value = serde_json::from_str(&answer).unwrap();
    let sample: Value = serde_json::from_str(SAMPLE).unwrap();
    assert_eq!(served["code"], 0);
    for (name, value) in sample["data"].as_object().unwrap() {
        assert_eq!(served["data"][name], *value, "{name}");
    }
}

#[test]
fn an_update_is_applied_and_kept() {
    let sandbox = sandbox();
    let fields = json!({
        "title": "ccc", "customer_id": 1, "expect_amount": "12.50", "stage": "3515",
        "get_time": "2024-02-29", "note": "x", "user_id": 254, "want_department_id": 395,
        "text_asset_8b1eeedd": "y", "kind": "3531",
    });
    let data = update(&sandbox, &fields)["data"].take();
    assert_eq!(data["customer"]["name"], "示例客户");
    assert_eq!(data["user"]["id"], 254);
    assert_eq!(data["department"]["id"], 395);
    assert_eq!((&data["expect_amount"], &data["stage_mapped"]), (&json!("12.50"), &json!("赢单")));
    assert_eq!(sandbox.opportunity(568_587), Some(data));
}

#[test]
fn null_clears_in_the_form_of_the_field() {
    let names = ["note", "expect_sign_date", "stage", "user_id", "text_asset_8b1eeedd"];
    let fields: Value = names.iter().map(|name| (*name, Value::Null)).collect();
    let data = update(&sandbox(), &fields)["data"].take();
    let cleared = names.map(|name| match name {
        "user_id" => data["user"].clone(),
        _ => data[name].clone(),
    });
    assert_eq!(cleared, [json!(null), json!(""), json!(""), json!({}), json!(null)]);
    assert_eq!(data["stage_mapped"], "");
}

#[test]
fn money_is_served_as_decimal_text() {
    let sandbox = sandbox();
    for (sent, served) in [(json!("20000"), "20000.0"), (json!(5), "5.0"), (json!("1.25"), "1.25")]
    {
        assert_eq!(
            update(&sandbox, &json!({"expect_amount": sent}))["data"]["expect_amount"],
            served
        );
    }
}

#[test]
fn only_the_whole_header_with_the_known_token_is_accepted() {
    let sandbox = sandbox();
    let good = authorization("sandbox-token");
    for bad in [authorization("other"), good.replace("9.9.9", "1.0"), String::new()] {
        let (status, answer) = get(&sandbox, PATH, &bad);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["code"]), (200, &json!(100_401)), "{bad}");
    }
}

#[test]
fn an_unknown_id_is_not_found_without_a_data_key() {
    let sandbox = sandbox();
    for id in ["404", "x", "-1"] {
        let path = format!("/api/v2/opportunities/{id}");
        let answer = put(&sandbox, &path, r#"{"opportunity":{"title":"ccc"}}"#);
        assert_eq!(answer["code"], 100_100);
        assert_eq!(answer["error"], "active_record/record_not_found");
        assert!(answer.get("data").is_none());
    }
}

#[test]
fn wrong_values_are_refused_by_name_and_change_nothing() {
    let sandbox = sandbox();
    let before = sandbox.opportunity(568_587);
    for (name, value) in [
        ("title", json!(" ")),
        ("title", json!(null)),
        ("customer_id", json!(2)),
        ("customer_id", json!(null)),
        ("user_id", json!("x")),
        ("stage", json!("1")),
        ("stage", json!(3514)),
        ("expect_amount", json!("1,000")),
        ("get_time", json!("2023-02-29")),
        ("note", json!(1)),
        ("stage_mapped", json!("赢单")),
        ("text_asset_ba76dc_display", json!("x")),
        ("titel", json!("x")),
    ] {
        let answer = update(&sandbox, &json!({"note": "changed", name: value}));
        assert_eq!(answer["code"], 100_406, "{name}");
        assert!(answer["message"].as_str().unwrap().contains(name), "{answer}");
    }
    for body in ["", "[]", "{}", r#"{"opportunity":1}"#] {
        assert_eq!(put(&sandbox, PATH, body)["code"], 100_406, "{body}");
    }
    assert_eq!(sandbox.opportunity(568_587), before);
}

#[test]
fn calls_over_quota_are_told_to_retry_later() {
    let quota = Quota { calls: 2, per: Duration::from_secs(3600) };
    let sandbox = Sandbox::builder().quota(quota).start().unwrap();
    let call = || get(&sandbox, PATH, &authorization("sandbox-token"));
    assert_eq!((call().0, call().0), (200, 200));
    assert_eq!(call(), (429, "Retry later\n".to_owned()));
    let (_, stats) = get(&sandbox, "/sandbox/stats", "");
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!((&stats["calls"], &stats["refused"]), (&json!(3), &json!(1)));
    assert_eq!(stats["max_in_window"], 3);
    assert!(stats["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!((sandbox.stats().calls, sandbox.stats().refused), (3, 1));
}

#[test]
fn other_pages_do_not_exist() {
    assert_eq!(get(&sandbox(), "/", &authorization("sandbox-token")).0, 404);
}

#[test]
fn a_dropped_sandbox_stops() {
    let sandbox = sandbox();
    let url = sandbox.url();
    drop(sandbox);
    // The listener closes when the serving thread sees the drop; until then calls may connect.
    while agent().get(&url).call().is_ok() {}
}
