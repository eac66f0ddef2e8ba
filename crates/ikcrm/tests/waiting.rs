//! How calls wait: without threads, for as long as they may, and until the client is closed.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail with the test")]

use std::future::IntoFuture;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use ikcrm::{CallOptions, Cancel, Client, Error, Opportunity, OpportunityUpdate, Priority, Quota};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_secs(10);

/// A server whose requests the test answers.
struct Server {
    url: String,
    requests: Receiver<TcpStream>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if sender.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { url, requests }
    }

    /// A client that may make one call an hour.
    fn client(&self) -> Client {
        let key = format!("waiting of {}", self.url);
        let builder = Client::builder().token("t").base_url(&self.url);
        builder.quota(Quota::new(1, HOUR).key(key)).build().unwrap()
    }

    /// The connection of the next request, which was read.
    fn request(&self) -> TcpStream {
        let stream = self.requests.recv_timeout(MOMENT).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).unwrap() > 2 {
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            line.clear();
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        stream
    }
}

fn answer(stream: &mut TcpStream) {
    let body = r#"{"code":0,"data":{"id":568587}}"#;
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

fn update() -> OpportunityUpdate {
    OpportunityUpdate::new().title("ccc").customer_id(1)
}

fn spawn(client: &Client, options: CallOptions) -> Receiver<Result<Opportunity, Error>> {
    let (sender, result) = mpsc::channel();
    client.prepare_update(568_587, update(), options).spawn(move |it| drop(sender.send(it)));
    result
}

fn code(result: &Receiver<Result<Opportunity, Error>>) -> &'static str {
    result.recv_timeout(MOMENT).unwrap().unwrap_err().code()
}

/// How many threads the process has whose names begin so.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.starts_with(name)).count()
}

#[test]
fn ten_thousand_waiting_calls_hold_no_threads_and_leave_the_rest_of_the_client_free() {
    const CALLS: usize = 10_000;
    let server = Server::start();
    let client = server.client();
    let first = spawn(&client, CallOptions::new());
    let mut under_way = server.request();
    let waiting: Vec<_> = (0..CALLS).map(|_| spawn(&client, CallOptions::new())).collect();
    while client.quota().unwrap().unwrap().waiting < CALLS {
        thread::yield_now();
    }
    #[cfg(target_os = "linux")]
    assert!(threads("ikcrm-") < 100, "{} threads, those of other tests too", threads("ikcrm-"));

    // What is wrong is told at once, and so is the quota's state.
    let (sender, told) = mpsc::channel();
    let wrong = client.prepare_update(0, update(), CallOptions::new());
    wrong.spawn(move |result| sender.send(result.unwrap_err().code()).unwrap());
    assert_eq!(told.try_recv(), Ok("validation"));
    let status = client.quota().unwrap().unwrap();
    assert_eq!((status.used, status.waiting), (1, CALLS));
    assert!(status.next_free > HOUR * 9_999, "{:?}", status.next_free);

    answer(&mut under_way);
    first.recv_timeout(MOMENT).unwrap().unwrap();
    client.close(Duration::ZERO);
    assert!(waiting.iter().all(|result| code(result) == "cancelled"));
}

#[test]
fn a_closed_client_ends_what_waits_and_gives_time_to_what_is_under_way() {
    let server = Server::start();
    let client = server.client();
    let first = spawn(&client, CallOptions::new());
    let mut under_way = server.request();
    let waiting = spawn(&client, CallOptions::new());
    let (sender, closed) = mpsc::channel();
    client.prepare_close(MOMENT).spawn(move |_| sender.send(()).unwrap());
    assert_eq!(code(&waiting), "cancelled");
    assert!(closed.try_recv().is_err() && first.try_recv().is_err());
    answer(&mut under_way);
    first.recv_timeout(MOMENT).unwrap().unwrap();
    closed.recv_timeout(MOMENT).unwrap();
    let later = client.update_opportunity(568_587, &update()).unwrap_err();
    assert_eq!((later.code(), later.may_have_been_applied()), ("cancelled", false));
}

#[test]
fn a_closed_client_ends_what_takes_longer_than_its_grace() {
    let server = Server::start();
    let client = server.client();
    let stalled = spawn(&client, CallOptions::new());
    let _under_way = server.request();
    client.close(Duration::from_millis(1));
    let error = stalled.recv_timeout(MOMENT).unwrap().unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("cancelled", true));
}

#[test]
fn closing_one_client_leaves_another_of_the_same_quota_alone() {
    let server = Server::start();
    let (client, other) = (server.client(), server.client());
    let first = spawn(&client, CallOptions::new());
    let mut under_way = server.request();
    let cancel = Cancel::new();
    let waiting = spawn(&other, CallOptions::new().cancel(cancel.clone()));
    answer(&mut under_way);
    first.recv_timeout(MOMENT).unwrap().unwrap();
    client.close(Duration::ZERO);
    assert!(waiting.try_recv().is_err());
    cancel.cancel();
    assert_eq!(code(&waiting), "cancelled");
}

#[test]
fn what_cannot_end_in_time_fails_at_once_and_says_when_it_could() {
    let server = Server::start();
    let client = server.client();
    let _first = spawn(&client, CallOptions::new());
    let _under_way = server.request();
    for options in [CallOptions::new().deadline(MOMENT), CallOptions::new().max_wait(MOMENT)] {
        let error = client.update_opportunity_with(568_587, &update(), &options).unwrap_err();
        assert_eq!((error.code(), error.may_have_been_applied()), ("quota_exceeded", false));
        assert!(error.retry_after().unwrap() > MOMENT);
    }
}

#[test]
fn a_deadline_that_passes_while_the_call_waits_ends_it() {
    let server = Server::start();
    let key = format!("a deadline of {}", server.url);
    let quota = Quota::new(1, Duration::from_millis(50)).key(key);
    let client = Client::builder().token("t").base_url(&server.url).quota(quota);
    let client = client.build().unwrap();
    let _first = spawn(&client, CallOptions::new());
    let _under_way = server.request();
    // An answer could come at any time, so that the call waits and cannot know.
    let options = CallOptions::new().deadline(Duration::from_millis(200));
    let error = client.update_opportunity_with(568_587, &update(), &options).unwrap_err();
    assert_eq!((error.code(), error.may_have_been_applied()), ("quota_exceeded", false));
}

#[test]
fn a_batch_stands_behind_those_who_come_later() {
    let server = Server::start();
    let key = format!("a batch of {}", server.url);
    let quota = Quota::new(1, Duration::from_millis(20)).key(key);
    let client = Client::builder().token("t").base_url(&server.url).quota(quota);
    let client = client.build().unwrap();
    let first = spawn(&client, CallOptions::new());
    let mut under_way = server.request();
    let (sender, order) = mpsc::channel();
    for (name, priority) in [("batch", Priority::Batch), ("normal", Priority::Normal)] {
        let sender = sender.clone();
        let call = client.prepare_update(1, update(), CallOptions::new().priority(priority));
        call.spawn(move |_| sender.send(name).unwrap());
    }
    while client.quota().unwrap().unwrap().waiting < 2 {
        thread::yield_now();
    }
    thread::spawn(move || {
        answer(&mut under_way);
        // The client's connection is kept, and its later requests come there.
        let mut reader = BufReader::new(under_way.try_clone().unwrap());
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            if line == "\r\n" {
                answer(&mut under_way);
            }
            line.clear();
        }
    });
    first.recv_timeout(MOMENT).unwrap().unwrap();
    assert_eq!(order.recv_timeout(MOMENT), Ok("normal"));
    assert_eq!(order.recv_timeout(MOMENT), Ok("batch"));
}

#[test]
fn a_call_is_a_future_and_dropping_it_cancels() {
    let server = Server::start();
    let client = server.client();
    let mut context = Context::from_waker(Waker::noop());
    let mut under_way = {
        let call = client.prepare_update(568_587, update(), CallOptions::new());
        let mut first = pin!(call.into_future());
        assert!(first.as_mut().poll(&mut context).is_pending());
        let mut under_way = server.request();
        let mut waiting =
            Box::pin(client.prepare_update(1, update(), CallOptions::new()).into_future());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        while client.quota().unwrap().unwrap().waiting < 1 {
            thread::yield_now();
        }
        drop(waiting);
        while client.quota().unwrap().unwrap().waiting > 0 {
            thread::yield_now();
        }
        answer(&mut under_way);
        while first.as_mut().poll(&mut context).is_pending() {
            thread::yield_now();
        }
        under_way
    };
    under_way.set_nonblocking(true).unwrap();
    assert!(under_way.read(&mut [0]).is_err(), "nothing was sent for the call that was dropped");
}

/// A runtime that is not the library's: it polls again only when it is woken.
fn run<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut context, mut future) = (Context::from_waker(&waker), pin!(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn any_runtime_can_await_calls_and_is_woken() {
    let server = Server::start();
    let client = server.client();
    let awaited = {
        let client = client.clone();
        thread::spawn(move || {
            run(async {
                let id =
                    client.prepare_update(568_587, update(), CallOptions::new()).await?.id()?;
                // The next one waits for an hour, unless its client is closed.
                let next = client.prepare_update(1, update(), CallOptions::new()).await;
                assert_eq!(next.unwrap_err().code(), "cancelled");
                Ok::<_, Error>(id)
            })
        })
    };
    let mut under_way = server.request();
    answer(&mut under_way);
    while client.quota().unwrap().unwrap().waiting < 1 {
        thread::yield_now();
    }
    client.close(Duration::ZERO);
    assert_eq!(awaited.join().unwrap().unwrap(), Some(568_587));
}

#[test]
fn waits_in_threads_end_by_their_own_cancel() {
    let server = Server::start();
    let client = server.client();
    let _first = spawn(&client, CallOptions::new());
    let _under_way = server.request();
    thread::scope(|scope| {
        let cancel = Cancel::new();
        let options = CallOptions::new().cancel(cancel.clone());
        let client = &client;
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let options = options.clone();
                scope.spawn(move || client.update_opportunity_with(1, &update(), &options))
            })
            .collect();
        while client.quota().unwrap().unwrap().waiting < 16 {
            thread::yield_now();
        }
        cancel.cancel();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap_err().code(), "cancelled");
        }
    });
}
