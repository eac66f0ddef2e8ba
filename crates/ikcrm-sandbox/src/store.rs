//! What the sandbox holds, and how an update changes it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz};
use serde_json::{Map, Value, json};

use crate::answers::Refusal;
use crate::choices::{self, Choice, Choices};
use crate::list::Query;

const SEED: &str = include_str!("seed.json");

/// The stage of the sample.
const SAMPLE_STAGE: u64 = 3514;
/// How far the ids of an enterprise are from those of the one before.
const SHIFT: u64 = 1_000_000;
/// How many opportunities there are besides the sample, from which id, and from which day.
const SEEDED: usize = 60;
const FIRST_SEEDED: u64 = 600_001;
const FIRST_DAY: Date = jiff::civil::date(2024, 1, 1);
/// The customers besides the sample's.
const OTHERS: [(u64, &str); 4] =
    [(1, "示例客户"), (11, "示例客户二"), (12, "示例客户三"), (13, "示例客户四")];
const COMPANIONS: [&str; 4] = ["_mapped", "_display", "_i18n", "_hidden_result"];

/// One enterprise's opportunities, and the customers, users and departments that they name.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) choices: Choices,
    pub(crate) opportunities: BTreeMap<u64, Map<String, Value>>,
    pub(crate) customers: BTreeMap<u64, Value>,
    pub(crate) users: BTreeMap<u64, Value>,
    departments: BTreeMap<u64, Value>,
}

impl Store {
    /// The vendor's sample with made-up persons and places, the customer that its sample request
    /// names, and opportunities enough for several pages. `place` is the number of the enterprise:
    /// another has other ids.
    pub(crate) fn seeded(place: usize) -> Self {
        let shift = u64::try_from(place).unwrap_or_default() * SHIFT;
        let mut sample: Map<String, Value> = serde_json::from_str(SEED).unwrap_or_default();
        let customer = sample.get("customer").cloned().unwrap_or_default();
        let part = |name: &str| customer.get(name).cloned().unwrap_or_default();
        let (user, department) = (part("user"), part("owned_department"));
        sample.insert("id".to_owned(), json!(id_of(&sample) + shift));
        sample.insert("user".to_owned(), user.clone());
        sample.insert("created_at".to_owned(), json!("2019-02-14 09:30"));
        sample.insert("updated_at".to_owned(), json!("2019-02-14 09:30"));
        let customers = [customer].into_iter().chain(OTHERS.map(other_customer));
        let mut store = Self {
            choices: Choices::new(shift),
            opportunities: BTreeMap::new(),
            customers: customers.map(with_id).collect(),
            users: [user].into_iter().map(with_id).collect(),
            departments: [department].into_iter().map(with_id).collect(),
        };
        let stage = json!((SAMPLE_STAGE + shift).to_string());
        sample.insert("stage".to_owned(), stage);
        store.opportunities.insert(id_of(&sample), sample);
        for number in 0..SEEDED {
            let opportunity = store.example(number, shift);
            store.opportunities.insert(id_of(&opportunity), opportunity);
        }
        store
    }

    /// The opportunity that is seeded as this number.
    fn example(&self, number: usize, shift: u64) -> Map<String, Value> {
        let day = FIRST_DAY.saturating_add(i64::try_from(number).unwrap_or_default().days());
        let customer = OTHERS.get(number % OTHERS.len()).map(|(id, _)| id);
        let at = format!("{day} 10:00");
        let mut example = Map::new();
        let id = FIRST_SEEDED + shift + u64::try_from(number).unwrap_or_default();
        example.insert("id".to_owned(), json!(id));
        example.insert("created_at".to_owned(), json!(at));
        example.insert("updated_at".to_owned(), json!(at));
        let fields = json!({
            "title": format!("示例商机{:02}", number + 1),
            "customer_id": customer,
            "user_id": self.users.keys().next(),
            "expect_amount": format!("{}.0", 1000 * (number + 1)),
            "get_time": day.to_string(),
            "stage": self.choices.id_at("stage", number),
            "source": self.choices.id_at("source", number),
            "kind": self.choices.id_at("kind", number),
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            // Every value is one that the store knows.
            self.set(&mut example, name, value.clone()).ok();
        }
        example
    }

    /// `data` of the answer to `GET /api/v2/opportunities`.
    pub(crate) fn list(&self, query: &Query) -> Value {
        query.answer(self.opportunities.values())
    }

    /// `data` of the answer to `GET /api/v2/field_maps/opportunity`.
    pub(crate) fn field_map(&self) -> Value {
        self.choices.field_map()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Value> {
        self.opportunities.get(&id).cloned().map(Value::Object)
    }

    /// Applies the body of an update, all of it or, when a value is refused, nothing.
    pub(crate) fn update(&mut self, id: u64, body: &[u8]) -> Result<Value, Refusal> {
        let Some(known) = self.opportunities.get(&id) else { return Err(Refusal::NotFound) };
        let mut changed = known.clone();
        for (name, value) in fields(body)? {
            self.set(&mut changed, &name, value)?;
        }
        changed.insert("updated_at".to_owned(), json!(now_in_china()));
        self.opportunities.insert(id, changed.clone());
        Ok(Value::Object(changed))
    }

    pub(crate) fn set(
        &self,
        to: &mut Map<String, Value>,
        name: &str,
        value: Value,
    ) -> Result<(), Refusal> {
        let mut put = |name: &str, value: Value| to.insert(name.to_owned(), value);
        match name {
            "title" => put(name, required_text(name, value)?),
            "note" | "customer_requirement" | "name" | "approve_status" => {
                put(name, text(name, value)?)
            }
            "customer_id" if value.is_null() => return invalid("customer_id不能为空"),
            "customer_id" => put("customer", find(&self.customers, name, &value)?),
            "user_id" => put("user", find(&self.users, name, &value)?),
            "want_department_id" => put("department", find(&self.departments, name, &value)?),
            "expect_amount" => put(name, money(name, &value)?),
            "expect_sign_date" | "get_time" => put(name, date(name, value)?),
            "stage" | "source" | "kind" => put_option(put, name, &value, &self.choices)?,
            _ if is_custom(name) && choices::is_editable(name) => put(name, value),
            _ => return invalid(&format!("不能修改字段{name}")),
        };
        Ok(())
    }
}

/// Whether [`Store::set`] knows the field, custom ones and options aside.
pub(crate) fn is_settable(name: &str) -> bool {
    matches!(
        name,
        "title"
            | "note"
            | "customer_requirement"
            | "name"
            | "approve_status"
            | "customer_id"
            | "user_id"
            | "want_department_id"
            | "expect_amount"
            | "expect_sign_date"
            | "get_time"
    )
}

fn invalid<T>(message: &str) -> Result<T, Refusal> {
    Err(Refusal::Invalid(message.to_owned()))
}

/// The fields of `{"opportunity": {…}}`.
fn fields(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut body)) => match body.remove("opportunity") {
            Some(Value::Object(fields)) => Ok(fields),
            _ => invalid("缺少参数opportunity"),
        },
        _ => invalid("请求体不是JSON对象"),
    }
}

fn is_custom(name: &str) -> bool {
    let custom = name.contains("_asset_") || name.starts_with("file_asset");
    let companion = COMPANIONS.iter().any(|end| name.ends_with(end));
    (custom || name.starts_with("subform_")) && !companion
}

fn required_text(name: &str, value: Value) -> Result<Value, Refusal> {
    match &value {
        Value::String(text) if !text.trim().is_empty() => Ok(value),
        _ => invalid(&format!("{name}不能为空字符")),
    }
}

fn text(name: &str, value: Value) -> Result<Value, Refusal> {
    if value.is_string() || value.is_null() {
        return Ok(value);
    }
    invalid(&format!("{name}必须是文本"))
}

/// Money is served as decimal text with at least one decimal place.
fn money(name: &str, value: &Value) -> Result<Value, Refusal> {
    let text = match value {
        Value::Null => return Ok(Value::Null),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return invalid(&format!("{name}必须是数字")),
    };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && text.contains('.') => Ok(json!(text)),
        Ok(number) if number.is_finite() => Ok(json!(format!("{text}.0"))),
        _ => invalid(&format!("{name}必须是数字")),
    }
}

/// A missing date is served as `""`.
fn date(name: &str, value: Value) -> Result<Value, Refusal> {
    match &value {
        Value::Null => Ok(json!("")),
        Value::String(text) if text.len() == 10 && text.parse::<Date>().is_ok() => Ok(value),
        _ => invalid(&format!("{name}不是有效日期")),
    }
}

/// A missing choice is served as `""`, and so is its label.
fn put_option(
    mut put: impl FnMut(&str, Value) -> Option<Value>,
    name: &str,
    value: &Value,
    choices: &Choices,
) -> Result<Option<Value>, Refusal> {
    let id = match value {
        Value::Null => "",
        Value::String(id) => id,
        _ => return invalid(&format!("{name}必须是选项id")),
    };
    let label = match choices.find(name, id) {
        Some(Choice { label, enabled: true, .. }) => label,
        None if id.is_empty() => "",
        _ => return invalid(&format!("{name}没有选项{id}")),
    };
    put(&format!("{name}_mapped"), json!(label));
    Ok(put(name, json!(id)))
}

/// The object that an id names; a missing relation is served as `{}`.
fn find(known: &BTreeMap<u64, Value>, name: &str, id: &Value) -> Result<Value, Refusal> {
    if id.is_null() {
        return Ok(json!({}));
    }
    let found = id.as_u64().and_then(|id| known.get(&id));
    found.cloned().ok_or_else(|| Refusal::Invalid(format!("{name}不存在")))
}

fn id_of(object: &Map<String, Value>) -> u64 {
    object.get("id").and_then(Value::as_u64).unwrap_or_default()
}

fn with_id(object: Value) -> (u64, Value) {
    (object.as_object().map(id_of).unwrap_or_default(), object)
}

fn other_customer((id, name): (u64, &str)) -> Value {
    json!({"id": id, "name": name, "contacts": [], "user": {}, "address": {}})
}

pub(crate) fn now_in_china() -> String {
    let zone = tz::TimeZone::fixed(tz::offset(8));
    zone.to_datetime(Timestamp::now()).strftime("%Y-%m-%d %H:%M").to_string()
}
