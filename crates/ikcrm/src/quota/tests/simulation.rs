//! Simulates processes that share a window and a CRM that counts their calls, by a virtual clock:
//! over 10,000 schedules of delays and failures, no window of the CRM holds more than the quota.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroUsize;
use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;

use super::super::gate::ASK_AGAIN;
use super::super::window::{Fate, Limit, Request, Taken, Window};

const LIMIT: Limit = Limit { calls: NonZeroUsize::new(10).unwrap(), per: Duration::from_secs(10) };
const TIMEOUT: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(120);

/// What a schedule is like; the rest is drawn from the seed.
#[derive(Debug, Clone)]
struct Plan {
    seed: u64,
    processes: usize,
    workers: usize,
    /// The longest way to the CRM, and back.
    latency: Duration,
    /// The longest time that a process is late with anything.
    lateness: Duration,
    /// Of 100 attempts, how many fail before they are sent, and how many after.
    unsent: u32,
    unknown: u32,
    /// Of 100 processes, how many are killed.
    killed: u32,
    /// A fault to be seen: the slot's time runs from the sending, not from the answer.
    settles_when_sent: bool,
}

/// What happens next, and to which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A worker wants to make a call.
    Want(usize),
    /// The first in the queue looks for a slot, unless another look was planned since.
    Look(usize, u64),
    /// The answer is there.
    Settle(usize, u64),
    /// The call turns out not to have been sent.
    Unsent(usize, u64),
    Kill(usize),
}

#[derive(Debug, Default)]
struct Process {
    waiting: usize,
    look: u64,
    killed: bool,
}

struct Simulation {
    plan: Plan,
    random: Rng,
    window: Window,
    processes: Vec<Process>,
    events: BinaryHeap<Reverse<(Duration, Event)>>,
    /// When the CRM counted a call.
    counted: Vec<Duration>,
    /// The time from each call's sending to its settling.
    took: Vec<Duration>,
}

impl Simulation {
    /// Runs a schedule to its end.
    fn run(plan: &Plan) -> Self {
        let mut simulation = Self {
            plan: plan.clone(),
            random: Rng::with_seed(plan.seed),
            window: Window::default(),
            processes: (0..plan.processes).map(|_| Process::default()).collect(),
            events: BinaryHeap::new(),
            counted: Vec::new(),
            took: Vec::new(),
        };
        for process in 0..plan.processes {
            for _ in 0..plan.workers {
                simulation.plan_event(Duration::ZERO, Event::Want(process));
            }
            if simulation.percent(plan.killed) {
                let at = simulation.up_to(END);
                simulation.plan_event(at, Event::Kill(process));
            }
        }
        while let Some(Reverse((now, event))) = simulation.events.pop() {
            if now < END {
                simulation.happen(now, event);
            }
        }
        simulation.counted.sort_unstable();
        simulation
    }

    fn happen(&mut self, now: Duration, event: Event) {
        match event {
            Event::Kill(process) => self.processes[process].killed = true,
            Event::Want(process)
            | Event::Look(process, _)
            | Event::Settle(process, _)
            | Event::Unsent(process, _)
                if self.processes[process].killed => {}
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
            Event::Settle(process, id) => {
                self.window.settle(id, Fate::Answered, now);
                self.plan_event(now, Event::Want(process));
            }
            Event::Unsent(process, id) => {
                self.window.settle(id, Fate::Unsent, now);
                self.plan_event(now, Event::Want(process));
                self.look(process, now);
            }
        }
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
        let id = self.random.u64(..);
        let request = Request { id, hold: TIMEOUT + LIMIT.per, ahead: 0 };
        match self.window.take(request, LIMIT, now) {
            Taken::Slot => {
                self.processes[process].waiting -= 1;
                self.send(process, id, now);
                self.look(process, now);
            }
            Taken::Busy(wait) if self.plan.processes > 1 => {
                self.look(process, now + wait.min(ASK_AGAIN));
            }
            Taken::Busy(wait) => self.look(process, now + wait),
        }
    }

    /// Sends a call, which may fail and may be counted all the same.
    fn send(&mut self, process: usize, id: u64, now: Duration) {
        let (there, back) = (self.up_to(self.plan.latency), self.up_to(self.plan.latency));
        if self.percent(self.plan.unsent) {
            self.plan_event(now + there, Event::Unsent(process, id));
        } else if self.percent(self.plan.unknown) {
            let (counted, noticed) = (self.up_to(TIMEOUT), self.up_to(TIMEOUT));
            self.counted.push(now + counted);
            self.plan_event(now + noticed, Event::Want(process));
        } else {
            let took = there + back + self.up_to(self.plan.lateness);
            let settled = now + took;
            self.counted.push(now + there);
            self.took.push(took);
            if self.plan.settles_when_sent {
                self.window.settle(id, Fate::Answered, now);
                return self.plan_event(settled, Event::Want(process));
            }
            self.plan_event(settled, Event::Settle(process, id));
        }
    }

    fn plan_event(&mut self, at: Duration, event: Event) {
        self.events.push(Reverse((at, event)));
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.random.f64())
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.random.u32(0..100) < percent
    }

    /// Whether no stretch of a window's length held more calls than the quota, neither of any
    /// beginning nor of windows that follow each other.
    fn holds(&self) -> bool {
        let calls = LIMIT.calls.get();
        let sliding = self.counted.windows(calls + 1).all(|run| run[calls] >= run[0] + LIMIT.per);
        let fixed = [0, 2500, 5000, 9999].into_iter().map(Duration::from_millis).all(|offset| {
            let number = |at: &Duration| (*at + offset).as_nanos() / LIMIT.per.as_nanos();
            self.counted.chunk_by(|a, b| number(a) == number(b)).all(|run| run.len() <= calls)
        });
        sliding && fixed
    }

    /// What was sent, as a part of what slots of `per` and these delays could have sent.
    fn utilisation(&self) -> f64 {
        let count = f64::from(u32::try_from(self.took.len()).unwrap());
        let cycle = LIMIT.per.as_secs_f64()
            + self.took.iter().map(Duration::as_secs_f64).sum::<f64>() / count;
        let slots = f64::from(u32::try_from(LIMIT.calls.get()).unwrap());
        count * cycle / (slots * END.as_secs_f64())
    }
}

fn milliseconds(most: u64) -> impl Strategy<Value = Duration> {
    (0..=most).prop_map(Duration::from_millis)
}

prop_compose! {
    fn plans()(
        seed in any::<u64>(),
        processes in 1_usize..=6,
        workers in 1_usize..=12,
        latency in milliseconds(4000),
        lateness in milliseconds(300),
        unsent in 0_u32..=20,
        unknown in 0_u32..=20,
        killed in 0_u32..=50,
    ) -> Plan {
        Plan { seed, processes, workers, latency, lateness, unsent, unknown, killed, settles_when_sent: false }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn no_window_of_the_crm_holds_more_than_the_quota(plan in plans()) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    /// Without failures, and with more workers than slots.
    #[test]
    fn slots_are_in_use_nearly_all_the_time(plan in plans()) {
        let lateness = plan.lateness.min(Duration::from_millis(20));
        let plan =
            Plan { workers: 12, lateness, unsent: 0, unknown: 0, killed: 0, ..plan };
        let utilisation = Simulation::run(&plan).utilisation();
        prop_assert!(utilisation >= 0.95, "{utilisation}");
    }
}

#[test]
fn the_simulation_sees_what_goes_wrong_when_a_slot_is_free_a_window_after_sending() {
    let plan = Plan {
        seed: 1,
        processes: 1,
        workers: 12,
        latency: Duration::from_secs(3),
        lateness: Duration::ZERO,
        unsent: 0,
        unknown: 0,
        killed: 0,
        settles_when_sent: true,
    };
    assert!(!Simulation::run(&plan).holds());
}
