//! Decides what becomes of a row when the CRM's present values are known. Pure.

use super::reading::Reading;
use super::row::{FieldPlan, Row, RowState};

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
    let fill = reading.fill();
    let lacks_fill = fill.title.is_none() || fill.customer_id.is_none();
    if reading.is_listed && is_too_little(row, &looks, policy, lacks_fill) {
        return Verdict::ReadSingly;
    }
    (row.fill, row.read_at) = (fill, at);
    let fate = if interrupted { fate(row, &looks, policy) } else { Fate::Unsent };
    if fate == Fate::Unreadable {
        let message = "none of its changes can be read in the CRM";
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
