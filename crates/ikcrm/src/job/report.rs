//! What a job tells of itself: counts, problems, what is left, the summary.

use std::fmt::Write;
use std::time::Duration;

use super::progress::{Counts, Progress, in_words, thousands};
use super::row::RowState;
use super::store::Store;
use super::view::JobRow;
use crate::error::Error;

/// How old a reading may be unless a run says otherwise, in milliseconds.
const MAX_AGE: i64 = 600_000;
const CHUNK: usize = 500;

/// A cause for which rows are not as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The state of the rows.
    pub state: RowState,
    /// The cause, in a word or two.
    pub cause: String,
    /// How many rows have it.
    pub rows: u64,
    /// Three of them at most.
    pub examples: Vec<JobRow>,
}

/// How far the job is.
pub(super) fn progress(store: &Store, now: i64) -> Result<Progress, Error> {
    let counts = Counts::new(store.counts()?);
    let calls_to_go = calls_to_go(store, &counts, now)?;
    let interval = store.get::<i64>("interval_ms")?.and_then(|ms| u64::try_from(ms).ok());
    let interval = interval.filter(|interval| *interval > 0).map(Duration::from_millis);
    let calls = u32::try_from(calls_to_go).unwrap_or(u32::MAX);
    let time_left = interval.map(|interval| interval.saturating_mul(calls));
    Ok(Progress { counts, calls_to_go, time_left, waiting: None })
}

/// How many calls are left, as far as can be known: one for each row to be sent, and what it takes
/// to read the rows that were not read yet, or too long ago.
fn calls_to_go(store: &Store, counts: &Counts, now: i64) -> Result<u64, Error> {
    let count = |state, listable, before| {
        store.count(state, listable, before).map(|rows| u64::try_from(rows).unwrap_or_default())
    };
    let pages = store.get::<i64>("total_count")?.and_then(|total| u64::try_from(total).ok());
    let pages = pages.map_or(u64::MAX, |total| total.div_ceil(100));
    let reading = |state, before| {
        Ok::<_, Error>(count(state, true, before)?.min(pages) + count(state, false, before)?)
    };
    let flag = |name: &str| Ok::<_, Error>(store.get::<bool>(name)? == Some(true));
    let reads = if flag("send_all")? && flag("partial")? {
        0
    } else {
        reading(RowState::Pending, i64::MAX)? + reading(RowState::Planned, now - MAX_AGE)?
    };
    let unsure = counts.of(RowState::Sending) + counts.of(RowState::Unknown);
    let rows = counts.of(RowState::Planned) + counts.of(RowState::Pending);
    let calls = reads + unsure + rows;
    Ok(if calls == 0 { 0 } else { calls + 1 })
}

/// The causes for which rows are not as wanted, the most frequent first.
pub(super) fn problems(store: &Store, send_all: bool) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    for (word, cause, rows) in store.problems()? {
        let examples = store.examples(&word, &cause)?;
        problems.push(Problem {
            state: RowState::from_word(&word).unwrap_or(RowState::Unknown),
            rows: u64::try_from(rows).unwrap_or_default(),
            examples: examples.into_iter().map(|row| JobRow::new(row, send_all)).collect(),
            cause,
        });
    }
    Ok(problems)
}

/// What a job does to one field.
#[derive(Debug, Default)]
struct Touched {
    field: String,
    set: u64,
    cleared: u64,
    unread: u64,
}

/// How many rows set or clear each field, of those that are to be sent.
fn touched(store: &Store, send_all: bool) -> Result<Vec<Touched>, Error> {
    let mut touched: Vec<Touched> = Vec::new();
    let mut after = 0;
    loop {
        let rows = store.rows(Some(RowState::Planned), after, CHUNK)?;
        let Some(last) = rows.last() else { break };
        after = last.number;
        for plan in rows.iter().flat_map(|row| row.left(send_all)) {
            let place = touched.iter().position(|known| known.field == plan.field);
            let place = place.unwrap_or_else(|| {
                touched.push(Touched { field: plan.field.clone(), ..Touched::default() });
                touched.len() - 1
            });
            if let Some(known) = touched.get_mut(place) {
                let clears = plan.after.get() == "null";
                known.set += u64::from(!clears);
                known.cleared += u64::from(clears);
                known.unread += u64::from(plan.before.is_none());
            }
        }
    }
    touched.sort_by_key(|field| std::cmp::Reverse(field.set + field.cleared));
    Ok(touched)
}

/// How many cells were read otherwise than they were written, by how.
pub(super) fn coerced(store: &Store) -> Result<Vec<(String, u64)>, Error> {
    let coerced = store.get_json::<std::collections::BTreeMap<String, u64>>("coerced")?;
    Ok(coerced.into_iter().collect())
}

/// The job in ten lines at most.
pub(super) fn summary(
    store: &Store,
    status: &str,
    send_all: bool,
    now: i64,
) -> Result<String, Error> {
    let progress = progress(store, now)?;
    let fields = touched(store, send_all)?;
    let mut text = counted(&progress.counts, &fields);
    let mut line = |line: String| write!(text, "\n{line}").ok();
    let left = progress.time_left.filter(|left| !left.is_zero());
    let left = left.map(|left| format!(", about {}", in_words(left))).unwrap_or_default();
    line(match progress.calls_to_go {
        0 => status.to_owned(),
        calls => format!("{status}; about {} calls to go{left}", thousands(calls)),
    });
    for problem in problems(store, send_all)?.into_iter().take(4) {
        line(told(&problem));
    }
    let unread: Vec<_> = fields.iter().filter(|field| field.unread > 0 && !send_all).collect();
    if !unread.is_empty() {
        let names: Vec<_> = unread.iter().map(|f| format!("{} in {}", f.field, f.unread)).collect();
        line(format!("sent without reading the present value: {}", names.join(", ")));
    }
    let distrusted: Vec<String> = store.get_json("distrusted")?;
    if !distrusted.is_empty() {
        line(format!(
            "the CRM's list shows other values than the opportunity itself: {}",
            distrusted.join(", ")
        ));
    }
    let coerced = coerced(store)?;
    if !coerced.is_empty() {
        let cells = |(how, cells): &(String, u64)| format!("{how} {}", thousands(*cells));
        let cells: Vec<_> = coerced.iter().map(cells).collect();
        line(format!("cells converted: {}", cells.join(", ")));
    }
    if progress.counts.of(RowState::Planned) > 0 {
        line(
            "not checked: your permissions and approval flows, which only the CRM knows".to_owned(),
        );
    }
    Ok(text)
}

/// `10,000 rows: 500 to update (stage 480, note 37, 3 of them cleared), 9,478 unchanged, …`
fn counted(counts: &Counts, fields: &[Touched]) -> String {
    let mut parts = Vec::new();
    for (state, rows) in counts.iter().filter(|(_, rows)| *rows > 0) {
        let mut part = format!("{} {}", thousands(rows), word(state));
        if state == RowState::Planned && !fields.is_empty() {
            let field = |field: &Touched| match field.cleared {
                0 => format!("{} {}", field.field, thousands(field.set)),
                cleared if field.set == 0 => {
                    format!("{} cleared {}", field.field, thousands(cleared))
                }
                cleared => format!(
                    "{} {}, cleared {}",
                    field.field,
                    thousands(field.set),
                    thousands(cleared)
                ),
            };
            let fields: Vec<_> = fields.iter().map(field).collect();
            write!(part, " ({})", fields.join(", ")).ok();
        }
        parts.push(part);
    }
    format!("{} rows: {}", thousands(counts.total()), parts.join(", "))
}

/// The state in words for people.
fn word(state: RowState) -> &'static str {
    match state {
        RowState::Pending => "not compared yet",
        RowState::Planned => "to update",
        RowState::Sending => "being sent",
        RowState::NotFound => "not found",
        RowState::Conflict => "changed by others",
        RowState::Refused => "refused by the CRM",
        RowState::Unknown => "perhaps applied",
        state => state.as_str(),
    }
}

fn told(problem: &Problem) -> String {
    let example = problem.examples.first();
    let message = example.and_then(|row| row.message.as_deref()).unwrap_or_default();
    let short: String = message.chars().take(120).collect();
    let number = example.map(|row| format!(" (row {})", row.number)).unwrap_or_default();
    format!("{} × {}: {short}{number}", thousands(problem.rows), problem.state)
}
