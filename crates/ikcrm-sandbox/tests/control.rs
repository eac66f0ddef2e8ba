//! What a test tells its sandbox: data, failures, settings; and what it can look at.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ikcrm_sandbox::{DEFAULT_ACCOUNT, Failure, Fault, Quota, Sandbox, Seed};
use serde_json::{Value, json};
use ureq::Agent;

const SHOW: &str = "/api/v2/opportunities/568587";
const FIELD_MAP: &str = "/api/v2/field_maps/opportunity";
const HOUR: Duration = Duration::from_secs(3600);

fn sandbox() -> Sandbox {
    Sandbox::builder().quota(None).start().unwrap()
}

/// Status and body of the answer to a `GET`.
fn get(sandbox: &Sandbox, path: &str) -> Result<(u16, String), ureq::Error> {
    let config = Agent::config_builder().http_status_as_error(false).proxy(None);
    let agent: Agent = config.max_idle_connections(0).build().into();
    let token = format!("Token token={}, device=open_api, version_code=9.9.9", sandbox.token());
    let request = agent.get(sandbox.url() + path).header("authorization", token);
    let mut answer = request.call()?;
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}

fn data(sandbox: &Sandbox, path: &str) -> Value {
    let (_, body) = get(sandbox, path).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body.get("code"), Some(&json!(0)), "{body}");
    body.get("data").unwrap().clone()
}

/// All that the sandbox answers to these bytes until it hangs up.
fn raw(sandbox: &Sandbox, sent: &str) -> String {
    let mut stream = connect(sandbox);
    stream.write_all(sent.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn connect(sandbox: &Sandbox) -> TcpStream {
    TcpStream::connect(sandbox.url().strip_prefix("http://").unwrap()).unwrap()
}

#[test]
fn what_is_seeded_takes_the_place_of_what_was_there() {
    let sandbox = sandbox();
    let seed = Seed::new()
        .users([json!({"id": 9, "name": "某人"})])
        .customers([json!({"id": "7", "name": "某客户", "note": "x"})])
        .stages([json!("洽谈"), json!({"id": 5, "label": "成交", "enabled": false})])
        .opportunities([
            json!({"id": 1, "title": "一", "customer_id": 7, "user_id": 9, "stage": "成交",
                   "expect_amount": 5, "text_asset_591b5ebb": "y", "created_at": "2020-01-01 08:00"}),
            json!({}),
        ]);
    sandbox.seed(seed).unwrap();
    let list = data(&sandbox, "/api/v2/opportunities?sort=id&order=asc");
    assert_eq!(list["total_count"], 2);
    let rows = &list["opportunities"];
    assert_eq!(
        (&rows[0]["customer_name"], &rows[0]["user_name"]),
        (&json!("某客户"), &json!("某人"))
    );
    assert_eq!((&rows[1]["id"], &rows[1]["customer_id"]), (&json!(700_002), &json!(7)));
    let one = data(&sandbox, "/api/v2/opportunities/1");
    let shown = ["stage", "stage_mapped", "expect_amount", "text_asset_591b5ebb", "created_at"];
    let shown = shown.map(|key| one[key].as_str().unwrap().to_owned());
    assert_eq!(shown, ["5", "成交", "5.0", "y", "2020-01-01 08:00"]);
    assert_eq!(one["customer"]["note"], "x");
    assert_eq!(one["customer"]["contacts"], json!([]));
    let fields = data(&sandbox, FIELD_MAP)["opportunity"].clone();
    assert_eq!(
        fields[0]["field_values"],
        json!([{"id": 3511, "status": "enable", "value": "洽谈"},
               {"id": 5, "status": "disable", "value": "成交"}])
    );
    assert_eq!(fields[1]["field_name"], "source");
}

#[test]
fn a_wrong_seed_is_told_where_and_changes_nothing() {
    let sandbox = sandbox();
    for (seed, told) in [
        (
            json!({"opportunities": [{"id": 1}, {"stage": "赢丹"}]}),
            "opportunities[1].stage: there is no option \"赢丹\"; write one of 初步接洽 (3511)",
        ),
        (
            json!({"opportunities": [{"customer_id": 2}]}),
            "opportunities[0].customer_id: customer_id不存在",
        ),
        (json!({"opportunities": [{"id": 0}]}), "opportunities[0].id must be a whole number"),
        (
            json!({"opportunities": [{"id": 5}, {"id": "5"}]}),
            "opportunities[1].id is 5, as that of",
        ),
        (json!({"opportunities": [1]}), "opportunities[0] must be an object"),
        (json!({"customers": [{"name": "x"}]}), "customers[0].id must be"),
        (json!({"stages": [{"id": 1}]}), "stages[0].label must be"),
        (json!({"stages": "x"}), "stages must be a list"),
        (json!({"deals": []}), "there are no deals; give opportunities, customers"),
        (json!([]), "a seed must be an object"),
    ] {
        let seeded = Seed::from_json(seed.to_string()).and_then(|seed| sandbox.seed(seed));
        let error = seeded.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    assert!(sandbox.opportunity(568_587).is_some() && sandbox.opportunity(1).is_none());
}

#[test]
fn the_next_calls_fail_as_planned() {
    let sandbox = sandbox();
    let plan = |failure| sandbox.fail_next(failure).unwrap();
    plan(Failure::status(503).times(2));
    plan(Failure::code(100_401));
    plan(Failure::code(7));
    plan(Failure::status(429));
    let answers: Vec<_> = (0..6).map(|_| get(&sandbox, SHOW).unwrap()).collect();
    assert_eq!(answers[0], (503, "Service Unavailable\n".to_owned()));
    assert_eq!(answers[1].0, 503);
    assert!(answers[2].1.contains("100401") && answers[2].0 == 200);
    assert!(answers[3].1.contains("\"code\":7"));
    assert_eq!(answers[4], (429, "Retry later\n".to_owned()));
    assert_eq!(answers[5].0, 200);
}

#[test]
fn only_the_calls_of_a_route_fail() {
    let sandbox = sandbox();
    sandbox.fail_next(Failure::status(500).route("GET /api/v2/field_maps/:entity")).unwrap();
    sandbox.fail_next(Failure::status(502).route("GET /api/v2/opportunities/600002")).unwrap();
    let status = |path: &str| get(&sandbox, path).unwrap().0;
    let other = "/api/v2/opportunities/600002";
    let ended = [SHOW, other, other, FIELD_MAP, FIELD_MAP].map(status);
    assert_eq!(ended, [200, 502, 200, 500, 200]);
}

#[test]
fn a_failure_that_cannot_be_is_refused() {
    let sandbox = sandbox();
    for (failure, told) in [
        (Failure::status(200), "write 400 to 599"),
        (Failure::code(0), "code 0 is success"),
        (Failure::code(1).times(0), "times is 0"),
        (Failure::code(1).route("/api/v2/opportunities/:id"), "write one of POST /api/v2/auth"),
        (Failure::code(1).route("DELETE /api/v2/opportunities/:id"), "there is no route"),
    ] {
        let error = sandbox.fail_next(failure).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    assert!(Failure::of(None, None, Some("crash")).unwrap_err().to_string().contains("garbage"));
    assert!(Failure::of(Some(500), Some(1), None).is_err());
    assert_eq!(get(&sandbox, SHOW).unwrap().0, 200);
}

#[test]
fn a_connection_is_reset_or_brings_garbage() {
    let sandbox = sandbox();
    let call = "GET / HTTP/1.1\r\n\r\n";
    sandbox.fail_next(Failure::fault(Fault::Reset)).unwrap();
    let mut stream = connect(&sandbox);
    stream.write_all(call.as_bytes()).unwrap();
    let error = stream.read(&mut [0; 9]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    sandbox.fail_next(Failure::fault(Fault::Garbage)).unwrap();
    assert_eq!(raw(&sandbox, call), "this is no HTTP at all\r\n\r\n");
}

#[test]
fn closing_ends_calls_that_hang_or_wait() {
    let sandbox = Sandbox::builder().quota(None).latency(HOUR).start().unwrap();
    let url = sandbox.url();
    let mut waiting = connect(&sandbox);
    waiting.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut stats = connect(&sandbox);
    stats.write_all(b"GET /sandbox/stats?calls=1 HTTP/1.1\r\n\r\n").unwrap();
    assert!(stats.read(&mut [0; 9]).unwrap() > 0);
    stats.write_all(b"GET /sandbox/stats?calls=99 HTTP/1.1\r\n\r\n").unwrap();
    sandbox.set_latency(Duration::ZERO);
    sandbox.fail_next(Failure::fault(Fault::Hang)).unwrap();
    let mut hanging = connect(&sandbox);
    hanging.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let (told, ended) = mpsc::channel();
    let hung = thread::spawn(move || {
        told.send(()).unwrap();
        hanging.read_to_end(&mut Vec::new()).ok()
    });
    ended.recv().unwrap();
    sandbox.close();
    hung.join().unwrap();
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_err());
}

#[test]
fn what_was_sent_can_be_seen_without_its_secrets() {
    let sandbox = sandbox();
    data(&sandbox, "/api/v2/opportunities?page=2&created_at[]=a");
    let agent: Agent = Agent::config_builder().proxy(None).build().into();
    let body = json!({"login": DEFAULT_ACCOUNT.0, "password": DEFAULT_ACCOUNT.1});
    let url = sandbox.url() + "/api/v2/auth/login";
    agent.post(url).send(body.to_string()).unwrap();
    let requests = sandbox.requests();
    let routes: Vec<_> = requests.iter().map(|request| request.route.as_deref()).collect();
    assert_eq!(routes, [Some("GET /api/v2/opportunities"), Some("POST /api/v2/auth/login")]);
    assert_eq!(requests[0].query, "page=2&created_at[]=a");
    assert_eq!(
        (requests[0].path.as_str(), &requests[0].body),
        ("/api/v2/opportunities", &Value::Null)
    );
    let masked = "Token token=•••, device=open_api, version_code=9.9.9";
    assert!(requests[0].headers.contains(&("authorization".to_owned(), masked.to_owned())));
    assert_eq!(requests[1].body, json!({"login": DEFAULT_ACCOUNT.0, "password": "•••"}));
    let shown = format!("{requests:?} {}", sandbox.requests_json());
    assert!(!shown.contains(sandbox.token()) && !shown.contains(DEFAULT_ACCOUNT.1));
}

#[test]
fn the_quota_can_be_changed() {
    let sandbox = sandbox();
    assert_eq!(sandbox.quota(), None);
    sandbox.set_quota(Quota { calls: 1, per: HOUR });
    sandbox.fail_next(Failure::status(503)).unwrap();
    assert_eq!([(); 2].map(|()| get(&sandbox, SHOW).unwrap().0), [503, 429]);
    sandbox.set_quota(None);
    assert_eq!(get(&sandbox, SHOW).unwrap().0, 200);
}

#[test]
fn reset_makes_all_as_it_was_at_the_start() {
    let latency = Duration::from_millis(1);
    let sandbox = Sandbox::builder().quota(None).latency(latency).start().unwrap();
    get(&sandbox, SHOW).unwrap();
    sandbox.seed(Seed::new().opportunities([])).unwrap();
    sandbox.fail_next(Failure::status(500).times(9)).unwrap();
    sandbox.set_latency(HOUR);
    sandbox.set_quota(Quota { calls: 1, per: HOUR });
    sandbox.reset();
    assert_eq!((sandbox.requests(), sandbox.stats().calls), (vec![], 0));
    assert_eq!((sandbox.latency(), sandbox.quota()), (latency, None));
    assert_eq!(get(&sandbox, SHOW).unwrap().0, 200);
    assert_eq!(get(&sandbox, SHOW).unwrap().0, 200);
}

#[test]
fn http_is_spoken_as_other_clients_speak_it() {
    let sandbox = sandbox();
    let head = |line: &str| {
        let token = sandbox.token();
        format!(
            "{line}\r\nauthorization: Token token={token}, device=open_api, version_code=9.9.9\r\n"
        )
    };
    let body = r#"{"opportunity":{"note":"x"}}"#;
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let put = head(&format!("PUT {SHOW} HTTP/1.1"));
    let answer = raw(
        &sandbox,
        &format!("{put}connection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"),
    );
    assert!(answer.contains(r#""note":"x""#), "{answer}");
    let length = body.len();
    let answer = raw(
        &sandbox,
        &format!(
            "{put}expect: 100-continue\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{answer}");
    // Two requests at once on one connection, the second of a client that wants no third.
    let both = head(&format!("GET {SHOW} HTTP/1.1"))
        + "\r\n"
        + &head(&format!("GET {SHOW} HTTP/1.0"))
        + "\r\n";
    assert_eq!(raw(&sandbox, &both).matches("HTTP/1.1 200 OK").count(), 2);
    let answer = raw(&sandbox, &(head(&format!("DELETE {SHOW} HTTP/1.0")) + "\r\n"));
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET,HEAD,PUT\r\n"));
    let answer = raw(&sandbox, &(head(&format!("HEAD {SHOW} HTTP/1.0")) + "\r\n"));
    assert!(answer.ends_with("\r\n\r\n") && answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(raw(&sandbox, "this is no HTTP\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let large = head(&format!("PUT {SHOW} HTTP/1.1")) + "content-length: 9999999\r\n\r\n";
    assert!(raw(&sandbox, &large).starts_with("HTTP/1.1 413 "));
}
