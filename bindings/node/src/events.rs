//! Events of a call as JSON text, under their names in JavaScript.

use std::time::Duration;

use ikcrm::Event;
use ikcrm::contract::Fact;
use serde_json::{Map, Value};

/// A list of objects.
pub(crate) fn json(events: &[Event]) -> String {
    let events: Value = events.iter().map(object).collect();
    events.to_string()
}

fn object(event: &Event) -> Value {
    let facts = event.facts().into_iter().filter_map(|(name, fact)| {
        let (suffix, value) = match fact {
            Fact::Number(number) => ("", number.into()),
            Fact::Text(text) => ("", text.into()),
            Fact::Truth(truth) => ("", truth.into()),
            Fact::Time(time) => ("Ms", milliseconds(time).into()),
            Fact::None => return None,
        };
        Some((format!("{}{suffix}", camel(name)), value))
    });
    let name = ("name".to_owned(), event.name().into());
    Value::Object(std::iter::once(name).chain(facts).collect::<Map<_, _>>())
}

/// To the microsecond, so that no noise of a binary fraction is printed.
#[expect(clippy::cast_precision_loss, reason = "what is large enough to lose took 285 years")]
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (initial, rest) = part.split_at(part.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}
