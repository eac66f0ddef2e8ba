//! Redis: whatever a server answers, a call ends, and with an error that tells it was not sent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use ikcrm::{Client, OpportunityUpdate, Quota};

/// What the server answers on the next connections, whatever it is asked.
static ANSWERS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static SERVER: LazyLock<u16> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        listener.incoming().for_each(|connection| drop(connection.map(serve)));
    });
    port
});

pub(crate) fn run(data: &[u8]) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    *ANSWERS.lock().expect("a lock") = data.to_vec();
    // A name of its own: no state of an earlier input.
    let key = RUNS.fetch_add(1, Ordering::Relaxed).to_string();
    let url = format!("redis://127.0.0.1:{}", *SERVER);
    let quota = Quota::new(10, Duration::from_secs(10)).store(url).key(key);
    let client = client(quota.max_wait(Duration::ZERO));
    let update = OpportunityUpdate::new().note("x").partial(true);
    let error = client.update_opportunity(1, &update).expect_err("nobody listens there");
    assert!(!error.may_have_been_applied(), "{error}");
    assert!(["quota_exceeded", "quota_store", "transport"].contains(&error.code()), "{error}");
    assert!(!error.to_string().is_empty());
    if let Ok(status) = client.quota() {
        assert_eq!(status.map(|status| status.calls), Some(10));
    }
}

/// A client of a CRM that cannot be reached.
fn client(quota: Quota) -> Client {
    let builder = Client::builder().token("token").base_url("http://127.0.0.1:1").max_retries(0);
    builder.quota(quota).build().expect("a client")
}

fn serve(mut connection: TcpStream) {
    let answers = ANSWERS.lock().expect("a lock").clone();
    // The client may hang up at any time.
    drop(connection.write_all(&answers).and_then(|()| connection.shutdown(Shutdown::Write)));
    drop(connection.read_to_end(&mut Vec::new()));
}
