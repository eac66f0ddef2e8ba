//! A schedule and its run: processes that call the CRM, what befalls them, and what the CRM counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::super::gate::ASK_AGAIN;
use super::super::super::store::{Fallback, Local, Store};
use super::super::super::window::{Fate, LATE, Limit, Request, Taken};
use super::disk::{self, Disk, Naive, OnDisk};
use crate::sync::lock;

pub(super) const LIMIT: Limit = limit(10, 10);
const TIMEOUT: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(90);

pub(super) const fn limit(calls: usize, per: u64) -> Limit {
    Limit { calls: NonZeroUsize::new(calls).unwrap(), per: Duration::from_secs(per) }
}

/// What befalls the processes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trouble {
    None,
    /// Processes fork: the child has a copy of its parent's random state.
    Forks,
    /// Processes stand still between taking a slot and sending, and go on later.
    Stops,
    /// The CRM counts a call that broke, or whose process was killed, late.
    LateCounts,
    /// The file is emptied, damaged or replaced by an older copy.
    Losses,
    /// The machine restarts, and its clock begins again.
    Restarts,
    /// The clock of a single process goes back.
    ClockGoesBack,
    /// The processes have different limits.
    Limits,
    /// The store is away for a while, and each process goes on with its part.
    Absence,
}

/// A fault of the library, which the simulation must see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bug {
    None,
    /// A slot's time runs from the sending, not from the answer.
    SettlesWhenSent,
    /// A slot's id comes from the process's random state.
    InheritsIds,
    /// Whether the call can still end in time is not asked before it is sent.
    SendsLate,
    /// A call whose fate is unknown is held until its deadline only.
    HoldsToDeadline,
    ForgetsLosses,
    /// Each keeps only to his own limit.
    KeepsToOwnLimit,
    /// A store that is back is not told what was sent meanwhile.
    HandsNothingOver,
}

/// What a schedule is like; the rest is drawn from the seed.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) processes: usize,
    pub(super) workers: usize,
    /// The longest way to the CRM, and back.
    pub(super) latency: Duration,
    /// The longest time that a process is late with anything.
    pub(super) lateness: Duration,
    /// Of 100 attempts, how many fail before they are sent, and how many after.
    pub(super) unsent: u64,
    pub(super) unknown: u64,
    /// Of 100 processes, how many are killed.
    pub(super) killed: u64,
    pub(super) trouble: Trouble,
    pub(super) bug: Bug,
}

/// What happens next, and to which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A worker wants to make a call.
    Want(usize),
    /// The first in the queue looks for a slot, unless another look was planned since.
    Look(usize, u64),
    /// The call with the slot of this id, taken at this time, is about to be sent.
    Send(usize, u64, Duration),
    /// The call ends so for its process.
    Answered(usize, u64),
    Unsent(usize, u64),
    Unknown(usize, u64),
    Kill(usize),
    Fork(usize),
    Lose,
    Restart,
    SetBack,
    GoAway,
    ComeBack,
}

struct Process {
    store: Box<dyn Store>,
    limit: Limit,
    ids: Random,
    waiting: usize,
    look: u64,
    killed: bool,
}

pub(super) struct Simulation {
    plan: Plan,
    random: Random,
    disk: Arc<Mutex<Disk>>,
    processes: Vec<Process>,
    events: BinaryHeap<Reverse<(Duration, Event)>>,
    ids: u64,
    older: Vec<u8>,
    /// When the CRM counted a call.
    counted: Vec<Duration>,
    /// The time from each call's sending to its settling.
    took: Vec<Duration>,
}

impl Simulation {
    /// Runs a schedule to its end.
    pub(super) fn run(plan: &Plan) -> Self {
        disk::set_time(Duration::ZERO);
        disk::set_start(Duration::ZERO);
        let mut simulation = Self {
            plan: plan.clone(),
            random: Random(plan.seed),
            disk: Arc::default(),
            processes: Vec::new(),
            events: BinaryHeap::new(),
            ids: 0,
            older: Vec::new(),
            counted: Vec::new(),
            took: Vec::new(),
        };
        (0..plan.processes).for_each(|_| simulation.start(Duration::ZERO));
        // All limits are seen before the first call.
        for Process { store, limit, .. } in &simulation.processes {
            store.take(Request { id: 0, hold: TIMEOUT, ahead: 0 }, *limit).unwrap();
            store.settle(0, Fate::Unsent, *limit).unwrap();
        }
        simulation.plan_trouble();
        while let Some(Reverse((now, event))) = simulation.events.pop() {
            if now < END {
                disk::set_time(now);
                simulation.happen(now, event);
            }
        }
        simulation.counted.sort_unstable();
        simulation
    }

    /// Starts a process with its workers.
    fn start(&mut self, at: Duration) {
        let limits = [LIMIT, limit(20, 10), limit(25, 20), limit(6, 3)];
        let number = self.processes.len();
        let limit = match self.plan.trouble {
            Trouble::Limits => limits[number % limits.len()],
            _ => LIMIT,
        };
        let (store, ids) = (self.store(limit), Random(self.random.next()));
        let process = Process { store, limit, ids, waiting: 0, look: 0, killed: false };
        self.processes.push(process);
        for _ in 0..self.plan.workers {
            self.plan_event(at, Event::Want(number));
        }
        if self.percent(self.plan.killed) {
            let at = self.up_to(END);
            self.plan_event(at, Event::Kill(number));
        }
    }

    fn store(&self, limit: Limit) -> Box<dyn Store> {
        let own = self.plan.bug == Bug::KeepsToOwnLimit;
        let name = if own { format!("{limit:?}") } else { String::new() };
        let forgets = self.plan.bug == Bug::ForgetsLosses;
        let disk = Arc::clone(&self.disk);
        let on_disk = Box::new(OnDisk { disk, name, forgets, memory: Mutex::default() });
        let processes = u32::try_from(self.plan.processes).unwrap();
        match self.plan.trouble {
            Trouble::ClockGoesBack => Box::new(Local::with_clock(disk::machine_time)),
            Trouble::Absence => {
                let part = LIMIT.part(1.0 / f64::from(processes));
                let clock = disk::machine_time;
                if self.plan.bug == Bug::HandsNothingOver {
                    let local = Local::with_clock(clock);
                    return Box::new(Naive { store: on_disk, local, part });
                }
                Box::new(Fallback::with_clock(on_disk, part, clock))
            }
            _ => on_disk,
        }
    }

    fn plan_trouble(&mut self) {
        for _ in 0..3 {
            let (at, process) = (self.up_to(END), self.pick(self.processes.len()));
            match self.plan.trouble {
                Trouble::Forks => self.plan_event(at, Event::Fork(process)),
                Trouble::Losses => self.plan_event(at + 2 * ASK_AGAIN, Event::Lose),
                Trouble::Restarts => self.plan_event(at, Event::Restart),
                Trouble::ClockGoesBack => self.plan_event(at, Event::SetBack),
                _ => {}
            }
        }
        if self.plan.trouble == Trouble::Absence {
            let (from, length) = (self.up_to(END / 3), self.up_to(END / 2));
            self.plan_event(from, Event::GoAway);
            self.plan_event(from + length, Event::ComeBack);
        }
    }

    fn happen(&mut self, now: Duration, event: Event) {
        match event {
            Event::Kill(process) => self.processes[process].killed = true,
            Event::Lose => self.lose(),
            Event::Restart => self.restart(now),
            Event::SetBack => disk::set_back_by(self.up_to(Duration::from_secs(3600))),
            Event::GoAway | Event::ComeBack => lock(&self.disk).away = event == Event::GoAway,
            Event::Want(process)
            | Event::Look(process, _)
            | Event::Send(process, ..)
            | Event::Answered(process, _)
            | Event::Unsent(process, _)
            | Event::Unknown(process, _)
            | Event::Fork(process)
                if self.processes[process].killed => {}
            Event::Fork(process) => self.fork(process, now),
            Event::Want(process) => {
                self.processes[process].waiting += 1;
                if self.processes[process].waiting == 1 {
                    self.look(process, now);
                }
            }
            Event::Look(process, look) if self.processes[process].look == look => {
                self.take(process, now);
            }
            Event::Look(..) => {}
            Event::Send(process, id, taken) => self.send(process, id, taken, now),
            Event::Answered(process, id) => self.settle(process, id, Fate::Answered, now),
            Event::Unsent(process, id) => {
                self.settle(process, id, Fate::Unsent, now);
                self.look(process, now);
            }
            Event::Unknown(process, id) => {
                let fate = Fate::Unknown;
                if self.plan.bug == Bug::HoldsToDeadline {
                    return self.plan_event(now, Event::Want(process));
                }
                self.settle(process, id, fate, now);
            }
        }
    }

    fn settle(&mut self, process: usize, id: u64, fate: Fate, now: Duration) {
        let Process { store, limit, .. } = &self.processes[process];
        // A store that is away keeps the slot as it was taken.
        drop(store.settle(id, fate, *limit));
        self.plan_event(now, Event::Want(process));
    }

    fn lose(&mut self) {
        let (kind, mut disk) = (self.random.next() % 3, lock(&self.disk));
        match kind {
            0 => disk.bytes.clear(),
            1 => disk.bytes.truncate(50),
            _ => {
                disk.file += 1;
                disk.bytes.clone_from(&self.older);
            }
        }
    }

    fn restart(&mut self, now: Duration) {
        self.processes.iter_mut().for_each(|process| process.killed = true);
        lock(&self.disk).run += 1;
        disk::set_start(now);
        let processes = self.plan.processes;
        (0..processes).for_each(|_| self.start(now));
    }

    fn fork(&mut self, process: usize, now: Duration) {
        let child = self.processes.len();
        self.start(now);
        self.processes[child].ids = self.processes[process].ids.clone();
    }

    /// Plans the next look of the process's first; it may be late.
    fn look(&mut self, process: usize, at: Duration) {
        let at = at + self.up_to(self.plan.lateness);
        self.processes[process].look += 1;
        self.plan_event(at, Event::Look(process, self.processes[process].look));
    }

    fn take(&mut self, process: usize, now: Duration) {
        if self.processes[process].waiting == 0 {
            return;
        }
        let id = self.id(process);
        let Process { store, limit, .. } = &self.processes[process];
        let late = if self.plan.bug == Bug::HoldsToDeadline { LATE } else { Duration::ZERO };
        let request = Request { id, hold: (TIMEOUT + limit.per).saturating_sub(late), ahead: 0 };
        match store.take(request, *limit).unwrap() {
            Taken::Slot => {
                self.processes[process].waiting -= 1;
                let stops = self.plan.trouble == Trouble::Stops && self.percent(3);
                let stopped = if stops { self.up_to(2 * TIMEOUT) } else { Duration::ZERO };
                self.plan_event(now + stopped, Event::Send(process, id, now));
                self.look(process, now + stopped);
                if self.percent(20) {
                    self.older.clone_from(&lock(&self.disk).bytes);
                }
            }
            Taken::Busy(wait) => self.look(process, now + wait.min(ASK_AGAIN)),
        }
    }

    fn id(&mut self, process: usize) -> u64 {
        if self.plan.bug == Bug::InheritsIds {
            return self.processes[process].ids.next();
        }
        self.ids += 1;
        self.ids
    }

    /// Sends a call, which may fail and may be counted all the same.
    fn send(&mut self, process: usize, id: u64, taken: Duration, now: Duration) {
        let deadline = taken + TIMEOUT;
        if now >= deadline && self.plan.bug != Bug::SendsLate {
            return self.plan_event(now, Event::Unsent(process, id));
        }
        let (there, back) = (self.up_to(self.plan.latency), self.up_to(self.plan.latency));
        if self.percent(self.plan.unsent) {
            return self.plan_event(now + there, Event::Unsent(process, id));
        }
        if self.percent(self.plan.unknown) {
            return self.break_off(process, id, deadline, now);
        }
        let took = there + back + self.up_to(self.plan.lateness);
        self.counted.push(now + there);
        if now + took > deadline && self.plan.bug != Bug::SendsLate {
            return self.plan_event(deadline.max(now), Event::Unknown(process, id));
        }
        self.took.push(took);
        if self.plan.bug == Bug::SettlesWhenSent {
            self.settle(process, id, Fate::Answered, now);
            return;
        }
        self.plan_event(now + took, Event::Answered(process, id));
    }

    /// A call breaks before its deadline; the CRM counts it until then, or a little later than that.
    fn break_off(&mut self, process: usize, id: u64, deadline: Duration, now: Duration) {
        let left = deadline.saturating_sub(now);
        let broken = now + self.up_to(left);
        let latest = match self.plan.trouble {
            Trouble::LateCounts => deadline.max(broken + LATE),
            _ => deadline,
        };
        let counted = now + self.up_to(latest.saturating_sub(now));
        self.counted.push(counted);
        self.plan_event(broken, Event::Unknown(process, id));
    }

    fn plan_event(&mut self, at: Duration, event: Event) {
        self.events.push(Reverse((at, event)));
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        let part = u32::try_from(self.random.next() >> 40).unwrap();
        longest.mul_f64(f64::from(part) / f64::from(1 << 24))
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.random.next() % 100 < percent
    }

    fn pick(&mut self, of: usize) -> usize {
        usize::try_from(self.random.next() >> 32).unwrap() % of
    }

    /// Whether no stretch of a window's length held more calls than any limit, neither of any
    /// beginning nor of windows that follow each other.
    pub(super) fn holds(&self) -> bool {
        let mut limits: Vec<_> = self.processes.iter().map(|process| process.limit).collect();
        limits.dedup();
        limits.into_iter().all(|limit| self.keeps_to(limit))
    }

    fn keeps_to(&self, limit: Limit) -> bool {
        let calls = limit.calls.get();
        let sliding = self.counted.windows(calls + 1).all(|run| run[calls] >= run[0] + limit.per);
        let fixed = [0, 2500, 5000, 9999].into_iter().map(Duration::from_millis).all(|offset| {
            let number = |at: &Duration| (*at + offset).as_nanos() / limit.per.as_nanos();
            self.counted.chunk_by(|a, b| number(a) == number(b)).all(|run| run.len() <= calls)
        });
        sliding && fixed
    }

    /// What was sent, as a part of what slots of `per` and these delays could have sent.
    pub(super) fn utilisation(&self) -> f64 {
        let count = f64::from(u32::try_from(self.took.len()).unwrap());
        let cycle = LIMIT.per.as_secs_f64()
            + self.took.iter().map(Duration::as_secs_f64).sum::<f64>() / count;
        let slots = f64::from(u32::try_from(LIMIT.calls.get()).unwrap());
        count * cycle / (slots * END.as_secs_f64())
    }
}

/// A small generator (`SplitMix64`), the same for the same seed.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
