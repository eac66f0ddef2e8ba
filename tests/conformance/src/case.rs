//! The form of a case; `tests/README.md` explains it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// One vector: a call, the exchanges it may have, and how it must end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence that states the behaviour.
    pub id: String,
    /// Why it must be so.
    pub why: String,
    /// Client options besides the runner's token and base URL; null takes one of these away.
    #[serde(default)]
    pub client: Map<String, Value>,
    /// The token store that the client has.
    pub store: Option<Store>,
    /// The call.
    pub call: Call,
    /// How often the call is made on one client; the outcome is the last one's.
    #[serde(default = "once")]
    pub times: usize,
    /// Whether anybody listens.
    #[serde(default)]
    pub server: ListensAs,
    /// Whether TLS is spoken, and with which certificate.
    pub tls: Option<Tls>,
    /// What happens on the wire; none means that nobody may connect.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// How the call must end.
    pub outcome: Outcome,
}

fn once() -> usize {
    1
}

/// A token store in memory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The token that it holds at first.
    pub token: Option<String>,
}

/// The call that a case makes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Which call.
    #[serde(default)]
    pub method: Method,
    /// The opportunity's id, of any type, for `update_opportunity` and `get_opportunity`.
    #[serde(default)]
    pub id: Value,
    /// The fields of an update, with `custom` for the custom ones.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Whether required fields of an update may be left out.
    #[serde(default)]
    pub partial: bool,
    /// Whether required fields that are left out are filled from the opportunity.
    #[serde(default)]
    pub fill: bool,
    /// The opportunity as it must still be for an update.
    pub if_unchanged: Option<Value>,
    /// What `list_opportunities` is asked for.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// How many rows to take of the list before it is given up; all of them without.
    pub take: Option<usize>,
    /// The entity of `field_map`.
    #[serde(default)]
    pub entity: Value,
    /// Whether `field_map` reads anew.
    #[serde(default)]
    pub refresh: bool,
    /// The headers of this call.
    pub headers: Option<Value>,
    /// The call's timeout in seconds.
    pub timeout: Option<Value>,
    /// The call's retries.
    pub max_retries: Option<Value>,
    /// How long it may wait for a slot, in seconds.
    pub max_wait: Option<Value>,
    /// How long it may take in all, in seconds.
    pub deadline: Option<Value>,
    /// Who comes first in the queue.
    pub priority: Option<Value>,
}

/// The calls of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// An update; its outcome is an opportunity.
    #[default]
    UpdateOpportunity,
    /// Its outcome is an opportunity.
    GetOpportunity,
    /// Its outcome are rows.
    ListOpportunities,
    /// Its outcome is a field map.
    FieldMap,
}

/// Whether anybody listens at the base URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListensAs {
    /// The scripted server.
    #[default]
    Scripted,
    /// Nobody: connections are refused.
    ClosedPort,
}

/// Which certificate the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// One that the runner trusts by `ca_bundle`.
    Trusted,
    /// One that nobody vouches for.
    Untrusted,
    /// One that is trusted but names another host.
    WrongName,
    /// One that is trusted but was valid only earlier.
    Expired,
    /// One that is trusted but is valid only later.
    NotYet,
    /// One that is trusted but is a CA's own.
    Authority,
    /// One that is trusted, and the client must show one too, which the runner has.
    Mutual,
    /// None: the server answers in plain HTTP.
    NotSpoken,
}

/// One request, and what it gets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Whether the request must come on a new or a reused connection.
    pub connection: Option<Connection>,
    /// What the request must be.
    #[serde(default)]
    pub expect: Expect,
    /// The answer.
    pub respond: Option<Respond>,
    /// Or what goes wrong instead.
    pub fault: Option<Fault>,
}

/// How old a connection must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// The request is its first.
    New,
    /// It had requests before.
    Reused,
}

/// What a request must be; what is not given is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The method.
    pub method: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// Headers by lower-case name; null means that it must be absent.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// The body as JSON.
    pub body: Option<Value>,
    /// The body to the letter.
    pub body_text: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Respond {
    /// The status (default: 200).
    pub status: Option<u16>,
    /// Headers besides type and length.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A body as JSON.
    pub json: Option<Value>,
    /// A body as text.
    pub text: Option<String>,
    /// A body in base64, for bytes that are no text.
    pub base64: Option<String>,
    /// The sample answer with these keys of its `data` replaced.
    pub sample: Option<Map<String, Value>>,
    /// A sample answer of another endpoint.
    pub sample_of: Option<SampleOf>,
    /// A body that is this many times the letter `x` within a JSON text.
    pub large: Option<usize>,
    /// The body's type (default: `application/json; charset=utf-8`).
    pub content_type: Option<String>,
    /// Whether the body is compressed.
    #[serde(default)]
    pub gzip: bool,
    /// Whether the body comes in chunks.
    #[serde(default)]
    pub chunked: bool,
    /// Whether the server hangs up after it, and says so.
    #[serde(default)]
    pub close: bool,
    /// Send only this many bytes of the body, then hang up.
    pub cut_at: Option<usize>,
    /// The answer to the letter, head and all, in the place of all of the above.
    pub raw: Option<String>,
    /// Bytes in base64 that follow a raw answer.
    pub raw_base64: Option<String>,
    /// What follows, again and again until the client gives up.
    pub repeat: Option<String>,
    /// The same in base64.
    pub repeat_base64: Option<String>,
    /// What the server does after it, unless the connection goes on.
    pub then: Option<Then>,
}

/// What a server does after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It hangs up without having said so.
    Close,
    /// It resets the connection.
    Reset,
    /// It hangs up, and TLS says so.
    Goodbye,
}

/// The endpoints with sample answers of their own, made up in the form that other clients tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleOf {
    /// `tests/contract/sample_field_map.json`.
    FieldMap,
    /// `tests/contract/sample_custom_fields.json`.
    CustomFields,
}

/// What goes wrong on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The server hangs up instead of answering.
    CloseBeforeAnswer,
    /// The connection is reset instead.
    ResetBeforeAnswer,
    /// The server hangs up instead, and TLS says so.
    GoodbyeBeforeAnswer,
    /// The server hangs up amid the head of its answer.
    CloseMidHeaders,
    /// No answer comes for as long as the client waits.
    Stall,
    /// What comes is no HTTP.
    Garbage,
}

/// How a call must end; the runners look into it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Typed attributes by dotted path.
    pub opportunity: Option<Map<String, Value>>,
    /// Values by key, typed or not.
    pub raw: Option<Map<String, Value>>,
    /// All keys in order.
    pub keys: Option<Vec<String>>,
    /// The rows of a list, each with typed attributes by dotted path.
    pub rows: Option<Vec<Map<String, Value>>>,
    /// How many rows the CRM says there are.
    pub total_count: Option<u64>,
    /// The options of fields of a field map: lists of `[id, label, enabled]`.
    pub field_map: Option<Map<String, Value>>,
    /// The error's attributes.
    pub error: Option<Map<String, Value>>,
    /// What the call cost, with headers by name; null when there was no call.
    #[serde(default, deserialize_with = "given")]
    pub meta: Option<Option<Map<String, Value>>>,
    /// What the token store holds in the end.
    pub stored: Option<String>,
    /// The tokens of which `on_token` was told.
    pub tokens: Option<Vec<String>>,
}

/// Tells a null from what is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
