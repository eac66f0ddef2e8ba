//! The server for real: what it forgets, refuses and delays.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::Commands;

use super::super::tests::agreement;
use super::*;

const LIMIT: Limit = Limit { calls: NonZeroUsize::new(3).unwrap(), per: Duration::from_secs(60) };
const HOLD: Duration = Duration::from_secs(90);

/// A Redis server of the test's own, which keeps nothing.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Nothing where Redis is not installed.
    fn start(port: u16, options: &[&str]) -> Option<Self> {
        let child = Command::new("redis-server")
            // A configuration on standard input can be none at all.
            .arg("-")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("SKIPPED: redis-server is not installed, so its store was not tested");
            return None;
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("Ready to accept connections")));
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, port })
    }

    fn new() -> Option<Self> {
        Self::start(free_port(), &[])
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connection(&self) -> Connection {
        connect(&self.url()).unwrap()
    }

    fn run(&self, command: &[&str]) {
        redis::cmd(command[0]).arg(&command[1..]).exec(&mut self.connection()).unwrap();
    }

    /// A window of this server as if that had long been up.
    fn store(&self, name: &str) -> Redis {
        let store = Redis::new(&self.url(), name);
        let mut connection = self.connection();
        let info: String = redis::cmd("INFO").arg("server").query(&mut connection).unwrap();
        let run = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap();
        let fields = [("run", run), ("born", "long ago"), ("began", "0")];
        let (): () = connection.hset_multiple(&store.key, &fields).unwrap();
        store
    }

    /// Another user of the same window.
    fn other(&self) -> Redis {
        Redis::new(&self.url(), "one")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn take(store: &Redis, id: u64) -> Result<Taken, StoreError> {
    store.take(Request { id, hold: HOLD, ahead: 0 }, LIMIT)
}

/// Whether nobody passes for about as long as a slot is held: a timeout, late, and a window.
fn is_blocked(taken: &Result<Taken, StoreError>) -> bool {
    matches!(taken, Ok(Taken::Busy(wait)) if (80.0..=100.0).contains(&wait.as_secs_f64()))
}

#[test]
fn it_agrees_with_the_other_stores() {
    let Some(server) = Server::new() else { return };
    agreement::check(&|name| Box::new(server.store(name)));
    let used = server.other().usage(LIMIT, 0).unwrap().0;
    assert_eq!(used, 0, "nothing under another name");
}

#[test]
fn a_server_that_starts_anew_lets_nobody_pass_until_what_it_forgot_is_over() {
    let Some(server) = Server::new() else { return };
    let store = server.other();
    assert!(is_blocked(&take(&store, 1)));
    let (port, other) = (server.port, server.store("two"));
    assert_eq!(take(&other, 1), Ok(Taken::Slot));
    drop(server);
    let error = other.usage(LIMIT, 0).unwrap_err();
    assert!(error.retryable, "{error:?}");
    assert!(error.message.contains("the quota's Redis server cannot be used"), "{error:?}");
    let _server = Server::start(port, &[]);
    assert!(is_blocked(&take(&other, 2)));
    other.settle(1, Fate::Answered, LIMIT).unwrap();
    assert_eq!(other.usage(LIMIT, 0).unwrap().0, 1, "the holder told its fate all the same");
}

/// As behind a proxy: the connection lives on while another server answers.
#[test]
fn another_run_of_the_server_is_seen_within_a_connection() {
    let Some(server) = Server::new() else { return };
    let store = server.store("one");
    assert_eq!(take(&store, 1), Ok(Taken::Slot));
    server.run(&["HSET", &store.key, "run", "another"]);
    assert!(is_blocked(&take(&store, 2)));
    assert_eq!(store.warnings(), [Warning::Lost]);
}

#[test]
fn a_window_that_is_gone_blocks_who_knew_it() {
    let Some(server) = Server::new() else { return };
    for loss in [&["FLUSHALL"][..], &["DEL", "ikcrm:quota:one"]] {
        let (one, two) = (server.store("one"), server.other());
        assert_eq!(take(&one, 1), Ok(Taken::Slot));
        assert_eq!(take(&two, 2), Ok(Taken::Slot));
        server.run(loss);
        assert!(is_blocked(&take(&one, 3)), "{loss:?}");
        assert_eq!(one.warnings(), [Warning::Lost]);
        assert!(is_blocked(&take(&two, 4)), "{loss:?}");
        assert!(is_blocked(&take(&server.other(), 5)), "who never knew it waits too");
        assert_eq!(server.other().usage(LIMIT, 0).unwrap().0, 0);
        server.run(&["FLUSHALL"]);
    }
}

#[test]
fn a_window_that_another_began_anew_blocks_who_knew_the_old_one() {
    let Some(server) = Server::new() else { return };
    let known = server.store("one");
    assert_eq!(take(&known, 1), Ok(Taken::Slot));
    server.run(&["DEL", &known.key]);
    let newcomer = server.other();
    assert!(is_blocked(&take(&newcomer, 2)), "the server has just started");
    newcomer.forget_block();
    assert_eq!(take(&newcomer, 2), Ok(Taken::Slot), "it knows of nothing");
    assert!(is_blocked(&take(&known, 3)));
}

#[test]
fn the_window_lives_for_a_day() {
    let Some(server) = Server::new() else { return };
    let store = server.store("one");
    assert_eq!(take(&store, 1), Ok(Taken::Slot));
    let left: i64 = server.connection().ttl(&store.key).unwrap();
    assert!((86_000..=86_400).contains(&left), "{left}");
}

#[test]
fn times_an_hour_ahead_hold_nobody_for_longer_than_a_slot() {
    let Some(server) = Server::new() else { return };
    let store = server.store("one");
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut server.connection()).unwrap();
    let ahead = (seconds + 3600) * 1_000_000;
    for id in 1..=3 {
        server.run(&["HSET", &store.key, &format!("{id:x}"), &format!("{ahead}:0:0")]);
    }
    let wait = |taken| match taken {
        Ok(Taken::Busy(wait)) => wait.as_secs(),
        _ => 0,
    };
    assert!((58..=60).contains(&wait(take(&store, 4))), "as if answered now");
    // A clock that went back by an hour: what was left is left.
    server.run(&["HSET", &store.key, "last", &ahead.to_string()]);
    server.run(&["HSET", &store.key, "blocked", &(ahead + 30_000_000).to_string()]);
    for id in 1..=3 {
        server.run(&[
            "HSET",
            &store.key,
            &format!("{id:x}"),
            &format!("{}:0:0", ahead - 10_000_000),
        ]);
    }
    assert!((48..=50).contains(&wait(take(&store, 4))), "answered 10 s before");
    assert!((48..=50).contains(&wait(take(&store, 4))), "and once only");
}

#[test]
fn a_clock_that_jumps_on_frees_nothing() {
    let Some(server) = Server::new() else { return };
    let store = server.store("one");
    assert_eq!(take(&store, 1), Ok(Taken::Slot));
    let mut link = store.link.lock().unwrap();
    let (time, _) = link.memory.server.as_mut().unwrap();
    *time -= Duration::from_secs(5);
    drop(link);
    assert!(is_blocked(&take(&store, 2)));
    assert_eq!(store.warnings(), [Warning::Lost]);
    assert!(is_blocked(&take(&server.other(), 3)));
    assert_eq!(store.usage(LIMIT, 0).unwrap().0, 1);
}

#[test]
fn a_server_that_may_drop_the_window_is_told_once() {
    let Some(server) = Server::start(free_port(), &["--maxmemory", "100mb"]) else { return };
    assert_eq!(take(&server.store("one"), 1), Ok(Taken::Slot));
    server.run(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let store = server.other();
    assert_eq!(take(&store, 2), Ok(Taken::Slot));
    assert_eq!(take(&store, 3), Ok(Taken::Slot));
    assert_eq!(store.warnings(), [Warning::Evicts { policy: "allkeys-lru".to_owned() }]);
    assert_eq!(store.warnings(), []);
}

#[test]
fn users_and_passwords_are_in_the_url_and_wrong_ones_do_not_pass() {
    let Some(server) = Server::new() else { return };
    drop(server.store("one"));
    server.run(&["ACL", "SETUSER", "crm", "on", ">p@ss", "~ikcrm:quota:*", "+@all"]);
    server.run(&["ACL", "SETUSER", "poor", "on", ">poor", "~ikcrm:quota:*", "+@all", "-info"]);
    server.run(&["CONFIG", "SET", "requirepass", "secret"]);
    let at = |user: &str| Redis::new(&format!("redis://{user}127.0.0.1:{}", server.port), "one");
    assert_eq!(take(&at("crm:p%40ss@"), 1), Ok(Taken::Slot));
    assert_eq!(take(&at(":secret@"), 2), Ok(Taken::Slot));
    let beside = |user: &str, password: &str| {
        let url = format!("redis://{user}127.0.0.1:{}", server.port);
        Redis::new(&with_password(&url, password).unwrap(), "one")
    };
    // The server answers, that all slots are taken.
    assert!(take(&beside("crm@", "p@ss"), 4).is_ok());
    assert!(take(&beside("", "secret"), 5).is_ok());
    for user in ["", "crm:wrong@", ":wrong@", "nobody:secret@"] {
        let error = take(&at(user), 3).unwrap_err();
        assert!(!error.retryable, "{user}: {error:?}");
        assert!(
            !error.message.contains("secret") && !error.message.contains("wrong@"),
            "{error:?}"
        );
    }
    let error = take(&at("poor:poor@"), 3).unwrap_err();
    assert!(!error.retryable && error.message.contains("+info"), "{error:?}");
}

#[test]
fn a_sentinel_is_told_apart() {
    let folder = std::env::temp_dir().join(format!("ikcrm-sentinel-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let (port, file) = (free_port(), folder.join("sentinel.conf"));
    let mut config = std::fs::File::create(&file).unwrap();
    writeln!(config, "port {port}\nbind 127.0.0.1").unwrap();
    let child =
        Command::new("redis-server").arg(&file).arg("--sentinel").stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("Sentinel ID")));
    let error = take(&Redis::new(&format!("redis://127.0.0.1:{port}"), "one"), 1).unwrap_err();
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    assert!(!error.retryable && error.message.contains("Sentinel"), "{error:?}");
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_a_second() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = Redis::new(&format!("redis://{}", server.local_addr().unwrap()), "one");
    let begun = Instant::now();
    let error = take(&store, 1).unwrap_err();
    assert!(error.retryable, "{error:?}");
    let took = begun.elapsed();
    assert!((1.0..1.9).contains(&took.as_secs_f64()), "{took:?}");
}

#[test]
fn urls_of_servers() {
    let good =
        ["redis://host", "redis://user:p%40ss@host:6380/2", "rediss://host", "redis://[::1]:1"];
    assert!(good.iter().all(|url| is_url(url)));
    let bad = ["redis://", "redis://host/name", "rediss://host/#insecure", "unix:///tmp/redis"];
    assert!(!bad.iter().any(|url| is_url(url)));
}
