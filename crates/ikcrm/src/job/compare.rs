//! Compares rows with the CRM: by pages of the list where that takes fewer calls, else one by one.

use std::collections::HashMap;

use super::desk::{Desk, Stop};
use super::failure::{Meaning, meaning};
use super::judge::{Policy, Verdict, judge};
use super::kind::Kind;
use super::reading::Reading;
use super::row::{FieldPlan, Row, RowState};
use crate::error::Error;
use crate::request::FIELDS;
use crate::response::{OpportunityPage, OpportunityRow, Record};

/// How many rows a page has.
const PER_PAGE: u64 = 100;
/// How many rows that were read from the list are read by themselves, too.
const CHECKED: usize = 3;
/// How many rows are taken from the file at once.
const CHUNK: usize = 200;

/// What happens with each row that was compared; an error ends the comparing.
pub(super) type Seen<'s> = dyn FnMut(&Row) -> Result<(), Stop> + 's;

/// Compares rows of one run.
pub(super) struct Comparer<'r, 'd> {
    pub(super) desk: &'r Desk<'d>,
    pub(super) policy: Policy,
}

impl Comparer<'_, '_> {
    /// Compares all rows that are pending.
    pub(super) fn pending(&self) -> Result<(), Stop> {
        let listed = self.by_pages(RowState::Pending, i64::MAX, &mut |_| Ok(()))?;
        self.singly(RowState::Pending)?;
        if listed && !self.policy.send_all && !self.expects()? && self.check_list()? {
            self.singly(RowState::Pending)?;
        }
        Ok(())
    }

    /// Compares the rows of a state that were read before a time, page by page, as long as that takes
    /// fewer calls than reading each row; tells whether a page was read.
    pub(super) fn by_pages(
        &self,
        state: RowState,
        read_before: i64,
        seen: &mut Seen<'_>,
    ) -> Result<bool, Stop> {
        let mut pages = self.pages()?;
        let rows = self.desk.store.count(state, true, read_before)?;
        let mut rows = u64::try_from(rows).unwrap_or_default();
        let (mut found, mut before) = (0, None::<OpportunityPage>);
        for number in 1.. {
            let left = pages.map_or(1, |pages| pages.saturating_sub(u64::from(number) - 1));
            // A page that had several rows shows that the next one is worth its call.
            let is_dear = left > rows && found < 2;
            if rows <= left.min(1) || is_dear || (left == 0 && pages.is_some()) {
                return Ok(number > 1);
            }
            let Ok(page) = self.desk.ask(Kind::List, |crm| crm.page(number, false))? else {
                return Ok(number > 1);
            };
            pages = page
                .total_count
                .map(|total| total.div_ceil(page.per_page.unwrap_or(PER_PAGE).max(1)));
            if page.rows.is_empty()
                || before.as_ref().is_some_and(|before| before.rows == page.rows)
            {
                return Ok(number > 1);
            }
            found = self.take_page(&page, state, read_before, seen)?;
            rows = rows.saturating_sub(found);
            self.desk.tick()?;
            before = Some(page);
        }
        Ok(true)
    }

    /// How many pages the list has, as far as is known from before.
    pub(super) fn pages(&self) -> Result<Option<u64>, Error> {
        let total = self.desk.store.get::<i64>("total_count")?;
        Ok(total.map(|total| u64::try_from(total).unwrap_or_default().div_ceil(PER_PAGE)))
    }

    /// Compares the rows of a page, in one commit; tells how many it has.
    fn take_page(
        &self,
        page: &OpportunityPage,
        state: RowState,
        read_before: i64,
        seen: &mut Seen<'_>,
    ) -> Result<u64, Stop> {
        let store = self.desk.store;
        let distrusted: Vec<String> = store.get_json("distrusted")?;
        store.transaction(|| {
            if let Some(total) = page.total_count.and_then(|total| i64::try_from(total).ok()) {
                store.put("total_count", total)?;
            }
            self.desk.note_calls()?;
            let (mut taken, mut rows) = (0, self.rows_of(&page.rows, state)?);
            for record in &page.rows {
                let row = id_of(record).and_then(|id| rows.remove(&id));
                let row = row.filter(|row| row.listable && row.read_at < read_before);
                if let Some(mut row) = row {
                    self.take(&mut row, &Reading::listed(record, &distrusted))?;
                    seen(&row)?;
                    taken += 1;
                }
            }
            Ok(taken)
        })
    }

    /// The rows of this state that are about these opportunities, by their ids.
    pub(super) fn rows_of(
        &self,
        records: &[OpportunityRow],
        state: RowState,
    ) -> Result<HashMap<i64, Row>, Error> {
        let ids: Vec<_> = records.iter().filter_map(|record| id_of(record)).collect();
        self.desk.store.rows_of(&ids, state)
    }

    /// Judges a row by a reading and writes it.
    pub(super) fn take(&self, row: &mut Row, reading: &Reading<'_>) -> Result<(), Error> {
        if judge(row, reading, self.desk.crm.now(), self.policy) == Verdict::ReadSingly {
            row.listable = false;
        }
        self.desk.store.put_row(row)
    }

    /// Reads all rows of a state one by one.
    fn singly(&self, state: RowState) -> Result<(), Stop> {
        let mut after = 0;
        loop {
            let rows = self.desk.store.rows(Some(state), after, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.number;
            for mut row in rows {
                self.one(&mut row)?;
                self.desk.tick()?;
            }
        }
    }

    /// Reads one row's opportunity, and writes what became of the row.
    pub(super) fn one(&self, row: &mut Row) -> Result<(), Stop> {
        let id = row.id.unwrap_or_default();
        let answer = self.desk.ask(Kind::Get, |crm| crm.read(id))?;
        let store = self.desk.store;
        store.transaction(|| {
            self.desk.note_calls()?;
            match answer {
                Ok(opportunity) => self.take(row, &Reading::single(&opportunity)),
                Err(error) => {
                    unreadable(row, &error);
                    store.put_row(row)
                }
            }
        })?;
        Ok(())
    }

    /// Whether rows came with what the CRM must have.
    fn expects(&self) -> Result<bool, Error> {
        Ok(self.desk.store.get::<bool>("expects")? == Some(true))
    }

    /// Reads the first rows that are to be sent by themselves: fields that then differ from the list
    /// are not to be trusted there. Tells whether rows must be read anew for that.
    fn check_list(&self) -> Result<bool, Stop> {
        let store = self.desk.store;
        let mut distrusted: Vec<String> = store.get_json("distrusted")?;
        let known = distrusted.len();
        let rows = store.rows(Some(RowState::Planned), 0, CHUNK)?;
        for mut row in rows.into_iter().filter(|row| row.listable).take(CHECKED) {
            let id = row.id.unwrap_or_default();
            let Ok(opportunity) = self.desk.ask(Kind::Get, |crm| crm.read(id))? else { continue };
            let reading = Reading::single(&opportunity);
            let others = others(&mut row, &reading);
            row.listable = others.is_empty();
            distrusted.extend(others);
            self.take(&mut row, &reading)?;
        }
        distrusted.sort();
        distrusted.dedup();
        store.put_json("distrusted", &distrusted)?;
        self.desk.note_calls()?;
        if distrusted.len() == known {
            return Ok(false);
        }
        self.reopen(RowState::Planned, &distrusted)?;
        self.reopen(RowState::Unchanged, &distrusted)?;
        Ok(true)
    }

    /// Lets the rows of a state that have one of these fields be compared anew, one by one.
    fn reopen(&self, state: RowState, fields: &[String]) -> Result<(), Stop> {
        let store = self.desk.store;
        let mut after = 0;
        loop {
            let rows = store.rows(Some(state), after, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.number;
            let concerned = rows.into_iter().filter(|row| row.listable && row.attempts == 0);
            store.transaction(|| {
                for mut row in concerned.filter(|row| fields.iter().any(|field| row.gives(field))) {
                    row.fields.iter_mut().for_each(|plan| plan.before = None);
                    row.listable = false;
                    row.settle(RowState::Pending);
                    store.put_row(&row)?;
                }
                Ok::<_, Stop>(())
            })?;
        }
    }
}

/// The id of an opportunity, as an answer tells it.
pub(super) fn id_of(record: &Record) -> Option<i64> {
    let id = record.get_raw("id")?;
    id.trim_matches('"').parse().ok()
}

/// The fields that the list told otherwise than this reading; what the list told is forgotten.
fn others(row: &mut Row, reading: &Reading<'_>) -> Vec<String> {
    let other = |plan: &mut FieldPlan| {
        let listed = FIELDS.iter().any(|known| known.name == plan.field && known.listed);
        let (before, now) = (plan.before.take()?, reading.value(&plan.field)?);
        (listed && !plan.is_same(&before, &now)).then(|| plan.field.clone())
    };
    row.fields.iter_mut().filter_map(other).collect()
}

/// What becomes of a row whose opportunity cannot be read.
fn unreadable(row: &mut Row, error: &Error) {
    let state = match meaning(error) {
        Meaning::OfRow(state) => state,
        _ => RowState::Refused,
    };
    row.become_state(state, error.code(), error.to_string());
}
