//! Answers: whatever comes ends as a value that is what came, or as an error of that status; JSON is
//! what `serde_json` takes for it.

use std::collections::BTreeSet;

use ikcrm::contract::Typed;
use ikcrm::{Decimal, Error, Opportunity, Record, fuzz};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::json::{Object, object, raw, unquoted};

const STATUSES: [u16; 8] = [200, 201, 302, 401, 404, 429, 500, 503];

pub(crate) fn run(data: &[u8]) {
    let Some((&[kind, status], body)) = data.split_first_chunk() else { return };
    if let Ok(text) = std::str::from_utf8(body) {
        let is_json = serde_json::from_str::<&RawValue>(text).is_ok();
        assert_eq!(fuzz::is_json(text), is_json);
    }
    let status = STATUSES.get(usize::from(status)).copied().unwrap_or(200);
    let failed = match kind % 5 {
        0 => fuzz::opportunity(status, body).map(|found| check_opportunity(body, &found)).err(),
        1 => fuzz::page(status, body).map(|page| check_page(body, &page.rows)).err(),
        2 => fuzz::field_map(status, body, "opportunity").map(|map| check_map(body, &map)).err(),
        3 => fuzz::custom_fields(status, body, &"12".into()).map(drop).err(),
        _ => fuzz::signed_in(status, body).map_err(not_shown).err(),
    };
    if let Some(error) = failed {
        assert_eq!(error.status(), Some(status), "{error}");
        assert!(!error.to_string().is_empty());
    }
}

/// The text of `data` in an answer that tells success, as far as `serde_json` reads its keys.
fn data(body: &[u8]) -> Option<&str> {
    let answer = object(std::str::from_utf8(body).expect("UTF-8"))?;
    let code: Json = serde_json::from_str(raw(&answer, "code")).expect("a code");
    let is_zero = match &code {
        Json::String(digits) => digits.parse() == Ok(0),
        number => number.as_i64() == Some(0),
    };
    assert!(is_zero, "{code} is no success");
    Some(raw(&answer, "data"))
}

fn check_opportunity(body: &[u8], opportunity: &Opportunity) {
    assert_eq!(opportunity.raw(), data(body).unwrap_or(opportunity.raw()));
    // The one that was asked for, as far as the answer tells.
    assert!(matches!(opportunity.id(), Ok(None | Some(1))));
    check_record(opportunity);
    let again = Opportunity::from_json(opportunity.raw()).expect("its own text");
    assert_eq!(again.raw(), opportunity.raw());
    check_record(&again);
}

fn check_page(body: &[u8], rows: &[impl std::ops::Deref<Target = Record>]) {
    if let Some(page) = data(body).and_then(object) {
        let expected: Vec<&RawValue> =
            serde_json::from_str(raw(&page, "opportunities")).expect("a list");
        assert!(rows.iter().map(|row| row.raw()).eq(expected.iter().map(|row| row.get())));
    }
    for row in rows {
        check_record(row);
    }
}

fn check_map(body: &[u8], map: &ikcrm::FieldMap) {
    assert_eq!(map.raw(), data(body).unwrap_or(map.raw()));
    let options = map.fields().iter().flat_map(|field| &field.options);
    assert!(options.into_iter().all(|option| !option.id.is_empty()));
    for field in map.fields() {
        for option in &field.options {
            // Whatever the labels are, what is found has the label that was asked for.
            if let Ok(id) = map.id(&field.name, &option.label) {
                assert!(!id.is_empty());
            }
        }
    }
}

/// Every key is there with the text that came, and every typed attribute can be read.
fn check_record(record: &Record) {
    match object(record.raw()) {
        Some(expected) => check_keys(record, &expected),
        // Half a character in a key: serde_json reads none of them.
        None => assert!(record.keys().next().is_some()),
    }
    for (key, kind) in record.shape().fields {
        match record.read(key, *kind) {
            Ok(typed) => check_typed(record.get_raw(key), typed),
            Err(error) => assert_eq!(error.code(), "invalid_answer"),
        }
    }
}

fn check_keys(record: &Record, expected: &Object<'_>) {
    let keys: BTreeSet<&str> = record.keys().collect();
    assert!(keys.into_iter().eq(expected.keys().map(String::as_str)));
    for (key, value) in expected {
        assert_eq!(record.get_raw(key), Some(value.get()));
    }
}

fn check_typed(raw: Option<&str>, typed: Typed<'_>) {
    let text = raw.map(unquoted).unwrap_or_default();
    match typed {
        Typed::Nothing => {}
        Typed::Id(id) => assert_eq!(text.parse(), Ok(id)),
        Typed::Text(read) => assert_eq!(read, text),
        Typed::Bool(read) => assert_eq!(read.to_string(), text),
        Typed::Date(date) => assert_eq!(date.to_string(), text),
        Typed::DateTime(at) => assert!(text.starts_with(&at.date().to_string())),
        Typed::Number(number) => assert!(number.is_finite()),
        Typed::Decimal(amount) => check_amount(&text, amount),
        Typed::Record(record) => {
            assert_eq!(Some(record.raw()), raw);
            check_record(&record);
        }
        Typed::Records(records) => records.iter().for_each(check_record),
    }
}

/// Money is what came, to the last digit.
fn check_amount(text: &str, amount: Decimal) {
    if !text.contains(['e', 'E']) {
        assert_eq!(Decimal::from_str_exact(text), Ok(amount), "{text}");
    }
}

/// An error of a sign-in that the CRM did not word itself shows nothing of the answer.
fn not_shown(error: Error) -> Error {
    let excerpt = error.body_excerpt().unwrap_or_default();
    assert!(
        error.api_code().is_some() || ["", "Retry later"].contains(&excerpt.trim()),
        "{excerpt}"
    );
    error
}
