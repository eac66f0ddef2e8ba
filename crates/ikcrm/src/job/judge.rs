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
    if reading.is_listed
        && is_too_little(row, &looks, policy, fill.title.is_none() || fill.customer_id.is_none())
    {
        return Verdict::ReadSingly;
    }
    let was_left: Vec<_> = row.fields.iter().map(|plan| plan.is_left(policy.send_all)).collect();
    let moved = looks.iter().zip(&row.fields).filter(|(look, _)| look.moved);
    let moved: Vec<_> = moved.map(|(_, plan)| plan.field.clone()).collect();
    (row.fill, row.read_at) = (fill, at);
    let sent: Vec<_> =
        looks.iter().zip(&was_left).filter(|(_, left)| **left).map(|(look, _)| look).collect();
    let readable = sent.iter().filter(|look| look.is_read).count();
    let applied = readable > 0 && sent.iter().all(|look| !look.is_read || look.is_after);
    if interrupted && readable == 0 {
        row.become_state(
            RowState::Unknown,
            "unknown",
            "none of its changes can be read in the CRM",
        );
        return Verdict::Settled;
    }
    if !moved.is_empty() && !policy.overwrite {
        let fields = moved.join(", ");
        let message = format!("changed in the CRM by somebody else: {fields}");
        row.become_state(RowState::Conflict, format!("conflict: {fields}"), message);
        return Verdict::Settled;
    }
    if let Some(message) = too_late(row, reading).filter(|_| !policy.overwrite) {
        row.become_state(RowState::Conflict, "conflict: as_of", message);
        return Verdict::Settled;
    }
    for (plan, look) in row.fields.iter_mut().zip(looks) {
        (plan.before, plan.done) = (look.before, look.done);
    }
    row.settle(match () {
        () if interrupted && applied => RowState::Updated,
        () if row.left(policy.send_all).next().is_some() => RowState::Planned,
        () if row.attempts > 0 && row.fields.iter().any(|plan| plan.done) => RowState::Updated,
        () => RowState::Unchanged,
    });
    Verdict::Settled
}

/// What the CRM's present value says of one field.
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
