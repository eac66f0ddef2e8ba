//! `NativeClient`: settings in, one outcome a call out. TypeScript wraps it in `client.ts`.

use ikcrm::{CallOptions, Client, ClientBuilder, Error, FieldMap, MappedField, Value};
use napi::Result;
use napi::bindgen_prelude::{Either, Function, Unknown};
use napi_derive::napi;

use crate::answer::{ErrorData, text};
use crate::call::{self, Call};
use crate::cancel::CancelHandle;
use crate::completion::{CompletionQueue, start};
use crate::hooks::{self, Question};
use crate::list::NativeList;
use crate::{names, value};

/// The version of the core.
#[napi]
#[must_use]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// A client of the core.
#[napi]
pub struct NativeClient(Client);

#[napi]
impl NativeClient {
    /// A client with these settings, or the error in them.
    ///
    /// # Errors
    ///
    /// What a getter among the options throws.
    #[napi(
        ts_args_type = "options: unknown, store?: (what: 'get' | 'set', token: string | null, reply: TokenReply) => void, hook?: (what: 'told', token: string, reply: TokenReply) => void"
    )]
    pub fn build(
        options: Unknown<'_>,
        store: Option<Function<'_, Question, ()>>,
        hook: Option<Function<'_, Question, ()>>,
    ) -> Result<Either<NativeClient, ErrorData>> {
        let builder = hooks::set(builder(value::read(&options)?), store, hook)?;
        Ok(built(builder.build()))
    }

    /// A client with the environment's settings, or the error in them.
    #[napi]
    #[must_use]
    pub fn from_env() -> Either<NativeClient, ErrorData> {
        built(Client::from_env())
    }

    /// Starts an update on a thread of the core's; its outcome goes to the queue under the number
    /// `call`.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws; nothing goes to the queue then.
    #[napi(
        ts_args_type = "queue: CompletionQueue, call: number, id: unknown, fields: unknown, options: unknown, cancel?: CancelHandle"
    )]
    pub fn update_opportunity(
        &self,
        queue: &CompletionQueue,
        call: i64,
        id: Unknown<'_>,
        fields: Unknown<'_>,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
    ) -> Result<()> {
        let id = value::read(&id)?;
        let Call { update, options } =
            Call::read(value::read(&fields)?, value::read(&options)?, cancel);
        start(&self.0, queue, call, options, move |client, options| {
            client.update_opportunity_with(id, &update, options).map(|it| text(it.raw()))
        });
        Ok(())
    }

    /// Starts reading an opportunity; its outcome goes to the queue under the number `call`.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws; nothing goes to the queue then.
    #[napi(
        ts_args_type = "queue: CompletionQueue, call: number, id: unknown, options: unknown, cancel?: CancelHandle"
    )]
    pub fn get_opportunity(
        &self,
        queue: &CompletionQueue,
        call: i64,
        id: Unknown<'_>,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
    ) -> Result<()> {
        let (id, options) = (value::read(&id)?, call::options(value::read(&options)?, cancel));
        start(&self.0, queue, call, options, move |client, options| {
            client.get_opportunity_with(id, options).map(|it| text(it.raw()))
        });
        Ok(())
    }

    /// The list of a query, of which nothing is read yet, or the error in it.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(ts_args_type = "query: unknown, options: unknown, cancel?: CancelHandle")]
    pub fn list_opportunities(
        &self,
        query: Unknown<'_>,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
    ) -> Result<Either<NativeList, ErrorData>> {
        let mut options = call::options(value::read(&options)?, cancel);
        let query = call::query(value::read(&query)?, &mut options);
        Ok(match self.0.list_opportunities_with(&query, options.clone()) {
            Ok(list) => Either::A(NativeList::new(self.0.clone(), list, options)),
            Err(error) => Either::B(error.into()),
        })
    }

    /// Starts reading the options of an entity's fields: `[[name, [[id, label, enabled], …]], …]`
    /// and what the CRM sent.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws; nothing goes to the queue then.
    #[napi(
        ts_args_type = "queue: CompletionQueue, call: number, entity: unknown, refresh: boolean, options: unknown, cancel?: CancelHandle"
    )]
    pub fn field_map(
        &self,
        queue: &CompletionQueue,
        call: i64,
        entity: Unknown<'_>,
        refresh: bool,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
    ) -> Result<()> {
        let entity = value::read(&entity)?;
        let options = call::options(value::read(&options)?, cancel);
        start(&self.0, queue, call, options, move |client, options| {
            client.field_map_with(entity, refresh, options).map(|map| text(&field_map(&map)))
        });
        Ok(())
    }

    /// Asks how much of the quota is used now: `[calls, used, milliseconds]` or null.
    #[napi]
    pub fn quota(&self, queue: &CompletionQueue, call: i64) {
        start(&self.0, queue, call, CallOptions::new(), |client, _| {
            let usage = client.quota()?.map(|status| {
                let wait = status.next_free.as_secs_f64() * 1000.0;
                format!("[{},{},{wait}]", status.calls, status.used)
            });
            Ok(text(usage.as_deref().unwrap_or("null")))
        });
    }
}

/// The map as JSON text.
fn field_map(map: &FieldMap) -> String {
    let options = |field: &MappedField| -> serde_json::Value {
        field.options.iter().map(|it| serde_json::json!([it.id, it.label, it.enabled])).collect()
    };
    let fields: serde_json::Value =
        map.fields().iter().map(|field| serde_json::json!([field.name, options(field)])).collect();
    format!("[{fields},{}]", map.raw())
}

fn builder(options: Value) -> ClientBuilder {
    let mut builder = Client::builder();
    match options {
        Value::Map(options) => return options.into_iter().fold(builder, set),
        Value::Null => {}
        _ => builder.faults.push(names::wrong_type("options", "must be an object of options")),
    }
    builder
}

fn set(mut builder: ClientBuilder, (name, value): (String, Value)) -> ClientBuilder {
    match (name.as_str(), value) {
        ("quota", Value::Map(settings)) => quota(builder, settings),
        (name, value) if names::client_options().any(|known| known == name) => {
            let (option, value) = names::to_core(name, value);
            builder.set(option, value)
        }
        (name, _) => {
            builder.faults.push(names::unknown(name, names::client_options()));
            builder
        }
    }
}

fn quota(mut builder: ClientBuilder, settings: Vec<(String, Value)>) -> ClientBuilder {
    let mut known = Vec::new();
    for (name, value) in settings {
        if names::quota_options().any(|option| option == name) {
            let (option, value) = names::quota_to_core(&name, value);
            known.push((option.to_owned(), value));
        } else {
            let mut fault = names::unknown(&name, names::quota_options());
            fault.field = format!("quota.{name}");
            builder.faults.push(fault);
        }
    }
    builder.set("quota", Value::Map(known))
}

fn built(client: std::result::Result<Client, Error>) -> Either<NativeClient, ErrorData> {
    match client {
        Ok(client) => Either::A(NativeClient(client)),
        Err(Error::Config { mut fields }) => {
            names::rename(&mut fields);
            Either::B(Error::Config { fields }.into())
        }
        Err(error) => Either::B(error.into()),
    }
}
