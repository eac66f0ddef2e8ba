//! A CRM in memory, its faults by script, and a clock that only waits and calls move.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::error::{ApiError, ApiErrorKind, Error, Excerpt};
use crate::input::check::Fields;
use crate::job::crm::{Crm, Enterprise};
use crate::job::landing::Landing;
use crate::request::{CustomField, CustomFields, Form};
use crate::response::{
    FieldMap, FieldOption, MappedField, Opportunity, OpportunityPage, OpportunityRow,
};

type Hook = Box<dyn FnOnce(&mut State)>;

pub(super) struct Fake(pub(super) RefCell<State>);

pub(super) struct State {
    pub(super) records: BTreeMap<i64, Map<String, Json>>,
    /// The time of day in milliseconds.
    pub(super) now: i64,
    pub(super) elapsed: Duration,
    pub(super) log: Vec<String>,
    /// By the call: the error, and whether an update is applied all the same.
    pub(super) faults: Vec<(String, Error, bool)>,
    /// What happens just before a call.
    pub(super) hooks: Vec<(String, Hook)>,
    pub(super) cancelled: bool,
    pub(super) limit: Option<(usize, Duration)>,
    pub(super) corp_id: Option<String>,
    pub(super) stages: Vec<(i64, &'static str, bool)>,
    /// How a list's row differs from the opportunity.
    pub(super) listed: fn(&mut Map<String, Json>),
    pub(super) sorts: bool,
    /// What the CRM does with a value that it takes.
    pub(super) taken: fn(&mut Map<String, Json>),
}

pub(super) fn away(applied: bool) -> Error {
    let message = "the CRM is away".to_owned();
    Error::Transport { message, retryable: true, may_have_been_applied: applied }
}

pub(super) fn refusal(kind: ApiErrorKind) -> Error {
    Error::Api(Box::new(ApiError {
        kind,
        status: 200,
        api_code: Some(1),
        message: "no".to_owned(),
        endpoint: None,
        enterprises: Vec::new(),
        excerpt: Excerpt::default(),
        retry_after: None,
        may_have_been_applied: false,
    }))
}

impl Fake {
    /// A CRM with so many opportunities from id 1 on.
    pub(super) fn new(rows: i64) -> Self {
        let record = |id| {
            let record = json!({
                "id": id, "title": format!("t{id}"), "customer": {"id": 7, "name": "c"},
                "user": {"id": 5}, "expect_amount": format!("{id}.0"), "stage": "1",
                "note": format!("n{id}"), "updated_at": "2024-01-01 10:00",
            });
            (id, record.as_object().unwrap().clone())
        };
        Self(RefCell::new(State {
            records: (1..=rows).map(record).collect(),
            now: 1_704_074_400_000 + 3_600_000,
            elapsed: Duration::ZERO,
            log: Vec::new(),
            faults: Vec::new(),
            hooks: Vec::new(),
            cancelled: false,
            limit: None,
            corp_id: None,
            stages: vec![
                (1, "初步", true),
                (2, "谈判", true),
                (3, "赢单", true),
                (4, "搁置", false),
            ],
            listed: |_| {},
            sorts: true,
            taken: |_| {},
        }))
    }

    pub(super) fn set(&self, id: i64, field: &str, value: Json) {
        self.0.borrow_mut().set(id, field, value);
    }

    pub(super) fn get(&self, id: i64, field: &str) -> Json {
        self.0.borrow().records[&id][field].clone()
    }

    pub(super) fn fail(&self, call: &str, error: Error, applied: bool) {
        self.0.borrow_mut().faults.push((call.to_owned(), error, applied));
    }

    pub(super) fn before(&self, call: &str, hook: impl FnOnce(&mut State) + 'static) {
        self.0.borrow_mut().hooks.push((call.to_owned(), Box::new(hook)));
    }

    /// The calls so far, and forgets them.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().log)
    }

    /// How many calls begin so, of those so far.
    pub(super) fn count(&self, call: &str) -> usize {
        self.0.borrow().log.iter().filter(|known| known.starts_with(call)).count()
    }

    pub(super) fn pass(&self, time: Duration) {
        self.0.borrow_mut().pass(time);
    }

    fn call(&self, call: &str) -> Option<(Error, bool)> {
        let mut state = self.0.borrow_mut();
        state.log.push(call.to_owned());
        state.pass(Duration::from_millis(10));
        if let Some(place) = state.hooks.iter().position(|(known, _)| known == call) {
            let (_, hook) = state.hooks.remove(place);
            hook(&mut state);
        }
        let place = state.faults.iter().position(|(known, ..)| known == call || known == "*")?;
        let (_, error, applied) = state.faults.remove(place);
        Some((error, applied))
    }

    fn answer(&self, id: i64, fields: &Fields<'_>) -> Result<Opportunity, Error> {
        let fault = self.call(&format!("put {id}"));
        if let Some((error, false)) = fault {
            return Err(error);
        }
        if !self.0.borrow().records.contains_key(&id) {
            return Err(refusal(ApiErrorKind::NotFound));
        }
        let sent: Map<String, Json> =
            serde_json::from_str(&serde_json::to_string(fields).unwrap()).unwrap();
        let mut state = self.0.borrow_mut();
        for (field, value) in sent {
            match field.as_str() {
                "customer_id" => state.set(id, "customer", json!({"id": value})),
                "user_id" => state.set(id, "user", json!({"id": value})),
                "stage" if value.is_null() => state.set(id, "stage", json!("")),
                _ => state.set(id, &field, value),
            }
        }
        let taken = state.taken;
        taken(state.records.get_mut(&id).unwrap());
        let record = state.records[&id].clone();
        drop(state);
        match fault {
            Some((error, _)) => Err(error),
            None => Ok(Opportunity::from_json(&Json::Object(record).to_string()).unwrap()),
        }
    }
}

impl State {
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += i64::try_from(time.as_millis()).unwrap();
        self.elapsed += time;
    }

    pub(super) fn set(&mut self, id: i64, field: &str, value: Json) {
        let minutes = self.now / 60_000;
        let record = self.records.get_mut(&id).unwrap();
        record.insert(field.to_owned(), value);
        let time = jiff::Timestamp::from_second(minutes * 60 + 8 * 3600).unwrap();
        record.insert("updated_at".to_owned(), json!(time.strftime("%Y-%m-%d %H:%M").to_string()));
    }

    fn row(&self, record: &Map<String, Json>) -> OpportunityRow {
        let mut row = record.clone();
        row.retain(|key, _| key != "note" && !key.contains("_asset_"));
        for key in ["customer", "user"] {
            if let Some(of) = row.remove(key) {
                row.insert(format!("{key}_id"), of["id"].clone());
            }
        }
        (self.listed)(&mut row);
        OpportunityRow::from_json(&Json::Object(row).to_string()).unwrap()
    }
}

impl Crm for Fake {
    fn enterprise(&self) -> Enterprise {
        let corp_id = self.0.borrow().corp_id.clone();
        Enterprise { base_url: "http://crm".to_owned(), corp_id }
    }

    fn limit(&self) -> Option<(usize, Duration)> {
        self.0.borrow().limit
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn page(&self, number: u32, newest: bool) -> Result<OpportunityPage, Error> {
        let call = if newest { "newest".to_owned() } else { format!("list {number}") };
        if let Some((error, _)) = self.call(&call) {
            return Err(error);
        }
        let state = self.0.borrow();
        let mut records: Vec<_> = state.records.values().collect();
        if newest && state.sorts {
            records.sort_by_key(|record| std::cmp::Reverse(record["updated_at"].to_string()));
        }
        let from = (number as usize - 1) * 100;
        let rows = records.iter().skip(from).take(100).map(|record| state.row(record));
        let total_count = Some(records.len() as u64);
        Ok(OpportunityPage { rows: rows.collect(), total_count, per_page: Some(100) })
    }

    fn read(&self, id: i64) -> Result<Opportunity, Error> {
        if let Some((error, _)) = self.call(&format!("get {id}")) {
            return Err(error);
        }
        let state = self.0.borrow();
        let record = state.records.get(&id).ok_or_else(|| refusal(ApiErrorKind::NotFound))?;
        Ok(Opportunity::from_json(&Json::Object(record.clone()).to_string()).unwrap())
    }

    fn update(&self, id: i64, fields: Fields<'static>, landing: Landing) {
        landing.tell(self.answer(id, &fields));
    }

    fn field_map(&self) -> Result<FieldMap, Error> {
        if let Some((error, _)) = self.call("field_map") {
            return Err(error);
        }
        let state = self.0.borrow();
        let options = state.stages.iter().map(|(id, label, enabled)| FieldOption {
            id: id.to_string(),
            label: (*label).to_owned(),
            enabled: *enabled,
        });
        let field = MappedField { name: "stage".to_owned(), options: options.collect() };
        Ok(FieldMap::new("opportunity", Arc::from([field]), "{}"))
    }

    fn custom_fields(&self) -> Result<CustomFields, Error> {
        if let Some((error, _)) = self.call("custom_fields") {
            return Err(error);
        }
        let field = CustomField {
            key: "text_asset_1f".to_owned(),
            label: "合同编号".to_owned(),
            form: Form::Text,
            required: false,
            editable: true,
            options: Vec::new(),
        };
        Ok(CustomFields(Arc::from([field])))
    }

    fn now(&self) -> i64 {
        self.0.borrow().now
    }

    fn elapsed(&self) -> Duration {
        self.0.borrow().elapsed
    }

    fn wait(&self, time: Duration) {
        self.0.borrow_mut().log.push(format!("wait {}", time.as_secs_f64()));
        self.pass(time);
    }

    fn is_cancelled(&self) -> bool {
        self.0.borrow().cancelled
    }

    fn cancel(&self) {}

    fn end_late(&self) {}

    fn take_sign_ins(&self) -> u32 {
        0
    }
}
