//! Sends rows, several at once: each is written down before its first byte, and after its answer.

use std::borrow::Cow;

use super::desk::{Desk, Stop};
use super::failure::{Meaning, meaning, state_after};
use super::judge::Policy;
use super::kind::Kind;
use super::reading::Reading;
use super::row::{Fill, Raw, Row, RowState};
use crate::error::{Error, FieldErrorCode as Code};
use crate::input::check::{Fields, Wire};
use crate::response::Opportunity;

type Update = Vec<(Cow<'static, str>, Wire<'static>)>;

/// Rows that are about to be sent.
#[derive(Default)]
pub(super) struct Marked {
    /// Those that are `sending` in the file, with their updates.
    pub(super) updates: Vec<(Row, Fields<'static>)>,
    /// Those that lack what the CRM requires.
    pub(super) invalid: Vec<Row>,
}

/// Writes down, in one commit, what became of rows and that others are being sent; those that lack what
/// the CRM requires are invalid.
pub(super) fn mark(
    desk: &Desk<'_>,
    rows: Vec<Row>,
    answered: &[Row],
    policy: Policy,
) -> Result<Marked, Stop> {
    let (mut marked, at) = (Marked::default(), desk.crm.now());
    desk.store.check_place()?;
    desk.store.transaction(|| {
        answered.iter().try_for_each(|row| desk.store.put_sent(row))?;
        for mut row in rows {
            match fields(&row, policy) {
                Ok(update) => {
                    row.settle(RowState::Sending);
                    (row.sent_at, row.attempts) = (at, row.attempts + 1);
                    desk.count(Kind::Update);
                    desk.store.put_sent(&row)?;
                    marked.updates.push((row, Fields(update)));
                }
                Err(missing) => {
                    let cause = format!("{missing}: {}", Code::Required);
                    let message =
                        format!("{missing}: the opportunity has no value to send along; give one");
                    row.become_state(RowState::Invalid, cause, message);
                    desk.store.put_sent(&row)?;
                    marked.invalid.push(row);
                }
            }
        }
        desk.note_calls()
    })?;
    Ok(marked)
}

/// Writes down, in one commit, what became of rows.
pub(super) fn note(desk: &Desk<'_>, answered: &[Row]) -> Result<(), Stop> {
    desk.store.transaction(|| {
        answered.iter().try_for_each(|row| desk.store.put_sent(row))?;
        Ok(desk.note_calls()?)
    })
}

/// Brings a row into the state that the answer calls for; tells why it failed, if it did.
pub(super) fn take(
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
fn fields(row: &Row, policy: Policy) -> Result<Update, &'static str> {
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
