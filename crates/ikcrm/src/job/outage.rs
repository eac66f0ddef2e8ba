//! Decides how long a job waits when the CRM fails again and again. Pure.

use std::time::Duration;

/// So many failures in a row are an outage.
const IN_A_ROW: u32 = 5;
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(600);
/// So long a run waits for the CRM in all.
const IN_ALL: Duration = Duration::from_secs(1800);

/// What is to be done after a passing failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Pause(Duration),
    Stop,
}

/// The failures in a row, and the time waited so far.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures: u32,
    waited: Duration,
}

impl Outage {
    /// Counts a passing failure.
    pub(super) fn failed(&mut self) -> Next {
        self.failures += 1;
        if self.failures < IN_A_ROW {
            return Next::GoOn;
        }
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.failures - IN_A_ROW));
        let pause = doubled.min(LONGEST).min(IN_ALL.saturating_sub(self.waited));
        self.waited += pause;
        if pause.is_zero() { Next::Stop } else { Next::Pause(pause) }
    }

    /// Whether the CRM failed so often that nothing is sent before a reading worked.
    pub(super) fn is_out(&self) -> bool {
        self.failures >= IN_A_ROW
    }

    /// The CRM answered.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(outage: &mut Outage) -> Vec<u64> {
        let pause = || match outage.failed() {
            Next::GoOn => Some(0),
            Next::Pause(pause) => Some(pause.as_secs()),
            Next::Stop => None,
        };
        std::iter::from_fn(pause).collect()
    }

    #[test]
    fn pauses_double_up_to_ten_minutes_and_half_an_hour_in_all() {
        let mut outage = Outage::default();
        let expected = [0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 600, 570];
        assert_eq!(pauses(&mut outage), expected);
        outage.answered();
        assert_eq!(pauses(&mut outage), [0, 0, 0, 0]);
    }

    #[test]
    fn an_answer_ends_an_outage() {
        let mut outage = Outage::default();
        assert_eq!((0..5).filter(|_| outage.failed() == Next::GoOn).count(), 4);
        outage.answered();
        assert_eq!(outage.failed(), Next::GoOn);
        assert_eq!((0..3).filter(|_| outage.failed() == Next::GoOn).count(), 3);
        assert_eq!(outage.failed(), Next::Pause(FIRST));
    }
}
