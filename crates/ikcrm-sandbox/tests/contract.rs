//! The sandbox keeps the CRM's documented contract, asked over a real socket.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::time::Duration;

use ikcrm_sandbox::{DEFAULT_ACCOUNT, GROUP_ACCOUNT, Quota, Sandbox};
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
fn what_is_served_has_the_form_of_the_sample() {
    let (_, answer) = get(&sandbox(), PATH, &authorization("sandbox-token"));
    let served: Value = serde_json::from_str(&answer).unwrap();
    let sample: Value = serde_json::from_str(SAMPLE).unwrap();
    assert_eq!(served["code"], 0);
    for (name, value) in sample["data"].as_object().unwrap() {
        assert_eq!(form(&served["data"][name]), form(value), "{name}");
    }
}

/// The value with another in the place of each text and each fraction.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.iter().map(|(name, value)| (name, form(value))).collect(),
        Value::Array(items) => items.iter().map(form).collect(),
        Value::String(text) => json!(if text.is_empty() { "" } else { "text" }),
        Value::Number(number) if number.is_f64() => json!(0.5),
        other => other.clone(),
    }
}

#[test]
fn nobody_of_the_sample_is_in_the_package() {
    fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => object.values().for_each(|value| texts(value, found)),
            Value::Array(items) => items.iter().for_each(|value| texts(value, found)),
            Value::String(text) => found.push(text),
            _ => {}
        }
    }
    let sample: Value = serde_json::from_str(SAMPLE).unwrap();
    let customer = &sample["data"]["customer"];
    let mut personal = Vec::new();
    texts(&customer["contacts"], &mut personal);
    for name in ["tel", "phone", "email", "fax", "url", "detail_address", "gaode_staticmap"] {
        texts(&customer["address"][name], &mut personal);
    }
    for name in ["name", "email", "phone", "avatar_url"] {
        texts(&customer["user"][name], &mut personal);
    }
    texts(&customer["name"], &mut personal);
    assert_eq!(personal.len(), 22);
    let (_, answer) = get(&sandbox(), PATH, &authorization("sandbox-token"));
    for text in personal {
        assert!(!answer.contains(text), "{text}");
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

/// The answer to a sign-in with these parts of its body.
fn sign_in(sandbox: &Sandbox, (login, password): (&str, &str), more: &Value) -> Value {
    let mut body = json!({"login": login, "password": password, "device": "open_api"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = agent().post(sandbox.url() + "/api/v2/auth/login");
    let mut answer = request.send(body.to_string()).unwrap();
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn data(sandbox: &Sandbox, path: &str, token: &str) -> Value {
    let (_, answer) = get(sandbox, path, &authorization(token));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer.get("code"), Some(&json!(0)), "{path}: {answer}");
    answer.get("data").unwrap().clone()
}

fn is_alive(sandbox: &Sandbox, token: &str) -> bool {
    let (_, answer) = get(sandbox, "/api/v2/opportunities", &authorization(token));
    serde_json::from_str::<Value>(&answer).unwrap().get("code") == Some(&json!(0))
}

#[test]
fn a_sign_in_kills_the_older_token_of_its_account_and_enterprise() {
    let sandbox = sandbox();
    let token = |account, more| {
        let answer = sign_in(&sandbox, account, &more);
        answer["data"]["user_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let first = token(DEFAULT_ACCOUNT, json!({}));
    let other = token(GROUP_ACCOUNT, json!({"corp_id": "1001"}));
    let second = token(DEFAULT_ACCOUNT, json!({}));
    let elsewhere = token(GROUP_ACCOUNT, json!({"corp_id": "1002"}));
    let alive = [&first, &other, &second, &elsewhere].map(|token| is_alive(&sandbox, token));
    assert_eq!(alive, [false, true, true, true]);
    assert!(is_alive(&sandbox, "sandbox-token"));
    assert_eq!(sandbox.calls_of("POST /api/v2/auth/login"), 4);
}

#[test]
fn an_account_of_several_enterprises_must_choose() {
    let answer = sign_in(&sandbox(), GROUP_ACCOUNT, &json!({}));
    assert_eq!(answer["code"], 200_075);
    let corp_ids: Vec<_> =
        answer["org_list"].as_array().unwrap().iter().map(|org| &org["corp_id"]).collect();
    assert_eq!(corp_ids, ["1001", "1002"]);
}

#[test]
fn a_wrong_sign_in_is_refused() {
    let sandbox = sandbox();
    for (account, more) in [
        ((DEFAULT_ACCOUNT.0, "wrong"), json!({})),
        (DEFAULT_ACCOUNT, json!({"corp_id": "1002"})),
        (DEFAULT_ACCOUNT, json!({"device": "web"})),
    ] {
        assert_eq!(sign_in(&sandbox, account, &more)["code"], 100_402, "{account:?} {more}");
    }
}

#[test]
fn given_accounts_replace_the_default_ones() {
    let sandbox = Sandbox::builder().account("me", "secret", &["7"]).start().unwrap();
    assert_eq!(sign_in(&sandbox, ("me", "secret"), &json!({}))["code"], 0);
    assert_eq!(sign_in(&sandbox, DEFAULT_ACCOUNT, &json!({}))["code"], 100_402);
}

#[test]
fn each_enterprise_has_ids_and_data_of_its_own() {
    let sandbox = sandbox();
    let answer = sign_in(&sandbox, GROUP_ACCOUNT, &json!({"corp_id": "1002"}));
    let second = answer["data"]["user_token"].as_str().unwrap();
    let path = "/api/v2/field_maps/opportunity";
    let first_id = |token| data(&sandbox, path, token)["opportunity"][0]["field_values"][0].take();
    assert_eq!(first_id("sandbox-token")["id"], 3511);
    assert_eq!(first_id(second)["id"], 1_003_511);
    let shown = data(&sandbox, "/api/v2/opportunities/1568587", second);
    assert_eq!((&shown["stage"], &shown["stage_mapped"]), (&json!("1003514"), &json!("谈判/合同")));
    let (_, answer) = get(&sandbox, PATH, &authorization(second));
    assert!(answer.contains("100100"), "{answer}");
}

#[test]
fn a_disabled_option_is_listed_and_refused() {
    let sandbox = sandbox();
    let map = data(&sandbox, "/api/v2/field_maps/opportunity", "sandbox-token");
    let stages = map["opportunity"][0]["field_values"].as_array().unwrap();
    let disabled = stages.iter().find(|option| option["status"] == "disable").unwrap();
    assert_eq!(*disabled, json!({"id": 3517, "status": "disable", "value": "搁置"}));
    assert_eq!(update(&sandbox, &json!({"stage": "3517"}))["code"], 100_406);
}

#[test]
fn a_list_is_flat_and_comes_in_pages() {
    let sandbox = sandbox();
    let list =
        |query: &str| data(&sandbox, &format!("/api/v2/opportunities{query}"), "sandbox-token");
    let first = list("");
    assert_eq!((&first["total_count"], &first["page"]), (&json!(61), &json!(1)));
    let rows = first["opportunities"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["title"]), (20, &json!("示例商机60")));
    assert_eq!(
        (&rows[0]["customer_id"], &rows[0]["customer_name"]),
        (&json!(13), &json!("示例客户四"))
    );
    assert_eq!(list("?page=4")["opportunities"].as_array().unwrap().len(), 1);
    assert_eq!(list("?page=5")["opportunities"], json!([]));
    assert_eq!(list("?per_page=500")["per_page"], 100);
}

#[test]
fn a_lists_row_has_what_the_vendors_pages_show_and_no_more() {
    let keys = |sandbox: &Sandbox| {
        let list = data(sandbox, "/api/v2/opportunities?sort=updated_at", "sandbox-token");
        let row = list["opportunities"][0].as_object().unwrap().clone();
        row.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let shown = "approve_status created_at creator customer_id customer_name customer_requirement \
                 expect_amount expect_sign_date get_time id is_own is_user_self kind kind_mapped \
                 real_revisit_at sign_possibility source source_mapped stage stage_mapped title \
                 updated_at user_id user_name";
    let documented = sandbox();
    update(&documented, &json!({"note": "newest"}));
    let mut found = keys(&documented);
    found.sort();
    assert_eq!(found.join(" "), shown);
    let whole = Sandbox::builder().quota(None).whole_list_rows(true).start().unwrap();
    update(&whole, &json!({"note": "newest"}));
    assert!(keys(&whole).contains(&"note".to_owned()));
}

#[test]
fn whether_a_list_is_ordered_by_its_updates_can_be_switched() {
    for sorts in [true, false] {
        let sandbox = Sandbox::builder().quota(None).sorts_by_update(sorts).start().unwrap();
        update(&sandbox, &json!({"note": "newest"}));
        let newest = data(&sandbox, "/api/v2/opportunities?sort=updated_at", "sandbox-token");
        assert_eq!(newest["opportunities"][0]["id"] == json!(568_587), sorts);
    }
}

#[test]
fn a_list_is_filtered_and_ordered() {
    let sandbox = sandbox();
    let ids = |query: &str| {
        let data = data(&sandbox, &format!("/api/v2/opportunities?{query}"), "sandbox-token");
        let rows = data["opportunities"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("sort=id&order=asc&per_page=2"), [568_587, 600_001]);
    assert_eq!(ids("sort=expect_amount&order=desc&per_page=2"), [600_060, 600_059]);
    assert_eq!(ids("created_at[]=2024-01-02&created_at[]=2024-01-03"), [600_003, 600_002]);
    assert_eq!(ids("query=%E7%A4%BA%E4%BE%8B%E5%95%86%E6%9C%BA07"), [600_007]);
    assert_eq!(ids("stage=3514&sort=id&order=asc&per_page=3"), [568_587, 600_004, 600_010]);
    for wrong in ["sort=x", "order=up", "page=0", "per_page=x"] {
        let path = format!("/api/v2/opportunities?{wrong}");
        assert!(get(&sandbox, &path, &authorization("sandbox-token")).1.contains("100406"));
    }
}

#[test]
fn custom_fields_are_defined_and_one_may_not_be_edited() {
    let sandbox = sandbox();
    let path = "/api/v2/custom_fields/opportunity/by_group";
    let groups = data(&sandbox, path, "sandbox-token")["custom_field_groups"].take();
    let fields =
        groups.as_array().unwrap().iter().flat_map(|g| g["custom_fields"].as_array().unwrap());
    let locked: Vec<_> = fields.filter(|f| f["cannot_edit"] == true).collect();
    assert_eq!(locked[0]["label"], "审批单号");
    let key = locked[0]["name"].as_str().unwrap();
    assert_eq!(update(&sandbox, &json!({key: "x"}))["code"], 100_406);
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
    assert_eq!(stats["endpoints"], json!({"GET /api/v2/opportunities/:id": 3}));
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
