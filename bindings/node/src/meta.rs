//! What a call cost as JSON text, under its names in JavaScript.

use std::fmt::Write;

use ikcrm::CallMeta;

use crate::events::milliseconds;

/// Written by hand, since every call has one. A header's name needs no escapes in JSON.
pub(crate) fn text(meta: &CallMeta) -> String {
    let CallMeta { call_id, attempts, elapsed, quota_wait, status, lookups, .. } = meta;
    let (elapsed, waited) = (milliseconds(*elapsed), milliseconds(*quota_wait));
    let status = status.map_or_else(|| "null".to_owned(), |status| status.to_string());
    let mut json = format!(
        r#"{{"callId":"{call_id}","attempts":{attempts},"elapsedMs":{elapsed},"quotaWaitMs":{waited},"status":{status},"lookups":{lookups},"headers":{{"#
    );
    let mut headers = meta.headers().peekable();
    while let Some((name, value)) = headers.next() {
        let mut value = value.to_owned();
        // The values of one name come one after the other.
        while let Some((_, another)) = headers.next_if(|(next, _)| *next == name) {
            value = format!("{value}, {another}");
        }
        let comma = if headers.peek().is_some() { "," } else { "" };
        write!(json, r#""{name}":{}{comma}"#, serde_json::Value::from(value)).ok();
    }
    json + "}}"
}
