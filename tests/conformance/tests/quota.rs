//! How a client behaves at its quota, against the sandbox, which counts for itself.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ikcrm::{CallOptions, Cancel, Client, Error, Opportunity, OpportunityUpdate, Quota};
use ikcrm_sandbox::Sandbox;

const PER: Duration = Duration::from_millis(500);

fn sandbox(calls: usize) -> Sandbox {
    let quota = ikcrm_sandbox::Quota { calls, per: PER };
    Sandbox::builder().quota(quota).start().unwrap()
}

fn client(sandbox: &Sandbox, quota: impl Into<Option<Quota>>) -> Client {
    let builder = Client::builder().token(ikcrm_sandbox::DEFAULT_TOKEN).base_url(sandbox.url());
    builder.quota(quota).build().unwrap()
}

fn call(client: &Client, options: &CallOptions) -> Result<Opportunity, Error> {
    let update = OpportunityUpdate::new().title("ccc").customer_id(1);
    client.update_opportunity_with(568_587, &update, options)
}

fn calls(client: &Client, count: usize) {
    (0..count).for_each(|_| drop(call(client, &CallOptions::new()).unwrap()));
}

#[test]
fn many_threads_are_never_refused() {
    let sandbox = sandbox(10);
    let client = client(&sandbox, Quota::new(10, PER));
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| calls(&client, 1));
        }
    });
    assert_eq!((sandbox.stats().calls, sandbox.stats().refused), (32, 0));
    assert_eq!(sandbox.stats().max_in_window, 10);
}

#[test]
fn clients_of_one_token_share_the_quota_and_it_outlives_them() {
    let sandbox = sandbox(4);
    for _ in 0..4 {
        calls(&client(&sandbox, Quota::new(4, PER)), 3);
    }
    assert_eq!(sandbox.stats().refused, 0);
}

#[test]
fn clients_with_one_key_share_the_quota() {
    let sandbox = sandbox(4);
    let of = |token: &str| {
        let builder = Client::builder().token(token).base_url(sandbox.url());
        builder.quota(Quota::new(4, PER).key("the company")).build().unwrap()
    };
    let (one, other) = (of(ikcrm_sandbox::DEFAULT_TOKEN), of("another"));
    calls(&one, 4);
    assert_eq!(other.quota().unwrap().unwrap().free(), 0);
    assert_eq!(call(&other, &CallOptions::new()).unwrap_err().code(), "auth");
    assert_eq!(sandbox.stats().refused, 0);
}

#[test]
fn the_status_tells_what_is_used_and_when_more_can_be_had() {
    let sandbox = sandbox(2);
    let client = client(&sandbox, Quota::new(2, Duration::from_secs(60)));
    assert_eq!(client.quota().unwrap().unwrap().next_free, Duration::ZERO);
    calls(&client, 2);
    let status = client.quota().unwrap().unwrap();
    assert_eq!((status.calls, status.used, status.free()), (2, 2, 0));
    assert!(status.next_free > Duration::from_secs(50), "{status:?}");
}

#[test]
fn without_a_quota_there_is_no_status_and_no_wait() {
    let sandbox = sandbox(1);
    let client = client(&sandbox, None);
    assert_eq!(client.quota().unwrap(), None);
    calls(&client, 1);
    let error = call(&client, &CallOptions::new().max_retries(0)).unwrap_err();
    assert_eq!(error.code(), "rate_limited");
}

#[test]
fn a_call_that_cannot_have_a_slot_in_time_fails_at_once_and_says_when_it_could() {
    let sandbox = sandbox(1);
    let quota = Quota::new(1, Duration::from_secs(60)).max_wait(Duration::from_secs(30));
    let client = client(&sandbox, quota);
    calls(&client, 1);
    let error = call(&client, &CallOptions::new()).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("quota_exceeded", false));
    assert!(error.retryable());
    assert!(error.retry_after().unwrap() > Duration::from_secs(50));
    assert_eq!(sandbox.stats().calls, 1);
}

#[test]
fn waiting_for_a_slot_does_not_count_against_the_timeout() {
    let sandbox = sandbox(1);
    let client = client(&sandbox, Quota::new(1, PER));
    let options = CallOptions::new().timeout(PER / 2);
    (0..3).for_each(|_| drop(call(&client, &options).unwrap()));
}

#[test]
fn a_cancel_ends_the_wait_for_a_slot() {
    let sandbox = sandbox(1);
    let client = client(&sandbox, Quota::new(1, Duration::from_secs(60)));
    calls(&client, 1);
    let cancel = Cancel::new();
    let options = CallOptions::new().cancel(cancel.clone());
    let (sender, result) = mpsc::channel();
    let waiting = client.clone();
    thread::spawn(move || sender.send(call(&waiting, &options)));
    let begun = Instant::now();
    cancel.cancel();
    let error = result.recv_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(500));
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", false));
    assert_eq!(sandbox.stats().calls, 1);
}

#[test]
fn a_refusal_over_quota_holds_all_back_for_a_window() {
    let sandbox = sandbox(2);
    let client = client(&sandbox, Quota::new(10, PER));
    let stranger = self::client(&sandbox, None);
    calls(&stranger, 2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| calls(&client, 1));
        }
    });
    // Each was refused once at most, and none came again before a window had passed.
    assert!(sandbox.stats().refused <= 2, "{:?}", sandbox.stats());
    assert_eq!(client.quota().unwrap().unwrap().calls, 10);
}

#[test]
fn a_store_that_is_away_fails_the_call_and_nothing_is_sent() {
    let sandbox = sandbox(10);
    let client = client(&sandbox, Quota::default().store("redis://127.0.0.1:1"));
    let error = call(&client, &CallOptions::new()).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("quota_store", false));
    assert!(error.retryable());
    assert!(error.to_string().contains("Redis server cannot be used"), "{error}");
    assert_eq!(client.quota().unwrap_err().code(), "quota_store");
    assert_eq!(sandbox.stats().calls, 0);
}

#[test]
fn while_a_store_is_away_the_fallback_admits_its_part() {
    let sandbox = sandbox(10);
    let quota = Quota::new(10, PER).store("redis://127.0.0.1:1").fallback(0.2);
    let client = client(&sandbox, quota);
    let begun = Instant::now();
    calls(&client, 5);
    // One window for what the others may have sent, then two calls a window.
    assert!(begun.elapsed() > PER * 3);
    assert_eq!(sandbox.stats().max_in_window, 2);
}

#[test]
fn a_connection_that_is_refused_takes_no_slot() {
    let builder = Client::builder().token("t").base_url("http://127.0.0.1:1");
    let client = builder.quota(Quota::new(1, Duration::from_secs(60))).build().unwrap();
    let options = CallOptions::new().max_retries(0);
    for _ in 0..3 {
        assert_eq!(call(&client, &options).unwrap_err().code(), "transport");
    }
    assert_eq!(client.quota().unwrap().unwrap().used, 0);
}
