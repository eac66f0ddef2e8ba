//! Decides when a run must stop: too many errors, another company. Pure.

use super::options::MaxErrors;
use super::row::RowState;

/// So many rows must be worked off before a share of them is judged.
const JUDGED_FROM: u64 = 100;
/// More rows than this are never under way at once.
const MOST_ASKED: u64 = 64;
/// So many rows that are compared again tell whether it is the right company.
const FIRST: u32 = 20;

/// What a run counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) errors: u64,
    /// Rows that came into a final state.
    pub(super) done: u64,
    /// Rows that were sent.
    pub(super) sent: u64,
}

impl Tally {
    /// Counts a row that came into this state.
    pub(super) fn count(&mut self, state: RowState) {
        if !state.is_open() {
            self.done += 1;
            self.errors += u64::from(state.is_error());
        }
    }

    /// How many rows may be under way at once: if all of them fail, only the last is one too many.
    pub(super) fn may_fail(&self, max: MaxErrors) -> u64 {
        let if_fail = |more: u64| Self {
            errors: self.errors.saturating_add(more),
            done: self.done.saturating_add(more),
            sent: 0,
        };
        // A job has few rows under way, so looking at each number is quick.
        (1..=MOST_ASKED).find(|more| if_fail(*more).exceeds(max)).unwrap_or(u64::MAX)
    }

    /// Whether more rows failed than may.
    pub(super) fn exceeds(&self, max: MaxErrors) -> bool {
        match max {
            MaxErrors::Rows(rows) => self.errors > rows,
            MaxErrors::Percent(percent) => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "numbers of rows are far below 2^52"
                )]
                let (errors, done) = (self.errors as f64, self.done as f64);
                self.done >= JUDGED_FROM && errors > done * percent / 100.0
            }
        }
    }
}

/// The first rows that were compared again.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    seen: u32,
    /// The numbers of those that are missing or moved.
    pub(super) strange: Vec<i64>,
}

impl Familiar {
    /// Counts a row that was compared again and came into this state; tells whether over half of
    /// the first 20 are not as they were.
    pub(super) fn is_strange(&mut self, number: i64, state: RowState) -> bool {
        if self.seen >= FIRST {
            return false;
        }
        self.seen += 1;
        if matches!(state, RowState::NotFound | RowState::Conflict) {
            self.strange.push(number);
        }
        self.seen == FIRST && self.strange.len() > FIRST as usize / 2
    }
}

/// Whether the options of a field map are those of another enterprise: over half are gone.
pub(super) fn is_other_enterprise(known: &[String], now: &[String]) -> bool {
    let gone = known.iter().filter(|id| !now.contains(id)).count();
    gone * 2 > known.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_more_than_may_be_is_too_many() {
        let tally = |errors, done| Tally { errors, done, sent: 0 };
        for (max, errors, done, expected) in [
            (MaxErrors::Rows(0), 0, 50, false),
            (MaxErrors::Rows(0), 1, 1, true),
            (MaxErrors::Rows(100), 100, 100, false),
            (MaxErrors::Rows(100), 101, 101, true),
            (MaxErrors::Percent(5.0), 99, 99, false),
            (MaxErrors::Percent(5.0), 5, 100, false),
            (MaxErrors::Percent(5.0), 6, 100, true),
            (MaxErrors::Percent(5.0), 50, 1000, false),
        ] {
            assert_eq!(tally(errors, done).exceeds(max), expected, "{max:?} {errors}/{done}");
        }
    }

    #[test]
    fn only_so_many_rows_are_under_way_that_one_may_be_too_many() {
        let tally = |errors, done| Tally { errors, done, sent: 0 };
        for (max, errors, done, expected) in [
            (MaxErrors::Rows(0), 0, 50, 1),
            (MaxErrors::Rows(3), 1, 1, 3),
            (MaxErrors::Rows(100), 0, 0, u64::MAX),
            (MaxErrors::Percent(5.0), 0, 0, u64::MAX),
            (MaxErrors::Percent(5.0), 0, 96, 6),
            (MaxErrors::Percent(5.0), 5, 100, 1),
            (MaxErrors::Percent(50.0), 49, 98, 2),
            (MaxErrors::Percent(100.0), 500, 500, u64::MAX),
        ] {
            let tally = tally(errors, done);
            assert_eq!(tally.may_fail(max), expected, "{max:?} {errors}/{done}");
        }
    }

    #[test]
    fn states_count_as_errors_or_not() {
        let mut tally = Tally::default();
        for state in RowState::ALL {
            tally.count(state);
        }
        assert_eq!((tally.errors, tally.done), (5, 10));
    }

    #[test]
    fn over_half_of_the_first_twenty_tell_another_company() {
        let judge = |strange: usize, rest: usize| {
            let states = std::iter::repeat_n(RowState::NotFound, strange)
                .chain(std::iter::repeat_n(RowState::Planned, rest));
            let mut familiar = Familiar::default();
            let mut states = (1..).zip(states);
            states.any(|(number, state)| familiar.is_strange(number, state))
        };
        for (strange, rest, expected) in
            [(11, 9, true), (10, 10, false), (11, 8, false), (10, 11, false), (20, 0, true)]
        {
            assert_eq!(judge(strange, rest), expected, "{strange} {rest}");
        }
    }

    #[test]
    fn an_enterprise_is_known_by_its_options() {
        let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (known, now, expected) in [
            (ids(&["1", "2"]), ids(&["1", "2", "3"]), false),
            (ids(&["1", "2"]), ids(&["2"]), false),
            (ids(&["1", "2", "3"]), ids(&["3"]), true),
            (ids(&["1"]), ids(&[]), true),
            (ids(&[]), ids(&["1"]), false),
        ] {
            assert_eq!(is_other_enterprise(&known, &now), expected, "{known:?} {now:?}");
        }
    }
}
