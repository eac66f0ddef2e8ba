//! Every store gives the same answers to the same questions.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::super::store::{Local, Store};
use super::super::window::{Fate, Limit, Request, Taken};

const LIMIT: Limit = Limit { calls: NonZeroUsize::new(3).unwrap(), per: Duration::from_secs(600) };
const HOLD: Duration = Duration::from_secs(1200);

fn take(store: &dyn Store, id: u64, ahead: usize) -> Taken {
    store.take(Request { id, hold: HOLD, ahead }, LIMIT).unwrap()
}

/// Whether one has to wait, and about so many seconds.
fn waits(taken: Taken, seconds: u64) -> bool {
    let about = Duration::from_secs(seconds.saturating_sub(30))..=Duration::from_secs(seconds);
    matches!(taken, Taken::Busy(wait) if about.contains(&wait))
}

fn check(store: &dyn Store) {
    assert_eq!(store.usage(LIMIT).unwrap(), (0, Duration::ZERO));
    assert!([1, 2, 3].iter().all(|id| take(store, *id, 0) == Taken::Slot));
    assert_eq!(take(store, 3, 0), Taken::Slot, "asked again, as after an answer that got lost");
    assert!(waits(take(store, 4, 0), 600), "an answer may come at once");
    assert!(waits(take(store, 4, 3), 1200), "the others come first");

    store.settle(1, Fate::Unsent, LIMIT).unwrap();
    assert_eq!(take(store, 4, 0), Taken::Slot, "one was given back");
    assert!([2, 3, 4].iter().all(|id| store.settle(*id, Fate::Answered, LIMIT).is_ok()));
    assert!(waits(take(store, 5, 0), 600));
    store.settle(5, Fate::Answered, LIMIT).unwrap();
    assert_eq!(store.usage(LIMIT).unwrap().0, 4, "one came back that had been forgotten");

    store.block(Duration::from_secs(900)).unwrap();
    store.block(Duration::from_secs(5)).unwrap();
    assert!(waits(take(store, 6, 0), 900), "the longer block counts");
}

#[test]
fn the_store_of_one_process() {
    check(&Local::new());
}

#[cfg(feature = "quota-sqlite")]
#[test]
fn a_file() {
    let path = std::env::temp_dir().join(format!("ikcrm-quota-{}.db", std::process::id()));
    check(&super::super::sqlite::Sqlite::new(path.clone(), "one"));
    // Another connection finds the same slots, and none under another name.
    let used = |name| super::super::sqlite::Sqlite::new(path.clone(), name).usage(LIMIT).unwrap().0;
    assert_eq!((used("one"), used("other")), (4, 0));
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{end}", path.display())).ok();
    }
}

#[cfg(feature = "quota-redis")]
mod redis {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::process::{Child, Command, Stdio};

    use super::super::super::redis::Redis;
    use super::*;

    /// A Redis server of the test's own, which keeps nothing.
    struct Server {
        child: Child,
        port: u16,
    }

    impl Server {
        /// Nothing where Redis is not installed.
        fn start(port: u16) -> Option<Self> {
            let child = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no"])
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

        fn url(&self) -> String {
            format!("redis://127.0.0.1:{}", self.port)
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

    #[test]
    fn a_server() {
        let Some(server) = Server::start(free_port()) else { return };
        let store = Redis::new(&server.url(), "one");
        // A server that has just started may have forgotten what others hold.
        assert!(waits(take(&store, 1, 0), 1200));
        store.forget_block();
        check(&store);
    }

    #[test]
    fn a_server_that_starts_anew_lets_nobody_pass_until_what_it_forgot_is_over() {
        let Some(server) = Server::start(free_port()) else { return };
        let store = Redis::new(&server.url(), "one");
        assert!(waits(take(&store, 1, 0), 1200));
        store.forget_block();
        assert_eq!(take(&store, 1, 0), Taken::Slot);
        let port = server.port;
        drop(server);
        let message = store.usage(LIMIT).unwrap_err().0;
        assert!(message.contains("the quota's Redis server cannot be used"), "{message}");
        let _server = Server::start(port);
        assert!(waits(take(&store, 2, 0), 1200));
        store.settle(1, Fate::Answered, LIMIT).unwrap();
        assert_eq!(store.usage(LIMIT).unwrap().0, 1, "the holder told its fate all the same");
    }
}
