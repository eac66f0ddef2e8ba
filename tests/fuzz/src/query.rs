//! Queries: what passes the checks stands in the URL as it was given.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use http::Uri;
use ikcrm::contract::QUERY_PARTS;
use ikcrm::{Decimal, OpportunityQuery, Value, fuzz};

use crate::values::{text, value};

pub(crate) fn run(data: &[u8]) {
    check(&mut Unstructured::new(data)).ok();
}

fn check(input: &mut Unstructured<'_>) -> Result<()> {
    let page: u32 = input.arbitrary()?;
    let mut given = BTreeMap::from([("page", page.to_string()), ("per_page", "100".to_owned())]);
    let mut query = OpportunityQuery::new();
    for _ in 0..input.int_in_range(0..=6_u8)? {
        let (name, value) = part(input)?;
        match as_text(&value) {
            Some(text) => given.insert(name, text),
            None if name == "per_page" => given.insert(name, "100".to_owned()),
            None => given.remove(name),
        };
        query = query.set(name, value);
    }
    if let Some(path) = fuzz::list(&query, page) {
        let uri: Uri = path.parse().unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert_eq!(uri.path(), "/api/v2/opportunities");
        assert_eq!(sent(uri.query().unwrap_or_default()), given);
    }
    Ok(())
}

fn part(input: &mut Unstructured<'_>) -> Result<(&'static str, Value)> {
    let name = *input.choose(QUERY_PARTS)?;
    let words = ["asc", "desc", "created_at", "updated_at"];
    let value = match input.int_in_range(0..=3_u8)? {
        0 => value(input)?,
        1 => (*input.choose(&words)?).into(),
        2 => Value::List(vec![value(input)?, value(input)?]),
        _ => text(input)?.into(),
    };
    Ok((name, value))
}

/// What the URL must say; nothing for what takes a part away.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Number(number) => Some(whole(number)),
        Value::Text(text) => Some(text.clone()),
        Value::Date(date) => Some(date.to_string()),
        Value::List(days) => Some(days.iter().filter_map(as_text).collect::<Vec<_>>().join(" to ")),
        other => Some(format!("never sent: {other:?}")),
    }
}

/// The digits of a whole number, however it is written.
fn whole(number: &str) -> String {
    let decimal = Decimal::from_scientific(number).or_else(|_| number.parse::<Decimal>());
    decimal.map_or_else(|_| number.to_owned(), |decimal| decimal.normalize().to_string())
}

/// Names and values of a URL's query.
fn sent(query: &str) -> BTreeMap<&'static str, String> {
    let mut parts = BTreeMap::<_, String>::new();
    for part in query.split('&') {
        let (name, value) = part.split_once('=').expect("a name and a value");
        let name = if name == "created_at%5B%5D" { "created_between" } else { name };
        let known = QUERY_PARTS.iter().copied().chain(["page"]).find(|known| *known == name);
        let known = known.unwrap_or_else(|| panic!("{name} in {query}"));
        let value = decoded(value);
        let text = parts.remove(known).map_or(value.clone(), |first| format!("{first} to {value}"));
        parts.insert(known, text);
    }
    parts
}

/// The text that stands percent-encoded in a URL.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("two hexadecimal digits"));
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}
