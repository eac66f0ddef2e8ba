//! Checks a whole call before any byte is sent, and tells all its faults at once. Pure.

use std::borrow::Cow;

use super::fields::{self, FIELDS, Field, FieldKind};
use super::update::OpportunityUpdate;
use super::update_call::UPDATE_OPTIONS;
use crate::config::CALL_OPTIONS;
use crate::error::{Error, Fault, FieldError, FieldErrorCode as Code, fault, keep, spelt};
use crate::input::check::{
    Checks, Chosen, Fields, Wire, check_any, check_custom_value, check_date, check_decimal,
    check_id, check_option, check_text, fault_of_missing,
};
use crate::input::key::{base_of_read_only, custom_kind, is_read_only, is_word};
use crate::input::suggest::unknown_message;
use crate::input::{Value, name_twice};
use crate::response::{GIVE_RECORD, Opportunity, is_comparable};

/// A call as far as it can be checked without looking anything up.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    id: Option<i64>,
    pub(crate) fields: Fields<'a>,
    /// What is still to be looked up.
    pub(crate) labels: Vec<Label<'a>>,
    pub(crate) faults: Vec<FieldError>,
}

/// A label, and the place in the fields where what it stands for belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Label<'a> {
    Option { place: usize, field: &'a str, label: &'a str },
    Custom { place: usize, label: &'a str, value: &'a Value },
}

/// A call that may be sent.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) id: i64,
    pub(crate) fields: Fields<'a>,
}

/// Checks the id, every field given, and that the required ones are; `known` are faults that the
/// call's options have.
pub(crate) fn check_update<'a>(
    id: &Value,
    update: &'a OpportunityUpdate,
    known: &[FieldError],
) -> Draft<'a> {
    let mut faults = Vec::new();
    let id = keep(check_id(id), "id", &mut faults);
    let fields = Fields(Vec::with_capacity(update.fields.len() + update.custom.len()));
    let mut draft = Draft { id, fields, labels: Vec::new(), faults };
    for (name, value) in &update.fields {
        draft.field(name, value);
    }
    for (key, value) in &update.custom {
        draft.custom(key, value);
    }
    if let Some(key) = name_twice(&update.custom) {
        let message = "is given twice; give one value";
        draft.faults.push(FieldError::new(format!("custom.{key}"), Code::Conflict, message));
    }
    if !known.iter().any(|fault| fault.field == "fields") {
        draft.faults.extend(missing(update));
    }
    draft.faults.extend(update.if_unchanged.as_ref().and_then(|given| fault_of_record(id, given)));
    draft.faults.extend_from_slice(known);
    draft
}

/// Checks the id of an opportunity to read.
pub(crate) fn check_opportunity_id(id: &Value, known: &[FieldError]) -> Result<i64, Error> {
    alone("id", check_id(id), known)
}

/// Checks the name of an entity, which becomes a part of a URL.
pub(crate) fn check_entity(entity: &Value, known: &[FieldError]) -> Result<String, Error> {
    alone("entity", check_word(entity), known)
}

/// The only value of a call, unless it or one of the call's options is wrong.
fn alone<T>(name: &str, check: Result<T, Fault>, known: &[FieldError]) -> Result<T, Error> {
    let mut faults = Vec::new();
    let checked = keep(check, name, &mut faults);
    faults.extend_from_slice(known);
    match checked {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(Error::Validation { fields: faults }),
    }
}

fn check_word(entity: &Value) -> Result<String, Fault> {
    match entity {
        Value::Text(name) if is_word(name) => Ok(name.clone()),
        _ => fault(
            Code::Format,
            format!("must be the name of an entity such as opportunity, got {}", entity.describe()),
        ),
    }
}

impl Checked<'_> {
    /// Whether a required field is missing, which may be filled from the opportunity.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.missing().next().is_some()
    }

    /// Fills the required fields that are missing from the opportunity as it is now.
    pub(crate) fn fill(&mut self, current: &Opportunity) -> Result<(), Error> {
        let mut faults = Vec::new();
        for field in self.missing().collect::<Vec<_>>() {
            match present(field.name, current)? {
                Some(wire) => self.fields.0.push((field.name.into(), wire)),
                None => faults.push(FieldError::new(
                    field.name,
                    Code::Required,
                    "the opportunity has no value to fill in; give one",
                )),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Validation { fields: faults }) }
    }

    fn missing(&self) -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(|field| field.required && !self.fields.has(field.name))
    }
}

/// What an opportunity has for a required field, by the field's name.
fn present(field: &str, current: &Opportunity) -> Result<Option<Wire<'static>>, Error> {
    match field {
        "title" => {
            let title = current.title()?.filter(|title| !title.trim().is_empty());
            Ok(title.map(|title| Wire::Text(title.into())))
        }
        "customer_id" => {
            let customer = current.customer()?.map(|customer| customer.id()).transpose()?;
            Ok(customer.flatten().and_then(|id| i64::try_from(id).ok()).map(Wire::Integer))
        }
        _ => Ok(None), // a field that nobody said how to read is to be given
    }
}

impl<'a> Draft<'a> {
    /// The id, if it is one.
    #[cfg(feature = "jobs")]
    pub(crate) fn id(&self) -> Option<i64> {
        self.id
    }

    /// The draft, unless it is known already to be wrong, and no look-up may tell more.
    pub(crate) fn or_faults(self) -> Result<Self, Error> {
        let known = self.labels.is_empty() && !self.faults.is_empty();
        if known { Err(Error::Validation { fields: self.faults }) } else { Ok(self) }
    }

    /// The call, or all its faults.
    pub(crate) fn finish(self) -> Result<Checked<'a>, Error> {
        match self.id {
            Some(id) if self.faults.is_empty() => Ok(Checked { id, fields: self.fields }),
            _ => Err(Error::Validation { fields: self.faults }),
        }
    }

    fn field(&mut self, name: &'a str, value: &'a Value) {
        let place = self.fields.0.len();
        match check_field(name, value) {
            Ok(Found::Value(wire)) => self.fields.0.push((name.into(), wire)),
            Ok(Found::Label(label)) => {
                self.fields.0.push((name.into(), Wire::Null));
                self.labels.push(Label::Option { place, field: name, label });
            }
            Err(Fault(code, message)) => self.faults.push(FieldError::new(name, code, message)),
        }
    }

    fn custom(&mut self, key: &'a str, value: &'a Value) {
        let place = self.fields.0.len();
        if is_label(key) {
            // What no field takes needs no look-up.
            if let Value::Other(_) | Value::List(_) | Value::Map(_) = value
                && let Err(fault) = check_any(value)
            {
                self.faults.push(fault.of(format!("custom.{key}")));
                return;
            }
            self.fields.0.push((key.into(), Wire::Null));
            self.labels.push(Label::Custom { place, label: key.trim(), value });
            return;
        }
        let wire = keep(check_custom(key, value), &format!("custom.{key}"), &mut self.faults);
        self.fields.0.extend(wire.map(|wire| (Cow::Borrowed(key), wire)));
    }
}

/// The faults of what was not given.
fn missing(update: &OpportunityUpdate) -> Vec<FieldError> {
    if update.partial || update.fill {
        let empty = update.fields.is_empty() && update.custom.is_empty();
        let message = "nothing to change; give at least one field";
        return empty
            .then(|| FieldError::new("fields", Code::Empty, message))
            .into_iter()
            .collect();
    }
    FIELDS
        .iter()
        .filter(|field| field.required && !update.fields.iter().any(|(name, _)| name == field.name))
        .map(|field| {
            let message = "the CRM requires it; give it, or set fill to keep its present value, or \
                           partial to update without it";
            FieldError::new(field.name, Code::Required, message)
        })
        .collect()
}

/// The fault of a record with which nothing can be compared, or that is another one than the call's.
fn fault_of_record(id: Option<i64>, given: &Opportunity) -> Option<FieldError> {
    let fault = |code, message: String| Some(FieldError::new(spelt("if_unchanged"), code, message));
    let Some(given_id) = given.id().ok().flatten().and_then(|id| i64::try_from(id).ok()) else {
        return fault(Code::Type, format!("has no id; {GIVE_RECORD}"));
    };
    if !given.keys().any(is_comparable) {
        return fault(Code::Empty, format!("has nothing to compare besides its id; {GIVE_RECORD}"));
    }
    let id = id.filter(|id| *id != given_id)?;
    fault(Code::Conflict, format!("is the opportunity {given_id}, but the call updates {id}"))
}

/// What a field is given.
enum Found<'a> {
    Value(Wire<'a>),
    Label(&'a str),
}

fn check_field<'a>(name: &str, value: &'a Value) -> Result<Found<'a>, Fault> {
    let Some(field) = fields::find(name) else { return fault_of_unknown(name, value) };
    if *value == Value::Null {
        return check_null(field).map(Found::Value);
    }
    if field.required && value.missing().is_some() {
        let message = "is a missing value; leave the field out and set fill to keep it as it is";
        return fault(Code::Type, message);
    }
    if field.kind != FieldKind::Money {
        fault_of_missing(Code::Type, value)?;
    }
    let wire = match field.kind {
        FieldKind::Id => check_id(value).map(Wire::Integer),
        FieldKind::Text => check_text(value, field.required),
        FieldKind::Money => check_decimal(value).map(|text| Wire::Text(text.into())),
        FieldKind::Option => match check_option(value)? {
            Chosen::Id(id) => Ok(Wire::Text(id.to_string().into())),
            Chosen::Label(label) => return Ok(Found::Label(label)),
        },
        FieldKind::Date => check_date(value),
    };
    wire.map(Found::Value)
}

fn check_null(field: &Field) -> Checks<'static> {
    if field.required {
        let null = spelt("null");
        let message =
            format!("must not be {null}; leave it out and set fill or partial to keep it as it is");
        return fault(Code::Null, message);
    }
    Ok(Wire::Null)
}

fn fault_of_unknown<T>(name: &str, value: &Value) -> Result<T, Fault> {
    if name == "custom" {
        let got = value.describe();
        return fault(
            Code::Type,
            format!(
                "give the custom fields as names and values, such as text_asset_8b1eeedd; got {got}"
            ),
        );
    }
    if is_read_only(name) {
        return fault_of_read_only(name);
    }
    if custom_kind(name).is_some() {
        return fault(Code::Unknown, "is a custom field; give it in custom");
    }
    let mut options = CALL_OPTIONS.iter().chain(UPDATE_OPTIONS);
    if options.any(|option| spelt(option) == name) {
        return fault(
            Code::Unknown,
            "is an option of the call, not a field; give it with the options",
        );
    }
    let known = FIELDS.iter().map(|field| field.name).chain(["custom"]);
    fault(Code::Unknown, unknown_message("field", name, known))
}

fn fault_of_read_only<T>(name: &str) -> Result<T, Fault> {
    let base = base_of_read_only(name).unwrap_or(name);
    fault(Code::ReadOnly, format!("the CRM computes it, so it cannot be set; set {base} instead"))
}

/// Whether a name among the custom fields is a label: no key looks like it, not even a misspelt one.
fn is_label(name: &str) -> bool {
    let is_key = custom_kind(name).is_some() || is_read_only(name);
    !is_key && !is_word(name) && !name.trim().is_empty()
}

fn check_custom<'a>(key: &str, value: &'a Value) -> Checks<'a> {
    if is_read_only(key) {
        return fault_of_read_only(key);
    }
    let Some(kind) = custom_kind(key) else {
        return fault_of_custom_key(key);
    };
    check_custom_value(kind, value)
}

fn fault_of_custom_key<T>(key: &str) -> Result<T, Fault> {
    if fields::find(key).is_some() {
        return fault(Code::Unknown, "is not a custom field; give it next to custom, not in it");
    }
    fault(
        Code::Unknown,
        "is not the key of a custom field; keys look like text_asset_8b1eeedd, \
         numeric_asset_…, user_field_asset_…, file_asset_… or subform_… (a label that is one \
         lower-case ASCII word looks like a key: give its key instead)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{OPPORTUNITY, Record};

    #[test]
    fn a_name_may_not_stand_twice_in_what_is_given_as_one() {
        let twice =
            |value: Value| Value::Map(vec![("a".to_owned(), 1.into()), ("a".to_owned(), value)]);
        let inner = Value::Map(vec![("标签".to_owned(), vec![twice(2.into())].into())]);
        for given in [twice(2.into()), twice(1.into()), inner] {
            let update = OpportunityUpdate::new().title("t").customer_id(1).set("custom", given);
            let draft = check_update(&1.into(), &update, &[]);
            let faults: Vec<_> = draft.faults.iter().map(|fault| fault.code).collect();
            assert!(faults.contains(&Code::Conflict), "{:?}", draft.faults);
        }
        let again = OpportunityUpdate::new()
            .custom("a", 1)
            .custom("a", 2)
            .set("custom", Value::Map(vec![("a".to_owned(), 3.into())]));
        assert_eq!(again.custom, [("a".to_owned(), 3.into())], "set anew is no repetition");
    }

    #[test]
    fn a_field_is_filled_with_its_own_value_only() {
        let text = r#"{"id": 1, "title": "t", "customer": {"id": 5}}"#;
        let current = Opportunity::from(Record::parse(&OPPORTUNITY, text).unwrap());
        for field in FIELDS {
            let filled = match present(field.name, &current).unwrap() {
                Some(Wire::Text(text)) => format!("text {text}"),
                Some(Wire::Integer(id)) => format!("id {id}"),
                _ => "nothing".to_owned(),
            };
            let expected = match field.name {
                "title" => "text t",
                "customer_id" => "id 5",
                _ => "nothing",
            };
            assert_eq!(filled, expected, "{}", field.name);
        }
    }
}
