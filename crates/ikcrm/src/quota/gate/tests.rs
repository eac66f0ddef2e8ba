//! The gate: who passes when.

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;

use super::super::store::Local;
use super::*;
use crate::sync::{Cancel, Ends, block_on};

const ONE: Limit = Limit { calls: NonZeroUsize::MIN, per: Duration::from_millis(20) };
const HOUR: Limit = Limit { per: Duration::from_secs(3600), ..ONE };

fn gate() -> Arc<Gate> {
    Arc::new(Gate::new(Box::new(Local::new()), false))
}

/// Takes a slot as the call number `order`.
fn take(gate: &Arc<Gate>, limit: Limit, lane: Lane, order: u64) -> Result<Slot, Error> {
    take_with(gate, limit, lane, order, &Cancel::new())
}

fn take_with(
    gate: &Arc<Gate>,
    limit: Limit,
    lane: Lane,
    order: u64,
    cancel: &Cancel,
) -> Result<Slot, Error> {
    let ends = Ends { waits: cancel.clone(), ..Ends::default() };
    let budget = &Budget::new(Duration::from_secs(60), None, ends);
    let hold = Duration::from_secs(60);
    match gate.join(&Pass { limit, reserve: 0, hold, max_wait: None, lane, order, budget })? {
        Joined::Slot(slot) => Ok(slot),
        Joined::Queued(wait) => block_on(wait, Some(cancel)),
    }
}

/// Waits until so many calls stand in the queue.
fn wait_for_queue(gate: &Gate, length: usize) {
    while lock(&gate.state).queue.len() < length {
        thread::yield_now();
    }
}

#[test]
fn who_comes_first_is_served_first_and_the_second_lane_last() {
    let gate = gate();
    let held = take(&gate, HOUR, Lane::Interactive, 0).unwrap();
    let (sender, served) = mpsc::channel();
    thread::scope(|scope| {
        for number in 0..10_u64 {
            let (gate, sender) = (&gate, sender.clone());
            let lane = if number < 3 { Lane::Batch } else { Lane::Interactive };
            scope.spawn(move || {
                let slot = take(gate, HOUR, lane, 10 - number).unwrap();
                sender.send(number).unwrap();
                slot.settle(Fate::Unsent);
            });
            wait_for_queue(gate, usize::try_from(number).unwrap() + 1);
        }
        lock(&gate.state).queue.batch_now();
        held.settle(Fate::Unsent);
        let first: Vec<_> = served.iter().take(8).collect();
        assert_eq!(first, [9, 8, 7, 6, 5, 4, 3, 2]);
        // The second lane keeps its pace, which is an hour here.
        for _ in 0..2 {
            let mut state = lock(&gate.state);
            state.queue.batch_now();
            gate.go_on(state, true);
            served.recv().unwrap();
        }
    });
}

#[test]
fn a_shared_store_without_clients_is_kept_for_a_while() {
    let make = || Gate::new(Box::new(Local::new()), true);
    let another = || drop(of_process("another's", make));
    let gate = of_process("left", make);
    gate.leave(Duration::ZERO);
    let left = Arc::downgrade(&gate);
    drop(gate);
    another();
    let kept = left.upgrade().unwrap();
    lock(&kept.state).left_at -= KEPT;
    drop(kept);
    another();
    assert!(left.upgrade().is_none());
}

#[test]
fn a_slot_that_is_given_back_wakes_the_first() {
    let gate = gate();
    let held = take(&gate, HOUR, Lane::Interactive, 0).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| take(&gate, HOUR, Lane::Interactive, 1).map(drop));
        wait_for_queue(&gate, 1);
        held.settle(Fate::Unsent);
        assert!(waiting.join().unwrap().is_ok());
    });
}

#[test]
fn a_slot_that_came_for_a_call_that_has_gone_is_given_back() {
    let gate = gate();
    let held = take(&gate, HOUR, Lane::Interactive, 0).unwrap();
    let cancel = Cancel::new();
    thread::scope(|scope| {
        let gone = scope.spawn(|| take_with(&gate, HOUR, Lane::Interactive, 1, &cancel));
        let next = scope.spawn(|| take(&gate, HOUR, Lane::Interactive, 2).map(drop));
        wait_for_queue(&gate, 2);
        cancel.cancel();
        held.settle(Fate::Unsent);
        let gone = gone.join().unwrap();
        if let Ok(slot) = gone {
            slot.settle(Fate::Unsent);
        }
        assert!(next.join().unwrap().is_ok());
    });
}
