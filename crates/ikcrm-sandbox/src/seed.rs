//! `Seed`: what a test puts into the sandbox in place of what is there.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::answers::Refusal;
use crate::choices::Choice;
use crate::store::{self, Store};
use crate::wrong_input::WrongInput;

/// The ids of what a test gives without one.
const FIRST_OPPORTUNITY: u64 = 700_001;
const FIRST_STAGE: u64 = 3511;
const KINDS: [&str; 4] = ["opportunities", "customers", "users", "stages"];

/// What the sandbox is to hold, for [`Sandbox::seed`](crate::Sandbox::seed): each kind that is given
/// takes the place of what is there of it, the others stay.
///
/// An opportunity is an object of the fields that an update takes (`stage`, `source` and `kind` also
/// by their labels) and of any other keys of an answer. Without an id it gets one; without a title
/// or a customer it gets some.
///
/// ```
/// use ikcrm_sandbox::{Sandbox, Seed};
/// use serde_json::json;
///
/// let sandbox = Sandbox::builder().start()?;
/// let seed = Seed::new()
///     .customers([json!({"id": 7, "name": "某客户"})])
///     .opportunities([json!({"id": 1, "customer_id": 7, "stage": "赢单"})]);
/// sandbox.seed(seed)?;
/// assert_eq!(sandbox.opportunity(1).unwrap()["stage"], "3515");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a seed does nothing until it is given to seed()"]
pub struct Seed(Map<String, Value>);

impl Seed {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The opportunities.
    pub fn opportunities(self, opportunities: impl IntoIterator<Item = Value>) -> Self {
        self.with("opportunities", opportunities)
    }

    /// The customers: an `id`, a `name` and any other keys.
    pub fn customers(self, customers: impl IntoIterator<Item = Value>) -> Self {
        self.with("customers", customers)
    }

    /// The users: an `id`, a `name` and any other keys.
    pub fn users(self, users: impl IntoIterator<Item = Value>) -> Self {
        self.with("users", users)
    }

    /// The sales stages: labels, or objects of `id`, `label` and, unless true, `enabled`.
    pub fn stages(self, stages: impl IntoIterator<Item = Value>) -> Self {
        self.with("stages", stages)
    }

    fn with(mut self, kind: &str, items: impl IntoIterator<Item = Value>) -> Self {
        self.0.insert(kind.to_owned(), items.into_iter().collect());
        self
    }

    /// A JSON object of lists, as another language gives it; null is as if it were not given.
    #[doc(hidden)]
    pub fn from_json(json: impl AsRef<str>) -> Result<Self, WrongInput> {
        let wrong = || WrongInput::new("a seed must be an object of lists");
        let Ok(Value::Object(mut kinds)) = serde_json::from_str(json.as_ref()) else {
            return Err(wrong());
        };
        kinds.retain(|_, items| !items.is_null());
        for (kind, items) in &kinds {
            if !KINDS.contains(&kind.as_str()) {
                let known = KINDS.join(", ");
                return Err(WrongInput::new(format!("there are no {kind}; give {known}")));
            }
            if !items.is_array() {
                return Err(WrongInput::new(format!("{kind} must be a list")));
            }
        }
        Ok(Self(kinds))
    }

    /// Each item of a kind, with how a message names it; none when the kind was not given.
    fn of(&self, kind: &str) -> Option<Vec<(String, &Value)>> {
        let items = self.0.get(kind)?.as_array()?;
        let named = |(place, item)| (format!("{kind}[{place}]"), item);
        Some(items.iter().enumerate().map(named).collect())
    }
}

impl Store {
    /// The store with what is in the seed.
    pub(crate) fn with(&self, seed: &Seed) -> Result<Self, WrongInput> {
        let mut store = self.clone();
        if let Some(users) = seed.of("users") {
            store.users = by_id("users", users.into_iter().map(with_id))?;
        }
        if let Some(customers) = seed.of("customers") {
            let customers = customers.into_iter().map(with_id);
            store.customers = by_id("customers", customers.map(|it| it.map(complete)))?;
        }
        if let Some(stages) = seed.of("stages") {
            let stages = (FIRST_STAGE..).zip(stages).map(stage);
            store.choices.set_stages(stages.collect::<Result<_, _>>()?);
        }
        if let Some(opportunities) = seed.of("opportunities") {
            let opportunities = (FIRST_OPPORTUNITY..).zip(opportunities);
            let opportunities = opportunities.map(|given| store.opportunity(given));
            store.opportunities = by_id("opportunities", opportunities)?;
        }
        Ok(store)
    }

    fn opportunity(
        &self,
        (next_id, (place, given)): (u64, (String, &Value)),
    ) -> Result<(u64, Map<String, Value>), WrongInput> {
        let given = object(&place, given)?;
        let id = if given.contains_key("id") { id(&place, given)? } else { next_id };
        let now = json!(store::now_in_china());
        let mut made = Map::from_iter([
            ("id".to_owned(), json!(id)),
            ("title".to_owned(), json!("示例商机")),
            ("customer".to_owned(), self.customers.values().next().cloned().unwrap_or(json!({}))),
            ("user".to_owned(), json!({})),
            ("created_at".to_owned(), now.clone()),
            ("updated_at".to_owned(), now),
        ]);
        for (name, value) in given.iter().filter(|(name, _)| *name != "id") {
            let put = self.put(&mut made, name, value.clone());
            put.map_err(|why| WrongInput::new(format!("{place}.{name}: {why}")))?;
        }
        Ok((id, made))
    }

    /// Puts a field as an update does, and any other key as it is.
    fn put(&self, made: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), String> {
        match (name, value) {
            ("custom", Value::Object(fields)) => made.extend(fields),
            (_, value) if self.choices.has(name) => self.put_option(made, name, &value)?,
            (_, value) if store::is_settable(name) => {
                self.set(made, name, value).map_err(|refusal| match refusal {
                    Refusal::Invalid(message) => message,
                    Refusal::NotFound => "not found".to_owned(),
                })?;
            }
            (_, value) => drop(made.insert(name.to_owned(), value)),
        }
        Ok(())
    }

    /// The option by its id or its label, also one that is disabled: it may have been chosen before.
    fn put_option(
        &self,
        made: &mut Map<String, Value>,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        let text = text_of(value).unwrap_or_default();
        let is_it = |choice: &&Choice| choice.label == text || choice.id.to_string() == text;
        let choices = self.choices.of(name);
        let (id, label) = match choices.iter().find(is_it) {
            Some(choice) => (choice.id.to_string(), choice.label.clone()),
            None if text.is_empty() => (String::new(), String::new()),
            None => {
                let known = choices.iter().map(|it| format!("{} ({})", it.label, it.id));
                let known = known.collect::<Vec<_>>().join(", ");
                return Err(format!("there is no option {value}; write one of {known}"));
            }
        };
        made.insert(name.to_owned(), json!(id));
        made.insert(format!("{name}_mapped"), json!(label));
        Ok(())
    }
}

/// A text, or a number's digits.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn object<'a>(place: &str, given: &'a Value) -> Result<&'a Map<String, Value>, WrongInput> {
    given.as_object().ok_or_else(|| WrongInput::new(format!("{place} must be an object")))
}

fn id(place: &str, given: &Map<String, Value>) -> Result<u64, WrongInput> {
    let id = given.get("id").and_then(text_of).and_then(|text| text.parse().ok());
    id.filter(|id| *id > 0).ok_or_else(|| {
        WrongInput::new(format!("{place}.id must be a whole number from 1 on, or its digits"))
    })
}

/// An object and its id, which is a number in answers.
fn with_id((place, given): (String, &Value)) -> Result<(u64, Value), WrongInput> {
    let mut given = object(&place, given)?.clone();
    let id = id(&place, &given)?;
    given.insert("id".to_owned(), json!(id));
    Ok((id, Value::Object(given)))
}

/// The items by their ids, of which no two are the same.
fn by_id<T>(
    kind: &str,
    items: impl Iterator<Item = Result<(u64, T), WrongInput>>,
) -> Result<BTreeMap<u64, T>, WrongInput> {
    let mut found = BTreeMap::new();
    for (place, item) in items.enumerate() {
        let (id, item) = item?;
        if found.insert(id, item).is_some() {
            let message =
                format!("{kind}[{place}].id is {id}, as that of another; write a new one");
            return Err(WrongInput::new(message));
        }
    }
    Ok(found)
}

/// Gives a customer what every customer has.
fn complete((id, mut customer): (u64, Value)) -> (u64, Value) {
    for (key, nothing) in [("contacts", json!([])), ("user", json!({})), ("address", json!({}))] {
        if let Some(customer) = customer.as_object_mut() {
            customer.entry(key).or_insert(nothing);
        }
    }
    (id, customer)
}

fn stage((next_id, (place, given)): (u64, (String, &Value))) -> Result<Choice, WrongInput> {
    if let Value::String(label) = given {
        return Ok(Choice { id: next_id, label: label.clone(), enabled: true });
    }
    let given = object(&place, given)?;
    let Some(label) = given.get("label").and_then(Value::as_str) else {
        return Err(WrongInput::new(format!("{place}.label must be a text")));
    };
    let enabled = given.get("enabled").is_none_or(|enabled| enabled != &json!(false));
    Ok(Choice { id: id(&place, given)?, label: label.to_owned(), enabled })
}
