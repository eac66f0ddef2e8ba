//! Every store gives the same answers to the same questions.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::super::store::{Local, Store, Warning};
use super::super::window::{Fate, Limit, Request, Taken};

const PER: Duration = Duration::from_secs(600);
const LIMIT: Limit = limit(3, 600);
const HOLD: Duration = Duration::from_secs(1200);

const fn limit(calls: usize, per: u64) -> Limit {
    Limit { calls: NonZeroUsize::new(calls).unwrap(), per: Duration::from_secs(per) }
}

fn take(store: &dyn Store, id: u64, ahead: usize) -> Taken {
    take_of(store, id, ahead, LIMIT)
}

fn take_of(store: &dyn Store, id: u64, ahead: usize, limit: Limit) -> Taken {
    store.take(Request { id, hold: HOLD, ahead }, limit).unwrap()
}

/// Whether one has to wait, and about so many seconds.
fn waits(taken: Taken, seconds: u64) -> bool {
    let about = Duration::from_secs(seconds.saturating_sub(30))..=Duration::from_secs(seconds);
    matches!(taken, Taken::Busy(wait) if about.contains(&wait))
}

/// Asks stores of their own, which `make` makes empty.
pub(in super::super) fn check(make: &dyn Fn(&str) -> Box<dyn Store>) {
    check_slots(make("slots").as_ref());
    check_fates(make("fates").as_ref());
    check_handed_over(make("handed over").as_ref());
    check_limits(make("limits").as_ref());
    check_longer_window(make("longer").as_ref());
    check_blocks(make("blocks").as_ref());
}

fn check_slots(store: &dyn Store) {
    assert_eq!(store.usage(LIMIT, 0).unwrap(), (0, Duration::ZERO));
    assert!([1, 2, 3].iter().all(|id| take(store, *id, 0) == Taken::Slot));
    assert_eq!(take(store, 3, 0), Taken::Slot, "asked again, as after an answer that got lost");
    assert!(waits(take(store, 4, 0), 600), "an answer may come at once");
    assert!(waits(take(store, 4, 3), 1200), "the others come first");

    store.settle(1, Fate::Unsent, LIMIT).unwrap();
    assert_eq!(take(store, 4, 0), Taken::Slot, "one was given back");
    assert!([2, 3, 4].iter().all(|id| store.settle(*id, Fate::Answered, LIMIT).is_ok()));
    assert!(waits(take(store, 5, 0), 600));
    store.settle(5, Fate::Answered, LIMIT).unwrap();
    assert_eq!(store.usage(LIMIT, 0).unwrap().0, 4, "one came back that had been forgotten");
    assert_eq!(store.warnings(), []);
}

/// How long a slot is held: the call's timeout is 600 s, it may be late by 10 s, then a window.
fn check_fates(store: &dyn Store) {
    let one = limit(1, 600);
    assert_eq!(take_of(store, 1, 0, one), Taken::Slot);
    store.settle(1, Fate::Unknown, one).unwrap();
    assert!(waits(take_of(store, 2, 0, one), 1200), "it broke at once");
    store.settle(1, Fate::Answered, one).unwrap();
    assert!(waits(take_of(store, 2, 0, one), 600), "it was answered after all");
    store.settle(1, Fate::Unsent, one).unwrap();

    store.settle(7, Fate::Unknown, one).unwrap();
    assert!(waits(take_of(store, 2, 0, one), 610), "one that had been forgotten may be late");
    store.settle(7, Fate::Elsewhere(Duration::from_secs(100)), one).unwrap();
    assert!(waits(take_of(store, 2, 0, one), 600), "an answer may come at once");
    store.settle(7, Fate::Unknown, one).unwrap();
    assert!(waits(take_of(store, 2, 0, one), 690), "late is counted already");
}

/// A slot that another store gave, before anybody took one here.
fn check_handed_over(store: &dyn Store) {
    store.settle(1, Fate::Answered, LIMIT).unwrap();
    store.settle(2, Fate::Elsewhere(Duration::from_secs(60)), LIMIT).unwrap();
    assert_eq!(store.usage(LIMIT, 0).unwrap().0, 2);
}

fn check_limits(store: &dyn Store) {
    let (strict, loose) = (limit(2, 600), limit(5, 600));
    assert_eq!(take_of(store, 1, 0, strict), Taken::Slot);
    assert_eq!(take_of(store, 2, 0, loose), Taken::Slot);
    assert!(waits(take_of(store, 3, 0, loose), 600), "the other one is stricter");
    let warning = Warning::Stricter { own: loose, other: strict };
    assert_eq!(store.warnings(), [warning]);
    assert!(waits(take_of(store, 3, 0, loose), 600));
    assert_eq!(store.warnings(), [], "told once");
    let (used, next) = store.usage(loose, 0).unwrap();
    assert!(used == 2 && next > PER / 2, "{used} {next:?}");
}

fn check_longer_window(store: &dyn Store) {
    let (short, long) = (limit(3, 60), limit(3, 600));
    assert_eq!(take_of(store, 1, 0, short), Taken::Slot);
    store.settle(1, Fate::Answered, short).unwrap();
    let (_, next) = store.usage(long, 0).unwrap();
    assert!(waits(Taken::Busy(next), 540), "told before it is asked for");
    assert!(waits(take_of(store, 2, 0, long), 540), "what was before the last 60 s is not known");
    store.settle(2, Fate::Answered, long).unwrap();
    assert_eq!(store.usage(short, 0).unwrap().0, 2);
}

fn check_blocks(store: &dyn Store) {
    store.block(Duration::from_secs(400)).unwrap();
    store.block(Duration::from_secs(5)).unwrap();
    assert!(waits(take(store, 1, 0), 400), "the longer block counts");
    store.block(Duration::from_secs(u64::MAX)).unwrap();
    assert!(waits(take(store, 1, 0), 3600), "six windows at most");
    store.settle(1, Fate::Answered, LIMIT).unwrap();
    assert_eq!(store.usage(LIMIT, 0).unwrap().0, 1);
}

#[test]
fn the_store_of_one_process() {
    check(&|_| Box::new(Local::new()));
}

#[test]
fn a_file() {
    let folder = std::env::temp_dir().join(format!("ikcrm-agreement-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let open = |name: &str| super::super::file::FileStore::new(folder.join("quota"), name);
    check(&|name| Box::new(open(name)));
    // Another one finds the same slots, and none under another name.
    let used = |name| open(name).usage(LIMIT, 0).unwrap().0;
    assert_eq!((used("slots"), used("other")), (4, 0));
    std::fs::remove_dir_all(folder).unwrap();
}
