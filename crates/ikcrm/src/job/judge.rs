//! Decides what becomes of a row when the CRM's present values are known. Pure.

use super::reading::Reading;
use super::row::{FieldPlan, Fill, Row, RowState};

/// How a job judges.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Policy {
    /// Nothing is compared: every field is sent.
    pub(super) send_all: bool,
    /// A value that somebody else gave is overwritten.
    pub(super) overwrite: bool,
    /// Only changed fields are sent, without `title` and `customer_id`.
    pub(super) partial: bool,
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The row is in its new state.
    Settled,
    /// A list's row does not tell enough: the row is as it was.
    ReadSingly,
}

/// Brings a row into the state that the CRM's present values call for.
pub(super) fn judge(row: &mut Row, reading: &Reading<'_>, at: i64, policy: Policy) -> Verdict {
    let interrupted = matches!(row.state, RowState::Sending | RowState::Unknown);
    let looks: Vec<_> =
        row.fields.iter().map(|plan| look(plan, reading, interrupted, policy)).collect();
    // A partial job sends nothing along.
    let fill = if policy.partial { Fill::default() } else { reading.fill() };
    let lacks_fill = fill.title.is_none() || fill.customer_id.is_none();
    if reading.is_listed && is_too_little(row, &looks, policy, lacks_fill) {
        return Verdict::ReadSingly;
    }
    (row.fill, row.read_at) = (fill, at);
    let fate = if interrupted { fate(row, &looks, policy) } else { Fate::Unsent };
    if fate == Fate::Unreadable {
        let message = "the update may have been applied, but none of its fields can be read back; check it in the CRM";
        row.become_state(RowState::Unknown, "unknown", message);
        return Verdict::Settled;
    }
    if let Some((cause, message)) = obstacle(row, &looks, reading).filter(|_| !policy.overwrite) {
        row.become_state(RowState::Conflict, cause, message);
        return Verdict::Settled;
    }
    for (plan, look) in row.fields.iter_mut().zip(looks) {
        (plan.before, plan.done) = (look.before, look.done);
    }
    row.settle(match () {
        () if fate == Fate::Applied => RowState::Updated,
        () if row.left(policy.send_all).next().is_some() => RowState::Planned,
        () if row.attempts > 0 && row.fields.iter().any(|plan| plan.done) => RowState::Updated,
        () => RowState::Unchanged,
    });
    if row.state == RowState::Unchanged {
        row.fill = Fill::default(); // nothing is sent that it would go along with
    }
    Verdict::Settled
}

/// What became of an earlier attempt to send a row.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// None, or one that did not come through.
    Unsent,
    Applied,
    /// The CRM does not tell what was sent.
    Unreadable,
}

/// What the CRM's present values tell of the attempt: all that was sent is there, or not.
fn fate(row: &Row, looks: &[Look], policy: Policy) -> Fate {
    let sent = row.fields.iter().zip(looks).filter(|(plan, _)| plan.is_left(policy.send_all));
    let readable: Vec<_> = sent.map(|(_, look)| look).filter(|look| look.is_read).collect();
    if readable.is_empty() {
        return Fate::Unreadable;
    }
    if readable.iter().all(|look| look.is_after) { Fate::Applied } else { Fate::Unsent }
}

/// Why a row may not be sent: what, in a word, and the whole of it.
fn obstacle(row: &Row, looks: &[Look], reading: &Reading<'_>) -> Option<(String, String)> {
    let moved = looks.iter().zip(&row.fields).filter(|(look, _)| look.moved);
    let moved: Vec<_> = moved.map(|(_, plan)| plan.field.as_str()).collect();
    if moved.is_empty() {
        return too_late(row, reading).map(|message| ("conflict: as_of".to_owned(), message));
    }
    let fields = moved.join(", ");
    Some((format!("conflict: {fields}"), format!("changed in the CRM by somebody else: {fields}")))
}

/// What the CRM's present value says of one field.
#[expect(clippy::struct_excessive_bools, reason = "four answers to four questions")]
struct Look {
    before: Option<super::row::Raw>,
    done: bool,
    /// Whether the answer tells it.
    is_read: bool,
    /// Whether the CRM has what is wanted.
    is_after: bool,
    /// Whether it is neither as before nor as wanted.
    moved: bool,
}

fn look(plan: &FieldPlan, reading: &Reading<'_>, interrupted: bool, policy: Policy) -> Look {
    let Some(now) = reading.value(&plan.field) else {
        let (before, done) = (plan.before.clone(), plan.done);
        return Look { before, done, is_read: false, is_after: false, moved: false };
    };
    let is_after = plan.is_same(&now, &plan.after);
    let compares = interrupted || !policy.send_all;
    let (before, done, moved) = match &plan.before {
        None if !interrupted => (Some(now), false, false),
        // What the CRM had before the attempt stays unknown, unless this is not what was sent.
        None if is_after => (None, true, false),
        None => (Some(now), false, true),
        Some(before) if is_after => {
            (plan.before.clone(), compares && !plan.is_same(before, &plan.after), false)
        }
        Some(before) if plan.is_same(before, &now) => (plan.before.clone(), false, false),
        Some(_) => (Some(now), false, compares),
    };
    Look { before, done, is_read: true, is_after, moved }
}

/// Whether the row of a list leaves open what the row's state is.
fn is_too_little(row: &Row, looks: &[Look], policy: Policy, lacks_fill: bool) -> bool {
    let unread = || looks.iter().zip(&row.fields).filter(|(look, _)| !look.is_read);
    let gives_fill = row.gives("title") && row.gives("customer_id");
    if lacks_fill && !policy.partial && !gives_fill {
        return true;
    }
    if policy.send_all {
        return false;
    }
    let differs = looks.iter().any(|look| look.is_read && !look.is_after);
    unread().any(|(_, plan)| plan.before.is_some()) || (unread().next().is_some() && !differs)
}

/// Why a change in the CRM came too late for the row.
fn too_late(row: &Row, reading: &Reading<'_>) -> Option<String> {
    let as_of = row.as_of.as_ref().filter(|_| row.attempts == 0)?;
    let updated_at = reading.updated_at()?;
    // Both are written the same way, so they order as texts do; the CRM's has no seconds.
    let later = updated_at.get(..16)? > as_of.get(..16)?;
    later.then(|| format!("changed in the CRM at {updated_at}, after {as_of}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::row::raw;
    use crate::response::{Opportunity, OpportunityRow};

    /// A row in this state, with what it knows of `stage` (to become 3) and `note` (to become n).
    fn row(state: RowState, before: Option<&str>, note: Option<&str>) -> Row {
        let plan = |field: &str, before: Option<&str>, after: &str| FieldPlan {
            field: field.to_owned(),
            before: before.map(|before| raw(&json!(before))),
            after: raw(&json!(after)),
            label: None,
            done: false,
        };
        let fields = vec![plan("stage", before, "3"), plan("note", note, "n")];
        let attempts = i64::from(matches!(state, RowState::Sending | RowState::Unknown));
        Row { state, fields, attempts, ..Row::new(1) }
    }

    /// An opportunity with these values; nothing for what the answer lacks.
    fn answer(stage: Option<&str>, note: Option<&str>) -> String {
        let mut answer =
            json!({"id": 1, "title": "t", "customer_id": 7, "updated_at": "2024-01-02 10:00"});
        for (field, value) in [("stage", stage), ("note", note)] {
            if let (Some(value), Some(answer)) = (value, answer.as_object_mut()) {
                answer.insert(field.to_owned(), json!(value));
            }
        }
        answer.to_string()
    }

    fn judged(
        mut row: Row,
        now: (Option<&str>, Option<&str>),
        policy: Policy,
    ) -> (RowState, String) {
        let opportunity = Opportunity::from_json(&answer(now.0, now.1)).unwrap();
        let verdict = judge(&mut row, &Reading::single(&opportunity), 5, policy);
        assert_eq!(verdict, Verdict::Settled);
        let left: Vec<_> = row.left(policy.send_all).map(|plan| plan.field.clone()).collect();
        (row.state, left.join(" "))
    }

    #[test]
    fn a_row_becomes_what_the_crms_values_call_for() {
        use RowState::{Conflict, Pending, Planned, Sending, Unchanged, Unknown, Updated};
        let known = (Some("1"), Some("m"));
        let cases = [
            // For the first time: what differs is sent, and what cannot be read.
            (Pending, (None, None), (Some("1"), Some("m")), Planned, "stage note"),
            (Pending, (None, None), (Some("3"), Some("m")), Planned, "note"),
            (Pending, (None, None), (Some("3"), Some("n")), Unchanged, ""),
            (Pending, (None, None), (Some("3"), None), Planned, "note"),
            // Again: as before, brought there by others, or changed by them.
            (Planned, known, (Some("1"), Some("m")), Planned, "stage note"),
            (Planned, known, (Some("3"), Some("m")), Planned, "note"),
            (Planned, known, (Some("3"), Some("n")), Unchanged, ""),
            (Planned, known, (Some("2"), Some("m")), Conflict, "stage note"),
            (Planned, (Some("1"), None), (Some("1"), Some("x")), Planned, "stage note"),
            (Planned, (Some("3"), Some("m")), (Some("2"), Some("m")), Conflict, "note"),
            // After an attempt of which nobody knows what became of it.
            (Sending, known, (Some("3"), Some("n")), Updated, ""),
            (Unknown, known, (Some("3"), Some("n")), Updated, ""),
            (Sending, known, (Some("1"), Some("m")), Planned, "stage note"),
            (Sending, known, (Some("3"), Some("m")), Planned, "note"),
            (Sending, known, (Some("2"), Some("n")), Conflict, "stage note"),
            (Sending, known, (None, None), Unknown, "stage note"),
            (Sending, known, (Some("3"), None), Updated, "note"),
            (Sending, (Some("3"), None), (Some("3"), None), Unknown, "note"),
            (Sending, (None, None), (Some("3"), Some("n")), Updated, ""),
            (Sending, (None, None), (Some("1"), Some("n")), Conflict, "stage note"),
        ];
        for (state, before, now, expected, left) in cases {
            let found = judged(row(state, before.0, before.1), now, Policy::default());
            assert_eq!(found, (expected, left.to_owned()), "{state} {before:?} {now:?}");
        }
    }

    #[test]
    fn overwriting_takes_the_present_value_as_the_one_before() {
        let policy = Policy { overwrite: true, ..Policy::default() };
        for state in [RowState::Planned, RowState::Sending] {
            let found = judged(row(state, Some("1"), Some("m")), (Some("2"), Some("n")), policy);
            assert_eq!(found, (RowState::Planned, "stage".to_owned()), "{state}");
        }
    }

    #[test]
    fn without_comparing_every_field_is_sent_until_it_is_there() {
        let policy = Policy { send_all: true, ..Policy::default() };
        let all = || "stage note".to_owned();
        for (state, before, now, expected) in [
            (RowState::Pending, None, ("3", "n"), RowState::Planned),
            (RowState::Planned, Some("1"), ("2", "m"), RowState::Planned),
            (RowState::Planned, Some("1"), ("3", "n"), RowState::Planned),
        ] {
            let found = judged(row(state, before, before), (Some(now.0), Some(now.1)), policy);
            assert_eq!(found, (expected, all()), "{state} {before:?} {now:?}");
        }
        let sent =
            judged(row(RowState::Sending, Some("1"), Some("m")), (Some("3"), Some("n")), policy);
        assert_eq!(sent.0, RowState::Updated);
    }

    #[test]
    fn a_lists_row_is_enough_when_it_tells_a_difference() {
        for (stage, expected) in [("1", Verdict::Settled), ("3", Verdict::ReadSingly)] {
            let listed = OpportunityRow::from_json(&answer(Some(stage), None)).unwrap();
            let mut row = row(RowState::Pending, None, None);
            let found = judge(&mut row, &Reading::listed(&listed, &[]), 5, Policy::default());
            assert_eq!(found, expected, "{stage}");
            assert_eq!(row.state == RowState::Planned, expected == Verdict::Settled, "{stage}");
        }
        let listed = OpportunityRow::from_json(&answer(Some("1"), None)).unwrap();
        let mut known = row(RowState::Planned, Some("1"), Some("m"));
        let found = judge(&mut known, &Reading::listed(&listed, &[]), 5, Policy::default());
        assert_eq!(
            found,
            Verdict::ReadSingly,
            "the list does not tell whether the note is as before"
        );
    }

    #[test]
    fn a_change_after_the_sheet_was_taken_is_a_conflict() {
        for (as_of, expected) in [
            ("2024-01-02 09:59", RowState::Conflict),
            ("2024-01-02 10:00", RowState::Planned),
            ("2024-01-02 10:01", RowState::Planned),
        ] {
            let mut dated = row(RowState::Pending, None, None);
            dated.as_of = Some(as_of.to_owned());
            assert_eq!(
                judged(dated, (Some("1"), Some("m")), Policy::default()).0,
                expected,
                "{as_of}"
            );
        }
    }
}
