//! What a call cost as JSON text, under its names in JavaScript.

use ikcrm::CallMeta;
use serde_json::{Map, Value, json};

use crate::events::milliseconds;

pub(crate) fn text(meta: &CallMeta) -> String {
    let CallMeta { call_id, attempts, elapsed, quota_wait, status, lookups, .. } = meta;
    let mut headers = Map::new();
    for (name, value) in meta.headers() {
        let value = match headers.get(name).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value.to_owned(),
        };
        headers.insert(name.to_owned(), value.into());
    }
    json!({
        "callId": call_id.to_string(),
        "attempts": attempts,
        "elapsedMs": milliseconds(*elapsed),
        "quotaWaitMs": milliseconds(*quota_wait),
        "status": status,
        "lookups": lookups,
        "headers": headers,
    })
    .to_string()
}
