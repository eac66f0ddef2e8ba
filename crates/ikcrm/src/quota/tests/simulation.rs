//! Simulates processes that share a store and a CRM that counts their calls, by a virtual clock: over
//! a thousand schedules for each kind of trouble (`make soak`: ten thousand), no window of the CRM holds more than the quota.

mod disk;
mod run;

use std::time::Duration;

use proptest::prelude::*;

use run::{Bug, Plan, Simulation, Trouble};

fn milliseconds(most: u64) -> impl Strategy<Value = Duration> {
    (0..=most).prop_map(Duration::from_millis)
}

prop_compose! {
    fn plans(trouble: Trouble)(
        seed in any::<u64>(),
        processes in 1_usize..=5,
        workers in 1_usize..=12,
        latency in milliseconds(4000),
        lateness in milliseconds(300),
        unsent in 0_u64..=20,
        unknown in 0_u64..=20,
        killed in 0_u64..=50,
    ) -> Plan {
        let bug = Bug::None;
        Plan { seed, processes, workers, latency, lateness, unsent, unknown, killed, trouble, bug }
    }
}

/// A plan that has enough of everything for a bug to be seen.
fn busy(seed: u64, trouble: Trouble, bug: Bug) -> Plan {
    // Short ways leave no gaps in which a late call would go unseen.
    let latency = if trouble == Trouble::Stops { 50 } else { 3000 };
    Plan {
        seed,
        processes: 4,
        workers: 12,
        latency: Duration::from_millis(latency),
        lateness: Duration::from_millis(10),
        unsent: 0,
        unknown: if trouble == Trouble::LateCounts { 20 } else { 0 },
        killed: 0,
        trouble,
        bug,
    }
}

/// How many schedules of each kind: a thousand, or as many as `make soak` asks for.
fn schedules() -> u32 {
    std::env::var("IKCRM_SCHEDULES").map_or(1000, |text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(schedules()) })]

    #[test]
    fn no_window_of_the_crm_holds_more_than_the_quota(plan in plans(Trouble::None)) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    #[test]
    fn nor_when_processes_fork(plan in plans(Trouble::Forks)) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    #[test]
    fn nor_when_they_stop_and_go_on(plan in plans(Trouble::Stops)) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    #[test]
    fn nor_when_calls_are_counted_late(plan in plans(Trouble::LateCounts)) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    #[test]
    fn nor_when_the_state_is_lost(plan in plans(Trouble::Losses)) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    #[test]
    fn nor_when_the_machine_restarts(plan in plans(Trouble::Restarts)) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    #[test]
    fn nor_when_the_clock_goes_back(plan in plans(Trouble::ClockGoesBack)) {
        let plan = Plan { processes: 1, ..plan };
        prop_assert!(Simulation::run(&plan).holds());
    }

    #[test]
    fn nor_when_limits_differ(plan in plans(Trouble::Limits)) {
        prop_assert!(Simulation::run(&plan).holds());
    }

    /// While all have calls that wait, so that all see what the store does.
    #[test]
    fn nor_when_the_store_is_away_for_a_while(plan in plans(Trouble::Absence)) {
        let plan = Plan { workers: 12, killed: 0, ..plan };
        prop_assert!(Simulation::run(&plan).holds());
    }

    /// Without failures, and with more workers than slots.
    #[test]
    fn slots_are_in_use_nearly_all_the_time(plan in plans(Trouble::None)) {
        let lateness = plan.lateness.min(Duration::from_millis(20));
        let plan = Plan { workers: 12, lateness, unsent: 0, unknown: 0, killed: 0, ..plan };
        let utilisation = Simulation::run(&plan).utilisation();
        prop_assert!(utilisation >= 0.95, "{utilisation}");
    }
}

#[test]
fn the_simulation_sees_each_bug() {
    let bugs = [
        (Trouble::None, Bug::SettlesWhenSent),
        (Trouble::Forks, Bug::InheritsIds),
        (Trouble::Stops, Bug::SendsLate),
        (Trouble::LateCounts, Bug::HoldsToDeadline),
        (Trouble::Losses, Bug::ForgetsLosses),
        (Trouble::Limits, Bug::KeepsToOwnLimit),
        (Trouble::Absence, Bug::HandsNothingOver),
    ];
    for (trouble, bug) in bugs {
        let seen = (0..300).any(|seed| !Simulation::run(&busy(seed, trouble, bug)).holds());
        assert!(seen, "{bug:?}");
    }
}
