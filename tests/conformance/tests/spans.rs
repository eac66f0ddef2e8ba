//! The spans of calls and of their attempts: whose children they are, what they tell, when they close.
#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Wake, Waker};
use std::thread;

use ikcrm::{
    ApplyOptions, CallOptions, Client, OpportunityUpdate, PlanOptions, PreparedCall, Quota,
};
use ikcrm_conformance::{Case, Server, Span, Spans};
use ikcrm_sandbox::{DEFAULT_TOKEN, Sandbox};
use serde_json::json;
use tracing::{Level, info_span, warn_span};

const PUT: &str = "PUT /api/v2/opportunities/:id";

/// A CRM that answers so many updates well, after one that fails in passing.
fn crm(updates: usize) -> Server {
    let failing =
        json!({"respond": {"status": 503, "headers": {"retry-after": "0"}, "text": "later"}});
    let answers = std::iter::repeat_n(json!({"respond": {"sample": {}}}), updates);
    let exchanges: Vec<_> = std::iter::once(failing).chain(answers).collect();
    let case: Case = serde_json::from_value(json!({
        "id": "spans",
        "why": "a program collects them",
        "call": {},
        "exchanges": exchanges,
        "outcome": {},
    }))
    .unwrap();
    Server::start(&case).unwrap()
}

fn client(server: &Server) -> Client {
    let builder = Client::builder().token("secret-token").base_url(&server.address().base_url);
    builder.quota(None).build().unwrap()
}

fn prepared(client: &Client) -> PreparedCall<ikcrm::Opportunity> {
    let update = OpportunityUpdate::new().title("ccc").customer_id(1);
    client.prepare_update(568_587, update, CallOptions::new())
}

/// A call that was tried again, below the span of its caller; all are closed, the inner ones first.
fn check(spans: &[Span]) {
    let shape: Vec<_> = spans.iter().map(|span| (span.name, span.parent, span.closed)).collect();
    let expected = [
        ("caller", None, Some(3)),
        ("call", Some(0), Some(2)),
        ("attempt", Some(1), Some(0)),
        ("attempt", Some(1), Some(1)),
    ];
    assert_eq!(shape, expected);
}

#[test]
fn a_call_is_a_span_below_its_callers_with_one_for_each_attempt() {
    let (server, spans) = (crm(1), Spans::default());
    let client = client(&server);
    spans.collect(|| {
        info_span!("caller").in_scope(|| {
            let update = OpportunityUpdate::new().title("ccc").customer_id(1);
            client.update_opportunity(568_587, &update).unwrap();
            assert_eq!(spans.open(), 1, "a call's span is closed when its caller has the answer");
        });
    });
    let all = spans.all();
    check(&all);
    let told = |span: &Span, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| span.field(name).unwrap_or("-").to_owned()).collect()
    };
    let names = ["otel.name", "otel.kind", "otel.status_code", "method", "route", "status"];
    assert_eq!(told(&all[1], &names), [PUT, "internal", "-", "PUT", &PUT[4..], "200"]);
    assert_eq!(told(&all[2], &names), [PUT, "client", "ERROR", "PUT", &PUT[4..], "503"]);
    assert_eq!(told(&all[3], &names), [PUT, "client", "-", "PUT", &PUT[4..], "200"]);
    let names = ["attempt", "error_code", "api_code", "reused"];
    assert_eq!(told(&all[2], &names), ["1", "server", "-", "false"]);
    assert_eq!(told(&all[3], &names), ["2", "-", "-", "true"]);
    assert_eq!(told(&all[1], &["attempts", "lookups", "error_code"]), ["2", "0", "-"]);
    for name in ["elapsed", "quota_wait"] {
        all[1].field(name).unwrap().parse::<f64>().unwrap();
    }
    let ids: Vec<_> = all[1..].iter().map(|span| span.field("call_id").unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let [(level, retry)] = &all[1].events[..] else { panic!("{:?}", all[1].events) };
    assert_eq!(
        (*level, &*retry["message"], &*retry["status"]),
        (Level::WARN, "retry_planned", "503")
    );
    assert!(all[2..].iter().all(|span| span.events.is_empty()));
}

#[test]
fn a_spawned_call_belongs_to_who_prepared_it() {
    let (server, spans) = (crm(1), Spans::default());
    let (client, (sender, answer)) = (client(&server), mpsc::channel());
    let ended = spans.clone();
    let call = spans.collect(|| info_span!("caller").in_scope(|| prepared(&client)));
    // Neither the span nor the subscriber is that of the thread which starts the call.
    thread::spawn(move || {
        call.spawn(move |result| sender.send((result.is_ok(), ended.open())).unwrap());
    });
    assert_eq!(answer.recv().unwrap(), (true, 0), "all is closed when the answer comes");
    check(&spans.all());
}

#[test]
fn a_call_that_is_waited_for_elsewhere_belongs_to_who_prepared_it() {
    let (server, spans) = (crm(1), Spans::default());
    let client = client(&server);
    let call = spans.collect(|| info_span!("caller").in_scope(|| prepared(&client)));
    thread::spawn(move || call.wait().unwrap()).join().unwrap();
    check(&spans.all());
}

/// Lets the thread go on that waits for a future.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn an_awaited_call_belongs_to_the_task_that_prepared_it() {
    let (server, spans) = (crm(1), Spans::default());
    let client = client(&server);
    let call = spans.collect(|| info_span!("caller").in_scope(|| prepared(&client)));
    let other = Spans::default();
    // Polled in another span, as by a runtime that instruments what it polls.
    other.collect(|| {
        let _poller = info_span!("poller").entered();
        let mut call = pin!(call.into_future());
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        while call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            thread::park();
        }
    });
    check(&spans.all());
    assert_eq!(other.all().len(), 1);
}

#[test]
fn each_of_many_calls_belongs_to_its_own_caller() {
    const CALLS: usize = 8;
    let (server, spans) = (crm(CALLS), Spans::default());
    let (client, (sender, answers)) = (client(&server), mpsc::channel());
    spans.collect(|| {
        for _ in 0..CALLS {
            let sender = sender.clone();
            let call = info_span!("caller").in_scope(|| prepared(&client));
            call.spawn(move |result| drop(sender.send(result)));
        }
        for _ in 0..CALLS {
            answers.recv().unwrap().unwrap();
        }
    });
    let all = spans.all();
    let parents = |name| all.iter().filter(move |it| it.name == name).map(|it| it.parent.unwrap());
    let mut callers: Vec<_> = parents("call").collect();
    callers.sort_unstable();
    callers.dedup();
    assert_eq!(callers.len(), CALLS);
    assert!(callers.iter().all(|caller| all[*caller].name == "caller"));
    assert_eq!(parents("attempt").filter(|call| all[*call].name == "call").count(), CALLS + 1);
    assert_eq!(spans.open(), 0);
}

#[test]
fn a_call_without_a_caller_is_a_root_and_a_refused_one_has_no_attempt() {
    let (server, spans) = (crm(1), Spans::default());
    let builder = Client::builder().token("t").base_url(&server.address().base_url);
    let key = server.address().base_url.clone();
    let quota = Quota::new(1, std::time::Duration::from_secs(3600)).key(key);
    let client = builder.quota(quota).max_retries(0).build().unwrap();
    spans.collect(|| {
        prepared(&client).wait().unwrap_err();
        let options = CallOptions::new().max_wait(std::time::Duration::ZERO);
        client.get_opportunity_with(1, &options).unwrap_err();
    });
    let all = spans.all();
    let shape: Vec<_> = all.iter().map(|it| (it.name, it.parent)).collect();
    assert_eq!(shape, [("call", None), ("attempt", Some(0)), ("call", None)]);
    assert_eq!(all[2].field("error_code"), Some("quota_exceeded"));
    assert_eq!(all[2].field("otel.status_code"), Some("ERROR"));
}

#[test]
fn a_dropped_call_closes_its_spans() {
    let (server, spans) = (crm(1), Spans::default());
    let client = client(&server);
    spans.collect(|| {
        info_span!("caller").in_scope(|| drop(prepared(&client)));
    });
    assert_eq!(spans.open(), 0, "a call that was never made holds no span");
    assert_eq!(spans.all().len(), 1);
}

#[test]
fn a_warning_is_the_callers_where_the_calls_own_span_is_left_out() {
    let (server, spans) = (crm(1), Spans::default());
    let client = client(&server);
    let call = spans.collect_warnings(|| warn_span!("caller").in_scope(|| prepared(&client)));
    call.wait().unwrap();
    let [caller] = &spans.all()[..] else { panic!("{spans:?}") };
    let [(level, retry)] = &caller.events[..] else { panic!("{caller:?}") };
    assert_eq!((*level, &*retry["message"]), (Level::WARN, "retry_planned"));
    assert!(retry.contains_key("call_id") && caller.closed.is_some());
    assert!(caller.fields.is_empty());
}

#[test]
fn the_calls_of_a_job_belong_to_who_runs_it() {
    let sandbox = Sandbox::builder().quota(None).start().unwrap();
    let builder = Client::builder().base_url(sandbox.url()).token(DEFAULT_TOKEN).quota(None);
    let (client, spans) = (builder.build().unwrap(), Spans::default());
    let rows = [(600_001_u64, OpportunityUpdate::new().stage("赢单"))];
    let mut job = client.plan_updates(rows, PlanOptions::new()).unwrap();
    spans.collect(|| {
        let apply = || client.apply_updates(&mut job, ApplyOptions::new()).unwrap();
        info_span!("job").in_scope(apply);
    });
    let all = spans.all();
    let calls: Vec<_> = all.iter().filter(|span| span.name == "call").collect();
    assert!(calls.iter().any(|call| call.field("method") == Some("PUT")), "{calls:?}");
    assert!(calls.iter().all(|call| call.parent == Some(0)), "{calls:?}");
    assert_eq!((all[0].name, spans.open()), ("job", 0));
}
