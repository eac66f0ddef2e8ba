//! Plans a job: loads the rows in one step, then compares them with the CRM.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value as Json;

use super::compare::Comparer;
use super::crm::Crm;
use super::desk::{Desk, Stop};
use super::finish::{End, finish};
use super::input::RowInput;
use super::judge::Policy;
use super::kind::Kind;
use super::load::{Maps, load, print_of, source};
use super::lock::{self, Lock};
use super::options::{Compare, OnDuplicate, PlanOptions, SHARE};
use super::row::{Row, RowState};
use super::run::{needs_reading, option_ids};
use super::store::{self, Store, unusable};
use super::update_job::UpdateJob;
use super::watch::Watch;
use crate::error::{Error, StopReason, spelt};
use crate::request::{CustomFields, FIELDS};
use crate::response::FieldMap;

/// Rows as they come; what their source fails with ends the loading.
pub(super) type Rows<'r> = dyn Iterator<Item = Result<RowInput, Error>> + 'r;

/// Plans a job of these rows, or goes on with the one that is there.
pub(super) fn plan(
    crm: &dyn Crm,
    rows: &mut Rows<'_>,
    mut options: PlanOptions<'_>,
) -> Result<UpdateJob, Error> {
    let faults = options.call.faults();
    if !faults.is_empty() {
        return Err(Error::Validation { fields: faults });
    }
    let path = options.job.clone().unwrap_or_else(private);
    let job = UpdateJob::new(path.clone(), options.job.is_none());
    let _lock = Lock::take(&path)?;
    let store = if Store::is_there(&path) {
        again(&path, rows, &options)?
    } else {
        let loaded = load_new(crm, &path, rows, &options);
        loaded.inspect_err(|_| clean(&path))?
    };
    let policy = policy(&store)?;
    let compared = store.get::<String>("status")?.is_some_and(|status| status != "planning");
    let pending = store.rows(Some(RowState::Pending), 0, 1)?;
    if compared && pending.is_empty() {
        return Ok(job);
    }
    store.begin_comparing()?;
    let watch = Watch::new(options.on_progress.take(), None, policy.send_all);
    let desk = Desk::new(&store, crm, SHARE, watch);
    let end = compare(&desk, policy);
    finish(&desk, end, &End::Ready)?;
    Ok(job)
}

fn compare(desk: &Desk<'_>, policy: Policy) -> Result<(), Stop> {
    check_place(desk)?;
    Comparer { desk, policy }.pending()?;
    desk.store.index_states()?;
    desk.tell(None)
}

/// Refuses a job of another CRM or enterprise.
pub(super) fn check_place(desk: &Desk<'_>) -> Result<(), Stop> {
    let here = desk.crm.enterprise();
    let of = |name: &str| desk.store.get::<String>(name);
    let (base_url, corp_id) = (of("base_url")?, of("corp_id")?);
    if base_url.as_ref() == Some(&here.base_url) && corp_id == here.corp_id {
        return Ok(());
    }
    let place = |url: &str, id: Option<&String>| match id {
        Some(id) => format!("{url} ({} {id})", spelt("corp_id")),
        None => url.to_owned(),
    };
    let message = format!(
        "the job was planned for {}, but this client is for {}",
        place(&base_url.unwrap_or_default(), corp_id.as_ref()),
        place(&here.base_url, here.corp_id.as_ref()),
    );
    Err(Stop::new(StopReason::WrongEnterprise, message))
}

/// How the job judges, by the options of its plan.
pub(super) fn policy(store: &Store) -> Result<Policy, Error> {
    let flag = |name: &str| Ok::<_, Error>(store.get::<bool>(name)? == Some(true));
    Ok(Policy { send_all: flag("send_all")?, partial: flag("partial")?, overwrite: false })
}

/// The path of a job that was given none.
fn private() -> PathBuf {
    let mut bytes = [0; 16];
    // Without randomness, a name that is taken is refused, as any other path is.
    SystemRandom::new().fill(&mut bytes).ok();
    std::env::temp_dir().join(format!("ikcrm-{:032x}.job", u128::from_be_bytes(bytes)))
}

/// Where a job is loaded before it gets its name.
fn loading(path: &Path) -> PathBuf {
    let mut path = OsString::from(path);
    path.push("-loading");
    path.into()
}

/// Leaves nothing of a job that could not be loaded.
fn clean(path: &Path) {
    let loading = loading(path);
    let mut journal = OsString::from(&loading);
    journal.push("-journal");
    for path in [loading, journal.into(), lock::path(path)] {
        std::fs::remove_file(path).ok();
    }
}

/// The job that is there, if it is of the same rows and options.
fn again(path: &Path, rows: &mut Rows<'_>, options: &PlanOptions<'_>) -> Result<Store, Error> {
    let store = Store::open(path)?;
    if store.get::<String>("options")? != Some(options.fingerprint()) {
        return Err(other_job(path, "it was planned with other options"));
    }
    let mut prints = Vec::new();
    for (number, input) in (1..).zip(rows) {
        prints.push(load(number, &input?, options, None)?.1);
    }
    if store.get::<String>("fingerprint")? != Some(print_of(prints)) {
        return Err(other_job(path, "it is a job of other rows"));
    }
    Ok(store)
}

fn other_job(path: &Path, what: &str) -> Error {
    let go_on = spelt("apply_updates");
    unusable(path, format!("{what}; continue it with {go_on}, or give another path"))
}

/// A new job, which gets its name when it is complete.
fn load_new(
    crm: &dyn Crm,
    path: &Path,
    rows: &mut Rows<'_>,
    options: &PlanOptions<'_>,
) -> Result<Store, Error> {
    let beside = loading(path);
    std::fs::remove_file(&beside).ok();
    let store = Store::create(&beside)?;
    let lost = |stop: Stop| stop.into_error(path, true);
    let load = || load_rows(&Desk::new(&store, crm, SHARE, Watch::default()), rows, options);
    store.transaction(load).map_err(lost)?;
    drop(store);
    store::publish(&beside, path)?;
    Store::open(path)
}

fn load_rows(desk: &Desk<'_>, rows: &mut Rows<'_>, options: &PlanOptions<'_>) -> Result<(), Stop> {
    let store = desk.store;
    let map = desk.need(Kind::Lookup, |crm| crm.field_map())?;
    note_plan(desk, options, &map)?;
    let policy = policy(store)?;
    let mut loader = Loader {
        desk,
        options,
        policy,
        map: &map,
        custom: None,
        choices: HashMap::new(),
        is_any_pending: false,
    };
    let mut sources = Sources::default();
    let (mut prints, mut count, mut expects) = (Vec::new(), 0_i64, false);
    for input in rows {
        count += 1;
        let input = input.map_err(Stop::raised)?;
        expects |= !input.expected.is_empty();
        prints.push(loader.row(count, &input)?);
        sources.row(store, count, &input)?;
        if count % 1000 == 0 {
            desk.check_cancel()?;
        }
    }
    sources.end(store)?;
    store.index_ids()?;
    if !loader.is_any_pending {
        store.index_states()?;
    }
    let keeps_last = options.on_duplicate == OnDuplicate::Last;
    store.mark_duplicates(keeps_last)?;
    store.put("keeps_last", keeps_last)?;
    store.put("expects", expects)?;
    store.put("rows", count)?;
    store.put("fingerprint", print_of(prints))?;
    store.put("status", "planning")?;
    Ok(desk.note_calls()?)
}

/// Writes down what the job is for.
fn note_plan(desk: &Desk<'_>, options: &PlanOptions<'_>, map: &FieldMap) -> Result<(), Error> {
    let (store, enterprise) = (desk.store, desk.crm.enterprise());
    store.put("options", options.fingerprint())?;
    store.put("send_all", options.compare == Compare::None)?;
    store.put("partial", options.partial)?;
    store.put("source", options.source.as_ref().and_then(|path| path.to_str()))?;
    store.put("base_url", enterprise.base_url)?;
    store.put("corp_id", enterprise.corp_id)?;
    store.put_json("option_ids", &option_ids(map))?;
    note_means(desk)
}

/// Writes down what tells how long the job takes.
pub(super) fn note_means(desk: &Desk<'_>) -> Result<(), Error> {
    let milliseconds =
        |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    desk.store.put("timeout_ms", milliseconds(desk.crm.timeout()))?;
    desk.store.put("interval_ms", milliseconds(desk.interval()))
}

/// Writes rows down as they were given.
#[derive(Default)]
struct Sources {
    /// Where each column stands, by its name, and all of them in order.
    places: HashMap<Arc<str>, usize>,
    columns: Vec<Arc<str>>,
    /// How many cells were read otherwise than written, by how.
    coerced: BTreeMap<&'static str, u64>,
}

impl Sources {
    fn row(&mut self, store: &Store, number: i64, input: &RowInput) -> Result<(), Error> {
        for how in &input.coerced {
            *self.coerced.entry(how).or_default() += 1;
        }
        let given = source(input);
        if input.place.is_some() {
            // All rows of a sheet have the same columns, and perhaps two of one name.
            if self.columns.is_empty() {
                self.columns = input.cells.iter().map(|(name, _)| Arc::clone(name)).collect();
            }
            // What stands beside the columns has no name.
            let wide = self.columns.len().max(given.len());
            self.columns.resize(wide, Arc::from(""));
            return store.insert_source(number, &given);
        }
        let id = input.id.iter().map(|_| Arc::from("id"));
        let names = id.chain(input.cells.iter().map(|(name, _)| Arc::clone(name)));
        let mut cells = Vec::new();
        for (guess, (name, value)) in names.zip(given).enumerate() {
            let place = self.place(name, guess);
            cells.resize(cells.len().max(place + 1), Json::Null);
            if let Some(cell) = cells.get_mut(place) {
                *cell = value;
            }
        }
        store.insert_source(number, &cells)
    }

    /// Where the column stands; mostly at the same place as in the row before.
    fn place(&mut self, name: Arc<str>, guess: usize) -> usize {
        if self.columns.get(guess) == Some(&name) {
            return guess;
        }
        let next = self.columns.len();
        *self.places.entry(name).or_insert_with_key(|name| {
            self.columns.push(Arc::clone(name));
            next
        })
    }

    fn end(self, store: &Store) -> Result<(), Error> {
        let columns: Vec<&str> = self.columns.iter().map(|name| &**name).collect();
        store.put_json("columns", &columns)?;
        store.put_json("coerced", &self.coerced)
    }
}

/// Writes rows to the file.
struct Loader<'a, 'd, 'o> {
    desk: &'a Desk<'d>,
    options: &'a PlanOptions<'o>,
    policy: Policy,
    map: &'a FieldMap,
    custom: Option<CustomFields>,
    /// Options that are in the file already: fields and labels, by the ids as JSON.
    choices: HashMap<Box<str>, Vec<(String, Option<String>)>>,
    /// Whether a row must be compared.
    is_any_pending: bool,
}

impl Loader<'_, '_, '_> {
    fn row(&mut self, number: i64, input: &RowInput) -> Result<[u8; 16], Stop> {
        let (desk, known) = (self.desk, &mut self.custom);
        let mut custom = || {
            if let Some(fields) = known {
                return Ok(fields.clone());
            }
            let fields = desk.need(Kind::Lookup, |crm| crm.custom_fields());
            let fields = fields.map_err(|stop| stop.into_error(desk.store.path(), true))?;
            Ok(known.insert(fields).clone())
        };
        let mut maps = Maps { fields: self.map, custom: &mut custom };
        let (mut row, print) = load(number, input, self.options, Some(&mut maps))?;
        row.listable = self.is_listable(&row);
        if row.state == RowState::Pending && !needs_reading(&row, self.policy) {
            row.state = RowState::Planned;
        }
        self.is_any_pending |= row.state == RowState::Pending;
        self.note_choices(&row)?;
        desk.store.add_row(&row)?;
        Ok(print)
    }

    /// Whether the row of a list tells enough to compare this one.
    fn is_listable(&self, row: &Row) -> bool {
        let listed = |name: &str| FIELDS.iter().any(|field| field.name == name && field.listed);
        match self.options.compare {
            Compare::Get => false,
            Compare::None => true,
            Compare::Auto => row.fields.iter().any(|plan| listed(&plan.field)),
        }
    }

    /// Remembers the options that rows use, to look later whether they are still the same.
    fn note_choices(&mut self, row: &Row) -> Result<(), Error> {
        let fields = row.fields.iter().filter(|plan| self.map.field(&plan.field).is_some());
        for plan in fields {
            let id = plan.after.get();
            let known = |(field, label): &(String, Option<String>)| {
                *field == plan.field && *label == plan.label
            };
            if self.choices.get(id).is_some_and(|choices| choices.iter().any(known)) {
                continue;
            }
            if let Ok(value) = serde_json::from_str::<String>(id) {
                let label = plan.label.as_deref().unwrap_or_default();
                self.desk.store.add_choice(&plan.field, &value, label)?;
                let choice = (plan.field.clone(), plan.label.clone());
                self.choices.entry(id.into()).or_default().push(choice);
            }
        }
        Ok(())
    }
}
