//! Sends a few rows between two commits: before the first byte, and after the last answer.

use std::borrow::Cow;

use super::desk::{Desk, Stop};
use super::failure::{Meaning, meaning, state_after};
use super::fault;
use super::judge::Policy;
use super::kind::Kind;
use super::reading::Reading;
use super::row::{Fill, Raw, Row, RowState};
use crate::error::{Error, FieldErrorCode as Code};
use crate::input::check::{Fields, Wire};
use crate::response::Opportunity;

/// What became of rows that were sent together.
pub(super) struct Group {
    /// The rows that are done.
    pub(super) done: Vec<Row>,
    /// How many were sent.
    pub(super) sent: u64,
    /// Why the last one failed, if it did.
    pub(super) failure: Option<(Meaning, Error)>,
}

type Update = Vec<(Cow<'static, str>, Wire<'static>)>;

/// Sends rows, the first of them at its turn. A group ends with its first failure, or when another row
/// is not to be sent any more: it and those after it are as they were.
pub(super) fn send(
    desk: &Desk<'_>,
    rows: Vec<Row>,
    policy: Policy,
    goes_on: impl Fn(&Row) -> bool,
) -> Result<Group, Stop> {
    desk.take_turn(Kind::Update)?;
    desk.store.check_place()?;
    let (mut group, updates) = mark(desk, rows, policy)?;
    let (mut ended, mut over) = (Vec::new(), false);
    for (mut row, update) in updates {
        let first = ended.is_empty();
        over |= group.failure.is_some() || !first && !goes_on(&row);
        if over {
            row.attempts -= 1;
            row.settle(RowState::Planned);
            ended.push(row);
            continue;
        }
        if !first {
            desk.count(Kind::Update);
        }
        group.sent += 1;
        fault::point();
        let answer = desk.crm.update(row.id.unwrap_or_default(), Fields(update));
        fault::point();
        group.failure = take(&mut row, answer, policy);
        ended.push(row);
    }
    desk.store.transaction(|| {
        desk.note_calls()?;
        ended.iter().try_for_each(|row| desk.store.put_row(row))
    })?;
    group.done.extend(ended.into_iter().filter(|row| !row.state.is_open()));
    Ok(group)
}

/// Writes down that the rows are being sent; those that lack what the CRM requires are invalid.
fn mark(
    desk: &Desk<'_>,
    rows: Vec<Row>,
    policy: Policy,
) -> Result<(Group, Vec<(Row, Update)>), Stop> {
    let mut group = Group { done: Vec::new(), sent: 0, failure: None };
    let (at, mut updates) = (desk.crm.now(), Vec::new());
    desk.store.transaction(|| {
        desk.note_calls()?;
        for mut row in rows {
            match fields(&row, policy) {
                Ok(update) => {
                    row.settle(RowState::Sending);
                    (row.sent_at, row.attempts) = (at, row.attempts + 1);
                    desk.store.put_row(&row)?;
                    updates.push((row, update));
                }
                Err(missing) => {
                    let cause = format!("{missing}: {}", Code::Required);
                    let message =
                        format!("{missing}: the opportunity has no value to send along; give one");
                    row.become_state(RowState::Invalid, cause, message);
                    desk.store.put_row(&row)?;
                    group.done.push(row);
                }
            }
        }
        Ok::<_, Error>(())
    })?;
    Ok((group, updates))
}

/// Brings a row into the state that the answer calls for; tells why it failed, if it did.
fn take(
    row: &mut Row,
    answer: Result<Opportunity, Error>,
    policy: Policy,
) -> Option<(Meaning, Error)> {
    match answer {
        Ok(opportunity) => {
            take_answer(row, &opportunity, policy);
            None
        }
        Err(error) => {
            let found = meaning(&error);
            row.become_state(state_after(&error, &found), error.code(), error.to_string());
            Some((found, error))
        }
    }
}

/// The fields of a row's update, or the one that it lacks.
fn fields(
    row: &Row,
    policy: Policy,
) -> Result<Vec<(Cow<'static, str>, Wire<'static>)>, &'static str> {
    let wire = |raw: &Raw| Wire::Number(raw.clone());
    let mut fields: Vec<_> = row
        .left(policy.send_all)
        .map(|plan| (Cow::Owned(plan.field.clone()), wire(&plan.after)))
        .collect();
    if policy.partial {
        return Ok(fields);
    }
    let Fill { title, customer_id } = &row.fill;
    for (name, read) in [("title", title), ("customer_id", customer_id)] {
        if fields.iter().any(|(known, _)| known == name) {
            continue;
        }
        let given = row.fields.iter().find(|plan| plan.field == name).map(|plan| &plan.after);
        let value = given.or(read.as_ref()).ok_or(name)?;
        fields.push((Cow::Borrowed(name), wire(value)));
    }
    Ok(fields)
}

/// The CRM took the row; some fields perhaps with another meaning.
fn take_answer(row: &mut Row, opportunity: &Opportunity, policy: Policy) {
    let reading = Reading::single(opportunity);
    let sent = row.left(policy.send_all);
    let not_taken = sent.filter(|plan| {
        reading.value(&plan.field).is_some_and(|now| !plan.is_same(&now, &plan.after))
    });
    row.not_taken = not_taken.map(|plan| plan.field.clone()).collect();
    row.settle(RowState::Updated);
    if !row.not_taken.is_empty() {
        let fields = row.not_taken.join(", ");
        let message = format!(
            "the CRM's answer has another value than was sent: {fields}; an approval may be pending, or \
             the CRM changed it"
        );
        row.become_state(RowState::Updated, format!("not taken: {fields}"), message);
    }
}
