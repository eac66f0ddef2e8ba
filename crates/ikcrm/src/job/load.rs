//! Turns a given row into a row of the job: checked, with ids in the place of labels. Pure, but for
//! the look-up of custom fields.

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::input::{Cell, RowInput};
use super::options::{AsOf, Empty, PlanOptions};
use super::row::{FieldPlan, Row, RowState};
use crate::error::{Error, Fault, FieldError, FieldErrorCode as Code};
use crate::input::Value;
use crate::input::check::parse_date;
use crate::input::key::{custom_kind, is_word};
use crate::request::{
    CustomFields, Draft, FIELDS, FieldKind, Label, OpportunityUpdate, check_update,
};
use crate::response::FieldMap;

/// What tells a row from others: a part of its SHA-256.
pub(super) type Print = [u8; 16];

/// What a row is made of.
struct Sorted {
    id: Value,
    key: Option<String>,
    as_of: Option<String>,
    update: OpportunityUpdate,
    rest: Map<String, Json>,
    faults: Vec<FieldError>,
    is_empty: bool,
}

/// Where labels are looked up.
pub(super) struct Maps<'a> {
    pub(super) fields: &'a FieldMap,
    pub(super) custom: &'a mut dyn FnMut() -> Result<CustomFields, Error>,
}

/// The row that was given at this place, and what tells it from others. Without maps labels stay.
pub(super) fn load(
    number: i64,
    input: &RowInput,
    options: &PlanOptions<'_>,
    maps: Option<&mut Maps<'_>>,
) -> Result<(Row, Print), Error> {
    let sorted = sort(input, options);
    let mut row = Row::new(number);
    (row.key, row.as_of) = (sorted.key.clone(), sorted.as_of.clone());
    row.given = (!sorted.rest.is_empty()).then(|| Json::Object(sorted.rest.clone()).to_string());
    let mut draft = check_update(&sorted.id, &sorted.update, &[]);
    row.id = draft.id();
    if sorted.is_empty {
        draft.faults.retain(|fault| fault.code != Code::Empty);
    }
    if sorted.faults.iter().any(|fault| fault.field == "id") {
        draft.faults.retain(|fault| fault.field != "id");
    }
    draft.faults.extend(sorted.faults);
    let print = print(&row, &draft, input);
    let labels = label_texts(&draft);
    if let Some(maps) = maps {
        resolve(&mut draft, maps)?;
        check_disabled(&mut draft, maps.fields);
    }
    if draft.faults.is_empty() && sorted.is_empty {
        row.become_state(RowState::Unchanged, "nothing to change", "the row changes nothing");
        row.cause = None;
    } else if draft.faults.is_empty() {
        row.fields = plans(&draft, &labels, input);
    } else {
        refuse(&mut row, &draft.faults, input, options);
    }
    Ok((row, print))
}

/// Whether the row's id is known to be wrong already.
fn has_bad_id(input: &RowInput) -> bool {
    input.faults.iter().any(|fault| fault.field == "id")
}

/// Puts each cell where it belongs.
fn sort(input: &RowInput, options: &PlanOptions<'_>) -> Sorted {
    let mut sorted = Sorted {
        id: input.id.clone().unwrap_or(Value::Null),
        key: None,
        as_of: None,
        update: OpportunityUpdate::new().partial(true),
        rest: Map::new(),
        faults: input.faults.clone(),
        is_empty: true,
    };
    if let Some(AsOf::Time(time)) = options.as_of {
        sorted.as_of = Some(minutes(time));
    }
    for (name, cell) in &input.cells {
        sorted.cell(name, cell, options);
    }
    if sorted.id == Value::Null && !has_bad_id(input) {
        let message = format!("the column {:?} has no id in this row; give one", options.id);
        sorted.faults.push(FieldError::new("id", Code::Required, message));
    }
    sorted
}

impl Sorted {
    fn cell(&mut self, name: &str, cell: &Cell, options: &PlanOptions<'_>) {
        let mut other = true;
        if name == options.id {
            other = false;
            self.id = if let (Cell::Value(value), false) = (cell, cell.is_empty()) {
                value.clone()
            } else {
                Value::Null
            };
        }
        if options.key.as_deref() == Some(name) {
            other = false;
            self.key = (!cell.is_empty()).then(|| shown(cell));
        }
        if options.as_of == Some(AsOf::Column(name.to_owned())) {
            other = false;
            self.time(name, cell);
        }
        let field = match &options.columns {
            Some(columns) => columns.iter().find(|(column, _)| column == name).map(|(_, f)| &**f),
            None if other => Some(name),
            None => None,
        };
        match field {
            Some(field) => self.field(field, cell, options.empty_in(name)),
            None if other => drop(self.rest.insert(name.to_owned(), given(cell))),
            None => {}
        }
    }

    fn time(&mut self, name: &str, cell: &Cell) {
        if cell.is_empty() {
            return;
        }
        let text = shown(cell);
        match moment(&text) {
            Some(time) => self.as_of = Some(time),
            None => self.faults.push(FieldError::new(
                name,
                Code::Format,
                format!("must be a time as YYYY-MM-DD HH:MM, got {text:?}"),
            )),
        }
    }

    fn field(&mut self, field: &str, cell: &Cell, empty: Empty) {
        if let ("custom", Cell::Value(Value::Map(entries))) = (field, cell) {
            for (key, value) in entries {
                self.field(key, &Cell::Value(value.clone()), empty);
            }
            return;
        }
        let value = match cell {
            Cell::Clear => Value::Null,
            cell if !cell.is_empty() => value_of(cell),
            _ if empty == Empty::Clear => Value::Null,
            _ => return,
        };
        self.is_empty = false;
        let update = std::mem::take(&mut self.update);
        let is_known = FIELDS.iter().any(|known| known.name == field);
        let is_custom = custom_kind(field).is_some() || !is_word(field);
        self.update = if is_custom && !is_known {
            update.custom(field, value)
        } else {
            update.set(field.to_owned(), value)
        };
    }
}

fn value_of(cell: &Cell) -> Value {
    if let Cell::Value(value) = cell { value.clone() } else { Value::Null }
}

/// The texts of the labels in a draft, with their places.
fn label_texts(draft: &Draft<'_>) -> Vec<(usize, String)> {
    let labels = draft.labels.iter().filter_map(|label| match label {
        Label::Option { place, label, .. } => Some((*place, (*label).to_owned())),
        Label::Custom { .. } => None,
    });
    labels.collect()
}

/// Puts ids and keys where labels are.
fn resolve(draft: &mut Draft<'_>, maps: &mut Maps<'_>) -> Result<(), Error> {
    for label in std::mem::take(&mut draft.labels) {
        match label {
            Label::Option { place, field, label } => {
                draft.set_option(place, field, label, maps.fields);
            }
            Label::Custom { place, label, value } => {
                draft.set_custom(place, (label, value), &(maps.custom)()?);
            }
        }
    }
    Ok(())
}

/// An option that was given by its id may be disabled.
fn check_disabled(draft: &mut Draft<'_>, map: &FieldMap) {
    let fields = FIELDS.iter().filter(|field| field.kind == FieldKind::Option);
    let disabled = fields.filter_map(|field| {
        let id = draft.fields.0.iter().find(|(name, _)| name == field.name)?.1.text()?;
        let option = map.field(field.name)?.options.iter().find(|option| option.id == id)?;
        let message = format!("the option {id} ({}) is disabled in the CRM", option.label);
        (!option.enabled).then(|| FieldError::new(field.name, Code::Disabled, message))
    });
    let disabled: Vec<_> = disabled.collect();
    draft.faults.extend(disabled);
}

fn plans(draft: &Draft<'_>, labels: &[(usize, String)], input: &RowInput) -> Vec<FieldPlan> {
    let expected = |name: &str| {
        let found = input.expected.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let plan = |(place, (name, wire)): (usize, &(std::borrow::Cow<'_, str>, _))| FieldPlan {
        field: name.clone().into_owned(),
        before: expected(name),
        after: serde_json::value::to_raw_value(wire).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        label: labels.iter().find(|(known, _)| *known == place).map(|(_, label)| label.clone()),
        done: false,
    };
    draft.fields.0.iter().enumerate().map(plan).collect()
}

/// Makes the row invalid, for all its faults.
fn refuse(row: &mut Row, faults: &[FieldError], input: &RowInput, options: &PlanOptions<'_>) {
    let cause = faults.first().map(|fault| format!("{}: {}", fault.field, fault.code));
    let message = |fault: &FieldError| match place_of(fault, input, options) {
        Some(place) => format!("{place}: {fault}"),
        None => fault.to_string(),
    };
    let messages: Vec<_> = faults.iter().map(message).collect();
    row.become_state(RowState::Invalid, cause.unwrap_or_default(), messages.join("; "));
    row.given = Some(all_given(input).to_string());
}

/// Where the fault's cell stands in its sheet, or its row.
fn place_of(fault: &FieldError, input: &RowInput, options: &PlanOptions<'_>) -> Option<String> {
    let place = input.place.as_ref()?;
    let field = fault.field.strip_prefix("custom.").unwrap_or(&fault.field);
    let columns = options.columns.iter().flatten();
    let column = columns.filter(|(_, known)| known == field).map(|(column, _)| column);
    let id = (field == "id").then_some(&options.id);
    let column = column.chain(id).next().map_or(field, |column| column);
    let found = input.cells.iter().position(|(name, _)| **name == *column);
    Some(found.map_or_else(|| format!("{}!{}", place.sheet, place.row), |found| place.of(found)))
}

/// The row as it was given, for the job's result.
pub(super) fn source(input: &RowInput) -> Vec<Json> {
    let id = input.id.iter().map(json_of);
    let cells = || id.chain(input.cells.iter().map(|(_, cell)| source_of(cell))).collect();
    input.original.clone().unwrap_or_else(cells)
}

/// A cell in the result: dates stay dates there.
fn source_of(cell: &Cell) -> Json {
    match cell {
        Cell::Value(Value::Date(date)) => json!({"date": date.to_string()}),
        cell => given(cell),
    }
}

fn all_given(input: &RowInput) -> Json {
    let id = input.id.iter().map(|id| ("id".to_owned(), json_of(id)));
    id.chain(input.cells.iter().map(|(name, cell)| (name.to_string(), given(cell)))).collect()
}

/// What tells a row from others: its key or id and its checked values, or, when they are wrong, what
/// was given.
fn print(row: &Row, draft: &Draft<'_>, input: &RowInput) -> Print {
    let name = row.key.clone().or(row.id.map(|id| id.to_string())).unwrap_or_default();
    let content = if draft.faults.is_empty() {
        let mut values: Vec<_> = draft.fields.0.iter().map(text_of).collect();
        values.extend(draft.labels.iter().map(|label| match label {
            Label::Option { field, label, .. } => text_of(&(field, json!({"label": label}))),
            Label::Custom { label, value, .. } => {
                text_of(&(json!({"label": label}), json_of(value)))
            }
        }));
        values.sort_unstable();
        format!("[{},{},[{}]]", text_of(&name), text_of(&row.as_of), values.join(","))
    } else {
        json!([name, "invalid", all_given(input)]).to_string()
    };
    let hash = digest(&SHA256, content.as_bytes());
    let mut print = Print::default();
    print.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    print
}

/// A value as JSON, digit by digit as it is.
fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What tells a set of rows from others.
pub(super) fn print_of(mut prints: Vec<Print>) -> String {
    prints.sort_unstable();
    prints.dedup();
    let hash = digest(&SHA256, prints.as_flattened());
    hash.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A cell as text, for a key or a time.
fn shown(cell: &Cell) -> String {
    match given(cell) {
        Json::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

fn given(cell: &Cell) -> Json {
    match cell {
        Cell::Value(value) => json_of(value),
        Cell::Clear => json!({"clear": true}),
    }
}

pub(crate) fn json_of(value: &Value) -> Json {
    match value {
        Value::Null | Value::Missing { .. } => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Float(value) if value.is_nan() => Json::Null,
        Value::Float(value) | Value::Milliseconds(value) => json!(value),
        Value::Number(text) | Value::Text(text) | Value::DateTime(text) | Value::Other(text) => {
            json!(text)
        }
        Value::Date(date) => json!(date.to_string()),
        Value::List(values) => values.iter().map(json_of).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), json_of(value))).collect()
        }
    }
}

/// A time as the CRM writes it, to the minute.
fn minutes(time: jiff::civil::DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The time of a text, as the CRM writes it: a date, perhaps with hours and minutes.
pub(super) fn moment(text: &str) -> Option<String> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let date = parse_date(date)?;
    let (hour, rest) = time.split_once(':')?;
    let minute = rest.get(..2).unwrap_or(rest);
    let time = jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    Some(minutes(date.to_datetime(time)))
}

/// What is wrong with an option since it was planned: its label means another id now, or it is
/// disabled. `label` is blank when the id was given.
pub(super) fn fault_of_choice(
    map: &FieldMap,
    (field, id, label): (&str, &str, &str),
) -> Option<Fault> {
    let options = &map.field(field)?.options;
    let option = options.iter().find(|option| option.id == id);
    match option {
        Some(option) if !option.enabled => {
            let message = format!("the option {id} ({}) is now disabled in the CRM", option.label);
            Some(Fault(Code::Disabled, message))
        }
        _ if label.is_empty() => None,
        Some(option) if option.label == label => None,
        _ => {
            let message = format!("{label} no longer means the option {id}; plan the rows again");
            Some(Fault(Code::Changed, message))
        }
    }
}
