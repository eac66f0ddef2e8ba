//! Works a job off: row by row, each written down before and after it is sent.

use std::time::Duration;

use super::compare::{Comparer, id_of};
use super::desk::{Desk, Stop, Wait};
use super::failure::Meaning;
use super::fault;
use super::flight::Flight;
use super::judge::Policy;
use super::kind::Kind;
use super::limits::{Familiar, Tally, is_other_enterprise};
use super::load::fault_of_choice;
use super::options::ApplyOptions;
use super::reading::Reading;
use super::row::{Row, RowState};
use super::send::{Marked, mark, note, take};
use crate::error::{StopReason, spelt};
use crate::response::FieldMap;

/// How often a run looks for what others changed.
const SWEEP: Duration = Duration::from_secs(60);
/// By how much the CRM's clock may differ from ours.
const CLOCKS: i64 = 120_000;
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
    flight: Flight,
    /// How long to wait once nothing is under way.
    wait: Option<Wait>,
    /// Whether a callback failed, and is not called again.
    is_silent: bool,
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
            flight: Flight::new(),
            wait: None,
            is_silent: false,
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
        let sent = self.send_planned();
        let landed = self.land_rest(sent.as_ref().err());
        sent.and(landed)?;
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
        if !self.is_sweep_due() {
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
        let mut rows = self.comparer.rows_of(&page.rows, RowState::Planned)?;
        for (record, time) in page.rows.iter().zip(times) {
            let row = id_of(record).and_then(|id| rows.remove(&id));
            let Some(mut row) = row else { continue };
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

    fn is_sweep_due(&self) -> bool {
        let due = self.sweep.is_some_and(|due| self.desk.crm.elapsed() >= due);
        due && self.wait.is_none() && !self.policy.send_all
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

    /// Sends what is planned until nothing is left or something stops it; calls may be under way then.
    fn send_planned(&mut self) -> Result<(), Stop> {
        loop {
            let (answered, stop) = self.land();
            let may = stop.map_or_else(|| self.check_limits(), Err);
            // Where nobody is told of each row, how some ended and that others begin is one commit.
            let may_join = may.is_ok() && !self.desk.tells_rows() && !self.is_sweep_due();
            let mut rows = if may_join { self.ready()? } else { Vec::new() };
            let joint = !rows.is_empty();
            if !joint {
                self.note(&answered)?;
                may?;
                self.sweep()?;
                rows = self.ready()?;
            }
            let starts = !rows.is_empty();
            self.send(rows, if joint { &answered } else { &[] })?;
            self.desk.tick()?;
            if !self.flight.is_empty() {
                self.flight.wait(self.desk.crm, self.until_turn());
            } else if !starts && !self.prepare()? {
                return Ok(());
            }
        }
    }

    /// Takes the answers that came. What they tell of the CRM may stop the run.
    fn land(&mut self) -> (Vec<Row>, Option<Stop>) {
        let (mut answered, mut stop) = (Vec::new(), None);
        for (mut row, answer) in self.flight.take() {
            let failure = take(&mut row, answer, self.policy);
            self.tally.count(row.state);
            answered.push(row);
            match failure {
                Some((found, error)) if !matches!(found, Meaning::OfRow(_)) => {
                    self.flight.narrow();
                    let fatal = matches!(found, Meaning::Fatal(_));
                    // What was under way before a failure was known tells nothing new.
                    if stop.is_some() || self.wait.is_some() && !fatal {
                        continue;
                    }
                    match self.desk.judge(&found, error) {
                        Ok(wait) => self.wait = wait,
                        Err(found) => stop = Some(found),
                    }
                }
                _ if self.wait.is_some() => {}
                _ => {
                    self.flight.widen();
                    self.desk.answered();
                }
            }
        }
        (answered, stop)
    }

    /// The planned rows that may start now, as far as none must be read before.
    fn ready(&self) -> Result<Vec<Row>, Stop> {
        let paced = !self.desk.interval().is_zero();
        if self.wait.is_some() || self.desk.is_out() || !self.desk.turn_in().is_zero() {
            return Ok(Vec::new());
        }
        let left =
            self.options.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.tally.sent));
        let free = self.flight.free(self.tally.may_fail(self.options.max_errors));
        let most = usize::try_from(left).unwrap_or(free).min(if paced { 1 } else { free });
        if free == 0 || most == 0 {
            return Ok(Vec::new());
        }
        let rows = self.desk.store.rows(Some(RowState::Planned), 0, most)?;
        Ok(rows.into_iter().take_while(|row| !self.is_stale(row)).collect())
    }

    /// Writes down what became of rows, and tells of those that are done.
    fn note(&mut self, answered: &[Row]) -> Result<(), Stop> {
        if !answered.is_empty() {
            self.commit(|desk| note(desk, answered))?;
        }
        self.tell(answered)
    }

    /// Writes something down; how long that takes tells how many answers are worth waiting for.
    fn commit<T>(&mut self, write: impl FnOnce(&Desk<'_>) -> Result<T, Stop>) -> Result<T, Stop> {
        let begun = self.desk.crm.elapsed();
        let written = write(self.desk);
        self.flight.committed(self.desk.crm.elapsed().saturating_sub(begun));
        written
    }

    fn tell(&mut self, rows: &[Row]) -> Result<(), Stop> {
        let done = rows.iter().filter(|row| !row.state.is_open() && !self.is_silent);
        let told = done.map(|row| self.desk.tell_row(row)).find(Result::is_err);
        self.is_silent |= told.is_some();
        told.unwrap_or(Ok(()))
    }

    /// Writes down that rows are being sent, with what became of others, and starts their updates.
    fn send(&mut self, rows: Vec<Row>, answered: &[Row]) -> Result<(), Stop> {
        if rows.is_empty() {
            return Ok(());
        }
        let policy = self.policy;
        let Marked { updates, invalid } = self.commit(|desk| mark(desk, rows, answered, policy))?;
        for (row, update) in updates {
            fault::point();
            self.desk.take_turn_now();
            self.tally.sent += 1;
            self.flight.start(self.desk.crm, row, update);
            fault::point();
        }
        for row in &invalid {
            self.tally.count(row.state);
        }
        self.tell(&invalid)
    }

    /// How long to wait for an answer before something else may be done.
    fn until_turn(&self) -> Duration {
        let turn = self.desk.turn_in();
        if turn.is_zero() { Duration::MAX } else { turn }
    }

    /// Does what must be done before the next row is sent, while none is under way: waits, or reads it
    /// again and sends it. Tells whether there was a row.
    fn prepare(&mut self) -> Result<bool, Stop> {
        if let Some(wait) = self.wait.take() {
            self.desk.rest(&wait)?;
            return Ok(true);
        }
        let Some(row) = self.desk.store.rows(Some(RowState::Planned), 0, 1)?.pop() else {
            return Ok(false);
        };
        if let Some(row) = self.fresh(row)? {
            self.desk.pause(self.desk.turn_in())?;
            self.send(vec![row], &[])?;
        }
        Ok(true)
    }

    /// Waits for the updates that are under way when the sending ended, and writes down what became of
    /// them. A run that was cancelled, or cannot write, gives them a moment only.
    fn land_rest(&mut self, stop: Option<&Stop>) -> Result<(), Stop> {
        let hurries =
            |stop: &Stop| matches!(stop.reason, StopReason::Cancelled | StopReason::Storage);
        if stop.is_some_and(hurries) {
            self.desk.crm.cancel();
        }
        let mut written = Ok(());
        while !self.flight.is_empty() && !self.desk.is_forked() {
            self.flight.wait(self.desk.crm, Duration::MAX);
            let (answered, _) = self.land();
            // What cannot be written stays as being sent, and is read by the next run.
            let noted = self.note(&answered);
            written = written.and(noted);
        }
        written
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
