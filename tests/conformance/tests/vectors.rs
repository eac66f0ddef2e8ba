//! Runs every vector of `tests/vectors` against the core.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failing helper fails the test")]

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use ikcrm::contract::{Kind, Shape, Typed};
use ikcrm::{
    CallMeta, CallOptions, Client, ClientBuilder, Error, Event, FieldMap, FieldMapOptions,
    MetaSlot, Observer, Opportunity, OpportunityQuery, OpportunityRow, OpportunityUpdate, Record,
    TokenStore, TokenStoreFailure, Value,
};
use ikcrm_conformance::{Address, Call, Case, Method, Outcome, Server, Spans};
use log::{Level, LevelFilter, Log, Metadata, Record as Line};
use serde_json::{Map, Value as Json, json};

const TOKEN: &str = "test-token-0123456789";
/// What no error may show: the runner's token, the cases' password and what they call hidden.
const SECRETS: [&str; 3] = [TOKEN, "test-password-0123456789", "hidden-secret"];
/// What the sample answers tell of people, and a login: no event, span or line may show it.
fn personal() -> &'static [String] {
    static PERSONAL: OnceLock<Vec<String>> = OnceLock::new();
    PERSONAL.get_or_init(read_personal)
}

fn read_personal() -> Vec<String> {
    let contract: Json =
        serde_json::from_str(include_str!("../../../crates/ikcrm/contract/events.json")).unwrap();
    contract
        .get("never")
        .and_then(Json::as_array)
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap().into())
        .collect()
}

/// The first of what nothing may show that the text shows.
fn told_in(text: &str) -> Option<&str> {
    let mut never = SECRETS.into_iter().chain(personal().iter().map(String::as_str));
    never.find(|secret| text.contains(secret))
}

#[test]
fn every_vector_holds() {
    log::set_logger(&LOGGED).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let mut failures = Vec::new();
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Vec<Case> =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for case in cases {
            count += 1;
            failures.extend(run(&case).into_iter().map(|f| format!("{}: {f}", case.id)));
        }
    }
    failures.extend(LOGGED.problems());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    println!("{count} vectors hold");
    assert!(count >= 80, "only {count} vectors were found");
}

/// What a call brought.
#[derive(Debug)]
enum Brought {
    Opportunity(Opportunity),
    Rows(Vec<OpportunityRow>, Option<u64>),
    FieldMap(FieldMap),
}

/// Everything that is not as the case says.
fn run(case: &Case) -> Vec<String> {
    let server = Server::start(case).unwrap();
    let (store, told) = (Shared::new(case), Arc::new(Mutex::default()));
    let (seen, meta) = (Seen::default(), MetaSlot::new());
    let observed = (seen.clone(), &meta);
    let spans = Spans::default();
    let result =
        spans.collect(|| calls(case, server.address(), store.clone(), Arc::clone(&told), observed));
    let mut failures = server.finish().unwrap().problems;
    failures.extend(span_problems(&spans, &seen));
    failures.extend(seen.problems(case));
    failures.extend(
        case.outcome.meta.iter().flat_map(|of| meta_differences(of.as_ref(), meta.get().as_ref())),
    );
    match result {
        Ok(brought) if case.outcome.error.is_none() => {
            failures.extend(differences(&case.outcome, &brought));
        }
        Ok(brought) => failures.push(format!("expected an error, got {brought:?}")),
        Err(error) => match &case.outcome.error {
            Some(expected) => failures.extend(error_differences(expected, &error)),
            None => failures.push(format!("unexpected error: {error}")),
        },
    }
    if case.outcome.stored.is_some() && case.outcome.stored != store.token() {
        failures.push(format!("stored: {:?}", store.token()));
    }
    let told = told.lock().unwrap();
    if case.outcome.tokens.as_ref().is_some_and(|expected| *expected != *told) {
        failures.push(format!("tokens: {told:?}"));
    }
    failures
}

/// The events of a case, as they are and as text.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(String, String)>>>);

impl Observer for Seen {
    fn observe(&self, events: &[Event]) {
        let told = events.iter().map(|event| (event.name().to_owned(), format!("{event:?}")));
        self.0.lock().unwrap().extend(told);
    }
}

impl Seen {
    /// What the events show that they must not, and whether they tell of every request and call.
    fn problems(&self, case: &Case) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let count = |name: &str| events.iter().filter(|(event, _)| event == name).count();
        let shown = |(_, text): &(String, String)| {
            told_in(text).map(|secret| format!("an event shows {secret}: {text}"))
        };
        let mut problems: Vec<_> = events.iter().filter_map(shown).collect();
        for (begun, ended) in
            [("call_started", "call_finished"), ("attempt_sent", "attempt_answered")]
        {
            if count(begun) != count(ended) {
                problems.push(format!("{begun} {} times, {ended} {}", count(begun), count(ended)));
            }
        }
        if count("attempt_sent") < case.exchanges.len() {
            problems.push(format!("{} attempts for more requests", count("attempt_sent")));
        }
        problems
    }
}

/// What spans show that they must not, whether all are closed, and whether they tell what the events do.
fn span_problems(spans: &Spans, seen: &Seen) -> Vec<String> {
    let (all, events) = (spans.all(), seen.0.lock().unwrap());
    let shown = all.iter().map(|span| format!("{span:?}"));
    let mut problems: Vec<_> = shown
        .filter_map(|text| told_in(&text).map(|secret| format!("a span shows {secret}: {text}")))
        .collect();
    for (name, event) in [("call", "call_finished"), ("attempt", "attempt_answered")] {
        let spans = all.iter().filter(|span| span.name == name && span.closed.is_some()).count();
        let events = events.iter().filter(|(told, _)| told == event).count();
        if spans != events {
            problems.push(format!("{spans} closed spans {name}, {events} events {event}"));
        }
    }
    if spans.open() > 0 {
        problems.push(format!("open spans: {all:?}"));
    }
    problems
}

/// The lines of the program's log that show what they must not.
struct Logged(Mutex<Vec<String>>, Mutex<String>);

static LOGGED: Logged = Logged(Mutex::new(Vec::new()), Mutex::new(String::new()));

impl Log for Logged {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, line: &Line<'_>) {
        let mut text = format!("{}", line.args());
        // Sixteen bytes a line, in hexadecimal and as text.
        if (line.level(), line.target()) == (Level::Trace, "ureq_proto::util") {
            return self.1.lock().unwrap().push_str(text.get(41..).unwrap_or_default());
        }
        // What is called and which harmless headers the answer has, as the docs say.
        if (line.level(), line.target()) == (Level::Debug, "ureq::run") {
            text = if text.starts_with("Response ") {
                String::new()
            } else {
                text.replace("/568587", "")
            };
        }
        if let Some(secret) = told_in(&text) {
            let shown = format!("{} shows {secret} at {}: {text}", line.target(), line.level());
            self.0.lock().unwrap().push(shown);
        }
    }

    fn flush(&self) {}
}

impl Logged {
    /// What is not as the crate's docs say: that only `ureq_proto` shows secrets, and only at TRACE, and
    /// `ureq` the ids at DEBUG.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.0.lock().unwrap().clone();
        if !self.1.lock().unwrap().contains(TOKEN) {
            problems
                .push("ureq_proto shows no secrets any more: the docs need not warn".to_owned());
        }
        problems
    }
}

/// A token store in memory.
#[derive(Debug, Clone)]
struct Shared(Option<Arc<Mutex<Option<String>>>>);

impl Shared {
    fn new(case: &Case) -> Self {
        Self(case.store.as_ref().map(|store| Arc::new(Mutex::new(store.token.clone()))))
    }

    fn token(&self) -> Option<String> {
        self.0.as_ref()?.lock().unwrap().clone()
    }
}

impl TokenStore for Shared {
    fn get(&self) -> Result<Option<String>, TokenStoreFailure> {
        Ok(self.token())
    }

    fn set(&self, token: &str) -> Result<(), TokenStoreFailure> {
        *self.0.as_ref().unwrap().lock().unwrap() = Some(token.to_owned());
        Ok(())
    }
}

/// Makes the case's call as often as it says; the last one's result counts.
fn calls(
    case: &Case,
    address: &Address,
    store: Shared,
    told: Arc<Mutex<Vec<String>>>,
    (seen, meta): (Seen, &MetaSlot),
) -> Result<Brought, Error> {
    let mut builder = settings(case, address).observer(seen);
    if store.0.is_some() {
        builder = builder.token_store(store);
    }
    let client =
        builder.on_token(move |token| told.lock().unwrap().push(token.to_owned())).build()?;
    for _ in 1..case.times {
        call(&client, &case.call, meta).ok();
    }
    call(&client, &case.call, meta)
}

fn call(client: &Client, call: &Call, meta: &MetaSlot) -> Result<Brought, Error> {
    let options = options(call).meta(meta);
    let id = value(&call.id);
    match call.method {
        Method::UpdateOpportunity => client
            .update_opportunity_with(id.unwrap(), &update(call), &options)
            .map(Brought::Opportunity),
        Method::GetOpportunity => {
            client.get_opportunity_with(id.unwrap(), &options).map(Brought::Opportunity)
        }
        Method::ListOpportunities => {
            let mut list = client.list_opportunities_with(&query(call), options)?;
            let rows = list.by_ref().take(call.take.unwrap_or(usize::MAX));
            let rows = rows.collect::<Result<_, _>>()?;
            Ok(Brought::Rows(rows, list.total_count()))
        }
        Method::FieldMap => {
            let entity = value(&call.entity).unwrap();
            client
                .field_map_with(entity, FieldMapOptions::from(options).refresh(call.refresh))
                .map(Brought::FieldMap)
        }
    }
}

fn settings(case: &Case, address: &Address) -> ClientBuilder {
    let mut settings = Map::from_iter([
        ("token".to_owned(), json!(TOKEN)),
        ("base_url".to_owned(), json!(address.base_url)),
        ("ca_bundle".to_owned(), json!(address.ca_bundle)),
        ("client_cert".to_owned(), json!(address.client_cert)),
        ("quota".to_owned(), Json::Null),
    ]);
    settings.extend(case.client.clone());
    settings.iter().fold(Client::builder(), |builder, (name, setting)| {
        builder.set(name, value(setting).unwrap())
    })
}

fn update(call: &Call) -> OpportunityUpdate {
    let update = OpportunityUpdate::new().partial(call.partial).fill(call.fill);
    let given = call.if_unchanged.as_ref();
    let given = given.map(|data| Opportunity::from_json(&data.to_string()).unwrap());
    let update = given.iter().fold(update, OpportunityUpdate::if_unchanged);
    call.fields.iter().fold(update, |update, (name, field)| match value(field) {
        Some(value) => update.set(name.clone(), value),
        None => update,
    })
}

fn query(call: &Call) -> OpportunityQuery {
    call.query.iter().fold(OpportunityQuery::new(), |query, (name, part)| match value(part) {
        Some(value) => query.set(name.clone(), value),
        None => query,
    })
}

fn options(call: &Call) -> CallOptions {
    let settings = [
        ("timeout", &call.timeout),
        ("max_retries", &call.max_retries),
        ("max_wait", &call.max_wait),
        ("deadline", &call.deadline),
        ("priority", &call.priority),
        ("headers", &call.headers),
    ];
    settings.into_iter().fold(CallOptions::new(), |options, (name, setting)| match setting {
        Some(setting) => options.set(name, value(setting).unwrap()),
        None => options,
    })
}

/// The value that a JSON text of a case stands for; nothing for one that is absent.
fn value(json: &Json) -> Option<Value> {
    let special = |name: &str| json.get(name).and_then(Json::as_str);
    if json.get("$absent").is_some() {
        return None;
    }
    Some(if let Some(text) = special("$decimal").or(special("$int")) {
        Value::Number(text.to_owned())
    } else if let Some(text) = special("$date") {
        Value::Date(text.parse().unwrap())
    } else if special("$datetime").is_some() {
        Value::DateTime("DateTime".to_owned())
    } else if let Some(text) = special("$float") {
        Value::Float(text.parse().unwrap())
    } else if let Json::Object(map) = json {
        let entries = map.iter().filter_map(|(name, v)| Some((name.clone(), value(v)?)));
        Value::Map(entries.collect())
    } else if let Json::Array(items) = json {
        Value::List(items.iter().filter_map(value).collect())
    } else {
        json.clone().into()
    })
}

fn differences(outcome: &Outcome, brought: &Brought) -> Vec<String> {
    match brought {
        Brought::Opportunity(opportunity) => record_differences(outcome, opportunity),
        Brought::Rows(rows, total_count) => row_differences(outcome, rows, *total_count),
        Brought::FieldMap(map) => map_differences(outcome, map),
    }
}

fn row_differences(
    outcome: &Outcome,
    rows: &[OpportunityRow],
    total_count: Option<u64>,
) -> Vec<String> {
    let expected = outcome.rows.as_ref().unwrap();
    let mut found = Vec::new();
    if expected.len() != rows.len() {
        found.push(format!("expected {} rows, got {}", expected.len(), rows.len()));
    }
    for (attributes, row) in expected.iter().zip(rows) {
        found.extend(attribute_differences(attributes, row));
    }
    if outcome.total_count.is_some() && outcome.total_count != total_count {
        found.push(format!("total_count: got {total_count:?}"));
    }
    found
}

fn map_differences(outcome: &Outcome, map: &FieldMap) -> Vec<String> {
    let expected = outcome.field_map.as_ref().unwrap();
    let differs = |(field, options): (&String, &Json)| {
        let got = map.field(field).map(|field| {
            field.options.iter().map(|of| json!([of.id, of.label, of.enabled])).collect::<Json>()
        });
        (got.as_ref() != Some(options)).then(|| format!("{field}: got {got:?}"))
    };
    expected.iter().filter_map(differs).collect()
}

fn attribute_differences(expected: &Map<String, Json>, record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for (path, expected) in expected {
        let got = attribute(record, path);
        if got != *expected {
            found.push(format!("{path}: expected {expected}, got {got}"));
        }
    }
    found
}

fn record_differences(outcome: &Outcome, opportunity: &Opportunity) -> Vec<String> {
    let attributes = outcome.opportunity.clone().unwrap_or_default();
    let mut found = attribute_differences(&attributes, opportunity);
    for (key, expected) in outcome.raw.iter().flatten() {
        let got = opportunity.get(key);
        if got.as_ref() != Some(expected) {
            found.push(format!("[{key:?}]: expected {expected}, got {got:?}"));
        }
    }
    if let Some(expected) = &outcome.keys {
        let got: Vec<_> = opportunity.keys().collect();
        if got != *expected {
            found.push(format!("keys: expected {expected:?}, got {got:?}"));
        }
    }
    found
}

/// The typed attribute at a dotted path, in the notation of the cases.
fn attribute(record: &Record, path: &str) -> Json {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (record.read(name, kind(record.shape(), name)).unwrap(), rest) {
        (Typed::Record(record), Some(rest)) => attribute(&record, rest),
        (Typed::Records(records), Some(rest)) => {
            let (index, rest) = rest.split_once('.').unwrap();
            attribute(records.get(index.parse::<usize>().unwrap()).unwrap(), rest)
        }
        (Typed::Records(records), None) => json!(records.len()),
        (typed, _) => notation(typed),
    }
}

fn kind(shape: &Shape, name: &str) -> Kind {
    let field = shape.fields.iter().find(|(known, _)| *known == name);
    field.unwrap_or_else(|| panic!("{} has no attribute {name}", shape.name)).1
}

fn notation(typed: Typed<'_>) -> Json {
    match typed {
        Typed::Nothing => Json::Null,
        Typed::Id(id) => json!(id),
        Typed::Text(text) => json!(text),
        Typed::Decimal(decimal) => json!({"$decimal": decimal.to_string()}),
        Typed::Number(number) => json!(number),
        Typed::Bool(bool) => json!(bool),
        Typed::Date(date) => json!({"$date": date.to_string()}),
        Typed::DateTime(at) => json!({"$datetime": at.strftime("%Y-%m-%d %H:%M").to_string()}),
        other => panic!("{other:?} has no notation"),
    }
}

/// What the call cost, where it is not as expected.
fn meta_differences(expected: Option<&Map<String, Json>>, meta: Option<&CallMeta>) -> Vec<String> {
    let (Some(expected), Some(meta)) = (expected, meta) else {
        return (expected.is_some() != meta.is_some())
            .then(|| format!("meta: expected {expected:?}, got {meta:?}"))
            .into_iter()
            .collect();
    };
    let headers = |name: &String| json!(meta.header(name));
    let got = |name: &String| match name.as_str() {
        "attempts" => json!(meta.attempts),
        "lookups" => json!(meta.lookups),
        "status" => json!(meta.status),
        "quota_wait" => json!(meta.quota_wait.as_secs()),
        other => panic!("no {other} in meta"),
    };
    let differs = |(name, expected, got): (&String, &Json, Json)| {
        (got != *expected).then(|| format!("meta {name}: expected {expected}, got {got}"))
    };
    let empty = Map::new();
    let of_headers = expected.get("headers").and_then(Json::as_object).unwrap_or(&empty);
    let plain = expected.iter().filter(|(name, _)| *name != "headers");
    let plain = plain.filter_map(|(name, value)| differs((name, value, got(name))));
    let headers =
        of_headers.iter().filter_map(|(name, value)| differs((name, value, headers(name))));
    plain.chain(headers).collect()
}

/// The error's attributes that are not as expected.
fn error_differences(expected: &Map<String, Json>, error: &Error) -> Vec<String> {
    let fields = |part: fn(&ikcrm::FieldError) -> Json| -> Json {
        error.fields().iter().map(part).collect()
    };
    let enterprises = error.enterprises().iter().map(|of| json!([of.corp_id, of.name]));
    let got = json!({
        "code": error.code(),
        "status": error.status(),
        "api_code": error.api_code(),
        "message": error.message(),
        "retryable": error.retryable(),
        "retry_after": error.retry_after().map(|after| after.as_secs()),
        "may_have_been_applied": error.may_have_been_applied(),
        "enterprises": enterprises.collect::<Vec<_>>(),
        "fields": fields(|fault| json!([fault.field, fault.code.as_str()])),
    });
    let mut found = Vec::new();
    let shown = format!("{error} {error:?} {}", error.message());
    for (name, value) in expected {
        let texts = if name == "message_contains" {
            vec![(error.message(), value)]
        } else if name == "body_excerpt_contains" {
            if shown.contains(value.as_str().unwrap()) {
                found.push(format!("the error's text shows the answer: {shown}"));
            }
            vec![(error.body_excerpt().unwrap_or_default().to_owned(), value)]
        } else if name == "field_messages_contain" {
            let messages = error.fields().iter().map(|fault| fault.message.clone());
            messages.zip(value.as_array().unwrap()).collect()
        } else {
            if got.get(name) != Some(value) {
                found.push(format!("{name}: expected {value}, got {:?} ({error})", got.get(name)));
            }
            Vec::new()
        };
        for (text, part) in texts {
            if !text.contains(part.as_str().unwrap()) {
                found.push(format!("{name}: expected {part} in {text:?}"));
            }
        }
    }
    let shown = shown + error.body_excerpt().unwrap_or_default();
    if SECRETS.iter().any(|secret| shown.contains(secret)) {
        found.push(format!("the error shows a secret: {shown}"));
    }
    found
}
