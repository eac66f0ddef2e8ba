//! Works a job off: row by row, each written down before and after it is sent.

use std::time::Duration;

use super::compare::Comparer;
use super::desk::{Desk, Stop};
use super::failure::Meaning;
use super::judge::Policy;
use super::kind::Kind;
use super::limits::{Familiar, Tally, is_other_enterprise};
use super::load::fault_of_choice;
use super::options::ApplyOptions;
use super::reading::Reading;
use super::row::{Row, RowState};
use super::send::{Group, send};
use crate::error::{StopReason, spelt};
use crate::response::FieldMap;

/// How often a run looks for what others changed.
const SWEEP: Duration = Duration::from_secs(60);
/// By how much the CRM's clock may differ from ours.
const CLOCKS: i64 = 120_000;
/// How many rows are sent between two commits, where no quota paces them.
const GROUP: usize = 16;
const CHUNK: usize = 200;

/// One run of a job.
pub(super) struct Run<'a, 'd, 'o> {
    desk: &'a Desk<'d>,
    comparer: Comparer<'a, 'd>,
    options: &'a ApplyOptions<'o>,
    policy: Policy,
    tally: Tally,
    familiar: Familiar,
    /// When to look for what others changed; never where the CRM does not sort by that.
    sweep: Option<Duration>,
    begun: Duration,
}

impl<'a, 'd, 'o> Run<'a, 'd, 'o> {
    pub(super) fn new(desk: &'a Desk<'d>, options: &'a ApplyOptions<'o>, policy: Policy) -> Self {
        let begun = desk.crm.elapsed();
        Self {
            desk,
            comparer: Comparer { desk, policy },
            options,
            policy,
            tally: Tally::default(),
            familiar: Familiar::default(),
            sweep: Some(begun + SWEEP),
            begun,
        }
    }

    /// Works the job off until nothing is left or something stops it.
    pub(super) fn go(&mut self, was_killed: bool) -> Result<(), Stop> {
        let store = self.desk.store;
        for state in &self.options.retry {
            store.take_up(*state)?;
        }
        if was_killed {
            store.forget_readings(RowState::Planned)?;
        }
        let map = self.desk.need(Kind::Lookup, |crm| crm.field_map())?;
        self.check_enterprise(&map)?;
        self.check_choices(&map)?;
        self.check_invalid()?;
        self.comparer.pending()?;
        self.resolve(RowState::Sending)?;
        self.resolve(RowState::Unknown)?;
        self.check_updates()?;
        while let Some(row) = store.rows(Some(RowState::Planned), 0, 1)?.pop() {
            self.check_limits()?;
            self.sweep()?;
            if let Some(row) = self.fresh(row)? {
                self.send(row)?;
            }
            self.desk.tick()?;
        }
        self.desk.tell(None)?;
        self.check_errors()
    }

    // --- before anything is sent ---

    fn check_enterprise(&self, map: &FieldMap) -> Result<(), Stop> {
        let known: Vec<String> = self.desk.store.get_json("option_ids")?;
        if is_other_enterprise(&known, &option_ids(map)) {
            return Err(Stop::new(
                StopReason::WrongEnterprise,
                "the options of the CRM's fields are not those of when the job was planned; use the \
                 account of the enterprise that it was planned for",
            ));
        }
        Ok(())
    }

    /// Makes the unsent rows invalid whose option is disabled, or whose label has another id.
    fn check_choices(&mut self, map: &FieldMap) -> Result<(), Stop> {
        for (field, id, label) in self.desk.store.choices()? {
            if let Some(fault) = fault_of_choice(map, (&field, &id, &label)) {
                let cause = format!("{field}: {}", fault.0);
                let message = format!("{field}: {}", fault.1);
                for state in [RowState::Pending, RowState::Planned] {
                    self.refuse_choice(state, (&field, &id, &label), (&cause, &message))?;
                }
            }
        }
        Ok(())
    }

    fn refuse_choice(
        &self,
        state: RowState,
        (field, id, label): (&str, &str, &str),
        (cause, message): (&str, &str),
    ) -> Result<(), Stop> {
        let store = self.desk.store;
        let value = format!("{id:?}");
        let mut after = 0;
        loop {
            let rows = store.rows(Some(state), after, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.number;
            for mut row in rows {
                let uses = row.fields.iter().any(|plan| {
                    plan.field == field
                        && plan.after.get() == value
                        && plan.label.as_deref().unwrap_or_default() == label
                });
                if uses {
                    row.become_state(RowState::Invalid, cause, message);
                    store.put_row(&row)?;
                }
            }
        }
    }

    fn check_invalid(&self) -> Result<(), Stop> {
        if self.options.skip_invalid {
            return Ok(());
        }
        let (invalid, duplicate) = self.desk.store.rejected()?;
        if invalid + duplicate == 0 {
            return Ok(());
        }
        let message = format!(
            "{invalid} rows are invalid and {duplicate} are duplicates; nothing was sent. Correct them \
             and plan again, or leave them out with {}",
            spelt("skip_invalid")
        );
        Err(Stop::new(StopReason::InvalidRows, message))
    }

    fn check_updates(&self) -> Result<(), Stop> {
        let counts = super::progress::Counts::new(self.desk.store.counts()?);
        let planned = counts.of(RowState::Planned);
        match self.options.max_updates {
            Some(most) if planned > most => Err(Stop::new(
                StopReason::MaxUpdates,
                format!(
                    "{planned} rows are to be updated, but {} is {most}; nothing was sent",
                    spelt("max_updates")
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Reads the rows of which it is not known whether they were applied.
    fn resolve(&mut self, state: RowState) -> Result<(), Stop> {
        let mut after = 0;
        loop {
            let rows = self.desk.store.rows(Some(state), after, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.number;
            for mut row in rows {
                self.check_limits()?;
                self.wait_for_call_of(&row)?;
                self.comparer.one(&mut row)?;
                if !row.state.is_open() {
                    self.done(&row)?;
                }
            }
        }
    }

    /// The call that sent the row may still be under way, until its time is over.
    fn wait_for_call_of(&self, row: &Row) -> Result<(), Stop> {
        let timeout = self.desk.store.get::<i64>("timeout_ms")?.unwrap_or_default();
        let left = (row.sent_at + timeout - self.desk.crm.now()).clamp(0, timeout);
        self.desk.pause(Duration::from_millis(u64::try_from(left).unwrap_or_default()))
    }

    // --- while rows are sent ---

    fn check_limits(&self) -> Result<(), Stop> {
        self.desk.check_cancel()?;
        self.check_errors()?;
        if self.is_over() {
            return Err(Stop::new(StopReason::MaxDuration, "the run's time is over"));
        }
        if self.options.limit.is_some_and(|limit| self.tally.sent >= limit) {
            return Err(Stop::new(StopReason::Limit, "as many rows as the limit says were sent"));
        }
        Ok(())
    }

    /// Whether the run's time is over.
    fn is_over(&self) -> bool {
        let took = self.desk.crm.elapsed().saturating_sub(self.begun);
        self.options.max_duration.is_some_and(|longest| took >= longest)
    }

    fn check_errors(&self) -> Result<(), Stop> {
        if !self.tally.exceeds(self.options.max_errors) {
            return Ok(());
        }
        let (errors, done) = (self.tally.errors, self.tally.done);
        let message = format!("{errors} of {done} rows failed, more than {}", spelt("max_errors"));
        Err(Stop::new(StopReason::MaxErrors, message))
    }

    /// Looks once a minute for what others changed, in one page of the list.
    fn sweep(&mut self) -> Result<(), Stop> {
        let now = self.desk.crm.elapsed();
        if self.policy.send_all || self.sweep.is_none_or(|due| now < due) {
            return Ok(());
        }
        let page = self.desk.ask(Kind::List, |crm| crm.page(1, true))?;
        let times = |rows: &[crate::response::OpportunityRow]| {
            let times = rows.iter().map(|row| Reading::listed(row, &[]).updated_at());
            times.collect::<Option<Vec<_>>>()
        };
        let times = page.as_ref().ok().and_then(|page| times(&page.rows));
        let sorted = times.filter(|times| times.is_sorted_by(|newer, older| newer >= older));
        let (Ok(page), Some(times)) = (page, sorted) else {
            self.sweep = None;
            return Ok(());
        };
        self.sweep = Some(self.desk.crm.elapsed() + SWEEP);
        let store = self.desk.store;
        let distrusted: Vec<String> = store.get_json("distrusted")?;
        for (record, time) in page.rows.iter().zip(times) {
            let Some(mut row) = self.comparer.row_of(record, RowState::Planned)? else { continue };
            if row.listable {
                self.comparer.take(&mut row, &Reading::listed(record, &distrusted))?;
                self.compared_again(&row)?;
            } else if time >= china(row.read_at - CLOCKS) {
                row.read_at = 0;
                store.put_row(&row)?;
            }
        }
        self.desk.note_calls()?;
        Ok(())
    }

    /// The row, compared again when its reading is too old, or to see whether an outage is over;
    /// nothing when it is not to be sent now.
    fn fresh(&mut self, row: Row) -> Result<Option<Row>, Stop> {
        let probes = self.desk.is_out();
        if !probes && !self.is_stale(&row) {
            return Ok(Some(row));
        }
        let number = row.number;
        if !probes {
            self.refresh_by_pages()?;
        }
        let store = self.desk.store;
        let Some(mut row) = store.row(number)?.filter(|row| row.state == RowState::Planned) else {
            return Ok(None);
        };
        if probes || self.is_stale(&row) {
            self.comparer.one(&mut row)?;
            self.compared_again(&row)?;
        }
        Ok((row.state == RowState::Planned).then_some(row))
    }

    fn is_stale(&self, row: &Row) -> bool {
        let age = self.desk.crm.now() - row.read_at;
        let max_age = i64::try_from(self.options.max_age.as_millis()).unwrap_or(i64::MAX);
        needs_reading(row, self.policy) && (row.read_at == 0 || age < 0 || age >= max_age)
    }

    /// Compares all rows again that must be, if the pages of the list are fewer, and read soon enough.
    fn refresh_by_pages(&mut self) -> Result<(), Stop> {
        let now = self.desk.crm.now();
        let max_age = i64::try_from(self.options.max_age.as_millis()).unwrap_or(i64::MAX);
        let read_before = now.saturating_sub(max_age);
        let Some(pages) = self.comparer.pages()? else { return Ok(()) };
        let takes = self.desk.interval().saturating_mul(u32::try_from(pages).unwrap_or(u32::MAX));
        let rows = self.desk.store.count(RowState::Planned, true, read_before)?;
        if self.options.max_age.is_zero()
            || takes > self.options.max_age / 2
            || u64::try_from(rows).unwrap_or_default() <= pages
        {
            return Ok(());
        }
        let mut seen = Vec::new();
        self.comparer.by_pages(RowState::Planned, read_before, &mut |row| {
            seen.push(row.number);
            Ok(())
        })?;
        self.desk.store.read_singly(RowState::Planned, read_before)?;
        for number in seen {
            if let Some(row) = self.desk.store.row(number)? {
                self.compared_again(&row)?;
            }
        }
        Ok(())
    }

    /// Counts a row that was compared again, and stops when too many are not as they were.
    fn compared_again(&mut self, row: &Row) -> Result<(), Stop> {
        if self.familiar.is_strange(row.number, row.state) {
            self.take_back_strange()?;
            return Err(Stop::new(
                StopReason::WrongEnterprise,
                "over half of the first 20 rows that were compared again are missing or changed; is \
                 this an account of the enterprise that the job was planned for?",
            ));
        }
        if row.state.is_open() { Ok(()) } else { self.done(row) }
    }

    /// What was judged in another enterprise is judged anew.
    fn take_back_strange(&self) -> Result<(), Stop> {
        let store = self.desk.store;
        store.transaction(|| {
            for number in &self.familiar.strange {
                if let Some(mut row) = store.row(*number)? {
                    row.read_at = 0;
                    row.settle(RowState::Planned);
                    store.put_row(&row)?;
                }
            }
            Ok(())
        })
    }

    /// Sends the row and, where that is safe, those after it, and tells what became of them.
    fn send(&mut self, row: Row) -> Result<(), Stop> {
        let mut rows = vec![row];
        self.add_following(&mut rows)?;
        let Group { done, sent, failure } = {
            let goes_on = |row: &Row| {
                let wanted = !self.desk.crm.is_cancelled() && !self.is_over();
                wanted && self.desk.store.check_place().is_ok() && !self.is_stale(row)
            };
            send(self.desk, rows, self.policy, goes_on)?
        };
        self.tally.sent += sent;
        for row in &done {
            self.done(row)?;
        }
        match failure {
            Some((found, error)) if !matches!(found, Meaning::OfRow(_)) => {
                self.desk.after(&found, error)
            }
            _ => {
                self.desk.answered();
                Ok(())
            }
        }
    }

    /// Adds the rows that go with the first one into one commit: none where a quota paces them, or
    /// where each is to be read just before its update.
    fn add_following(&self, rows: &mut Vec<Row>) -> Result<(), Stop> {
        let room =
            self.options.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.tally.sent));
        let most = usize::try_from(room).unwrap_or(GROUP).min(GROUP);
        let paced = !self.desk.interval().is_zero() || self.options.max_age.is_zero();
        let Some(first) = rows.first().filter(|_| !paced && most > 1).map(|row| row.number) else {
            return Ok(());
        };
        let following = self.desk.store.rows(Some(RowState::Planned), first, most - 1)?;
        rows.extend(following.into_iter().take_while(|row| !self.is_stale(row)));
        Ok(())
    }

    /// Counts a row that is done, and tells of it.
    fn done(&mut self, row: &Row) -> Result<(), Stop> {
        self.tally.count(row.state);
        self.desk.tell_row(row)
    }
}

/// Whether a row must be read before it is sent.
pub(super) fn needs_reading(row: &Row, policy: Policy) -> bool {
    !policy.send_all || !(policy.partial || row.gives("title") && row.gives("customer_id"))
}

/// The ids of all options of a field map.
pub(super) fn option_ids(map: &FieldMap) -> Vec<String> {
    let ids = |field: &crate::response::MappedField| {
        field
            .options
            .iter()
            .map(|option| format!("{}:{}", field.name, option.id))
            .collect::<Vec<_>>()
    };
    map.fields().iter().flat_map(ids).collect()
}

/// A time as the CRM writes it, in China.
fn china(milliseconds: i64) -> String {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let time = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    zone.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string()
}
