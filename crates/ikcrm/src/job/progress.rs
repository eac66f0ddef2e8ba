//! How far a job is, and the line of text that says so. Pure.

use std::fmt::Write;
use std::time::Duration;

use super::row::RowState;

/// The number of rows in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(pub(super) [i64; RowState::ALL.len()]);

impl Counts {
    /// The counts of these states.
    pub(super) fn new(counted: impl IntoIterator<Item = (RowState, i64)>) -> Self {
        let mut counts = Self::default();
        counted.into_iter().for_each(|(state, rows)| counts.add(state, rows));
        counts
    }

    pub(super) fn add(&mut self, state: RowState, rows: i64) {
        if let Some(count) = self.0.get_mut(state as usize) {
            *count += rows;
        }
    }

    /// How many rows are in a state.
    #[must_use]
    pub fn of(&self, state: RowState) -> u64 {
        let count = self.0.get(state as usize).copied().unwrap_or_default();
        u64::try_from(count).unwrap_or_default()
    }

    /// All states with their numbers, in the order in which they are told.
    pub fn iter(&self) -> impl Iterator<Item = (RowState, u64)> {
        RowState::ALL.into_iter().map(|state| (state, self.of(state)))
    }

    /// How many rows there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, rows)| rows).sum()
    }

    /// How many rows have nothing left to be done.
    pub(super) fn done(&self) -> u64 {
        self.iter().filter(|(state, _)| !state.is_open()).map(|(_, rows)| rows).sum()
    }

    pub(super) fn errors(&self) -> u64 {
        self.iter().filter(|(state, _)| state.is_error()).map(|(_, rows)| rows).sum()
    }
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The rows by their states.
    pub counts: Counts,
    /// How many calls are left, as far as can be known.
    pub calls_to_go: u64,
    /// How long they take, as far as can be known.
    pub time_left: Option<Duration>,
    /// Why the job waits just now, if it does.
    pub waiting: Option<String>,
}

impl Progress {
    /// The progress in one line of text.
    #[must_use]
    pub fn line(&self) -> String {
        let (done, total) = (self.counts.done(), self.counts.total());
        let mut line = format!("{}/{} rows", thousands(done), thousands(total));
        let mut part = |rows: u64, word: &str| {
            if rows > 0 {
                write!(line, ", {} {word}", thousands(rows)).ok();
            }
        };
        part(self.counts.of(RowState::Updated), "updated");
        part(self.counts.errors(), "with problems");
        if let Some(why) = &self.waiting {
            write!(line, ", waiting: {why}").ok();
        } else if let Some(left) = self.time_left.filter(|left| !left.is_zero()) {
            write!(line, ", {} left", in_words(left)).ok();
        }
        line
    }
}

/// A length of time for people: `40 s`, `12 min`, `3 h 5 min`.
pub(super) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil();
    match time.as_secs() {
        0..=90 => format!("{seconds:.0} s"),
        91..=5400 => format!("{} min", time.as_secs().div_ceil(60)),
        _ => {
            let minutes = time.as_secs().div_ceil(60);
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// A number with commas: `10,000`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_matters() {
        let counts = Counts::new([
            (RowState::Planned, 8_000),
            (RowState::Updated, 1_990),
            (RowState::Failed, 3),
            (RowState::Unchanged, 7),
        ]);
        let mut progress = Progress {
            counts,
            calls_to_go: 8_000,
            time_left: Some(Duration::from_secs(10_000)),
            waiting: None,
        };
        let line = "2,000/10,000 rows, 1,990 updated, 3 with problems, 2 h 47 min left";
        assert_eq!(progress.line(), line);
        progress.waiting = Some("the CRM does not answer".to_owned());
        assert!(progress.line().ends_with("waiting: the CRM does not answer"));
    }

    #[test]
    fn times_are_told_as_people_do() {
        for (seconds, words) in
            [(0, "0 s"), (90, "90 s"), (91, "2 min"), (5400, "90 min"), (5401, "1 h 31 min")]
        {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
