//! What a call weighs that waits for the quota, in bytes of the heap.
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ikcrm::{CallOptions, Client, OpportunityUpdate, Quota};

/// The future of a waiting call is as large as all that it may do: what is rare belongs into a box.
const MOST: usize = 2048;
const CALLS: usize = 1000;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which counts the bytes in use.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: it hands all on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn a_waiting_call_weighs_little() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let quota = Quota::new(1, Duration::from_secs(3600)).key("weight");
    let client = Client::builder().token("t").base_url(&url).quota(quota).build().unwrap();
    let until_waiting = |count| while client.quota().unwrap().unwrap().waiting < count {};
    let spawn = |count| {
        for _ in 0..count {
            let update = OpportunityUpdate::new().title("ccc").customer_id(1);
            client.prepare_update(568_587, update, CallOptions::new()).spawn(drop);
        }
    };
    spawn(1);
    let _under_way = listener.accept().unwrap();
    spawn(CALLS);
    until_waiting(CALLS);
    let before = TAKEN.load(Ordering::Relaxed);
    spawn(CALLS);
    until_waiting(2 * CALLS);
    let weight = (TAKEN.load(Ordering::Relaxed) - before) / CALLS;
    println!("a waiting call: {weight} bytes");
    assert!(weight < MOST, "{weight}");
    client.close(Duration::ZERO);
}
