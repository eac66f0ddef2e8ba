//! `NativeClient`: settings in, calls out. TypeScript wraps it in `client.ts`.
#![expect(clippy::too_many_arguments, reason = "what JavaScript hands over comes one by one")]

use std::time::Duration;

use ikcrm::contract::UpdateCall;
use ikcrm::{CallOptions, Client, ClientBuilder, FieldMap, MappedField, QuotaStatus, Value};
use napi::Result;
use napi::bindgen_prelude::{Either, Function, Unknown};
use napi_derive::napi;

use crate::answer::ErrorData;
use crate::call;
use crate::cancel::CancelHandle;
use crate::completion::{Call, CallQueue};
use crate::hooks::{self, Question};
use crate::job::{self, Loop, NativeJob};
use crate::list::NativeList;
use crate::{decode, names, value};

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
    /// A client with these settings, or the error in them; with those of the environment besides, if
    /// it is to be `from_env`. The variables are those of the environment as the language has it, which
    /// is not the process's own in a worker thread; none if nothing names it. A store and a hook come as functions; among
    /// the settings they are wrong.
    ///
    /// # Errors
    ///
    /// What a getter among the options throws.
    #[napi(
        ts_args_type = "options: unknown, variables: Record<string, string> | null, fromEnv: boolean, store?: (what: 'get' | 'set', token: string | null, reply: TokenReply) => void, hook?: (what: 'told', token: string, reply: TokenReply) => void"
    )]
    pub fn build(
        options: Unknown<'_>,
        variables: Unknown<'_>,
        from_env: bool,
        store: Option<Function<'_, Question, ()>>,
        hook: Option<Function<'_, Question, ()>>,
    ) -> Result<Either<NativeClient, ErrorData>> {
        let (options, variables) = (value::read(&options)?, value::read(&variables)?);
        let builder = match variables {
            Value::Map(variables) => {
                let start = if from_env { beside(&options, &variables) } else { Client::builder() };
                in_environment(builder(start, options), variables)
            }
            _ => builder(Client::builder(), options),
        };
        let builder = hooks::set(builder, store, hook)?;
        Ok(match builder.build() {
            Ok(client) => Either::A(NativeClient(client)),
            Err(error) => Either::B(error.into()),
        })
    }

    /// What the client is for, without a secret.
    #[napi]
    #[must_use]
    pub fn summary(&self) -> String {
        self.0.summary()
    }

    /// An update, to be started. `record` is the JSON text of the one given in `ifUnchanged`.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(
        ts_args_type = "calls: CallQueue, id: unknown, fields: unknown, options: unknown, cancel?: CancelHandle, record?: string"
    )]
    pub fn update_opportunity(
        &self,
        calls: &CallQueue,
        id: Unknown<'_>,
        fields: Unknown<'_>,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
        record: Option<String>,
    ) -> Result<i64> {
        let id = value::read(&id)?;
        let (fields, options) = (value::read(&fields)?, value::read(&options)?);
        let UpdateCall { update, options } = call::update(fields, options, cancel, record);
        let call = self.0.prepare_update(id, update, options);
        Ok(calls.keep(Call::new(call, |it| decode::record(&it))))
    }

    /// The reading of an opportunity, to be started.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(ts_args_type = "calls: CallQueue, id: unknown, options: unknown, cancel?: CancelHandle")]
    pub fn get_opportunity(
        &self,
        calls: &CallQueue,
        id: Unknown<'_>,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
    ) -> Result<i64> {
        let (id, options) = (value::read(&id)?, call::options(value::read(&options)?, cancel));
        let call = self.0.prepare_get(id, options);
        Ok(calls.keep(Call::new(call, |it| decode::record(&it))))
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
        let options = call::options(value::read(&options)?, cancel);
        let (query, options) = call::query(value::read(&query)?, options);
        Ok(match self.0.list_opportunities_with(&query, options) {
            Ok(list) => Either::A(NativeList::new(list)),
            Err(error) => Either::B(error.into()),
        })
    }

    /// The reading of the options of an entity's fields, to be started:
    /// `[[[name, [[id, label, enabled], …]], …], what the CRM sent]`.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(
        ts_args_type = "calls: CallQueue, entity: unknown, options: unknown, cancel?: CancelHandle"
    )]
    pub fn field_map(
        &self,
        calls: &CallQueue,
        entity: Unknown<'_>,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
    ) -> Result<i64> {
        let (entity, options) = (value::read(&entity)?, value::read(&options)?);
        let call = self.0.prepare_field_map(entity, call::field_map(options, cancel));
        Ok(calls.keep(Call::new(call, |map| field_map(&map))))
    }

    /// The planning of updates of many opportunities, to be started: the rows come by `ask`, the job goes
    /// to its place.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(
        ts_args_type = "calls: CallQueue, place: NativeJob, options: unknown, watched: string[], ask: (what: 'rows' | 'row' | 'progress', json: string | null, reply: JobReply) => void, cancel?: CancelHandle"
    )]
    pub fn plan_updates(
        &self,
        calls: &CallQueue,
        place: &NativeJob,
        options: Unknown<'_>,
        watched: Vec<String>,
        ask: Function<'_, job::Question, ()>,
        cancel: Option<&CancelHandle>,
    ) -> Result<i64> {
        let options = job::plan_named(value::read(&options)?, cancel).watching(watched);
        Ok(calls.keep(job::plan(&self.0, place, options, Loop::new(ask, cancel)?)))
    }

    /// The planning of updates of the rows of a sheet, to be started; the job goes to its place.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(
        ts_args_type = "calls: CallQueue, place: NativeJob, path: string, options: unknown, watched: string[], ask: (what: 'rows' | 'row' | 'progress', json: string | null, reply: JobReply) => void, cancel?: CancelHandle"
    )]
    pub fn plan_sheet(
        &self,
        calls: &CallQueue,
        place: &NativeJob,
        path: String,
        options: Unknown<'_>,
        watched: Vec<String>,
        ask: Function<'_, job::Question, ()>,
        cancel: Option<&CancelHandle>,
    ) -> Result<i64> {
        let options = job::sheet_named(value::read(&options)?, cancel).watching(watched);
        Ok(calls.keep(job::plan_sheet(&self.0, place, path, options, Loop::new(ask, cancel)?)))
    }

    /// The planning of a job that brings back what another one changed, to be started.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(
        ts_args_type = "calls: CallQueue, job: NativeJob, place: NativeJob, options: unknown, watched: string[], ask: (what: 'rows' | 'row' | 'progress', json: string | null, reply: JobReply) => void, cancel?: CancelHandle"
    )]
    pub fn plan_undo(
        &self,
        calls: &CallQueue,
        job: &NativeJob,
        place: &NativeJob,
        options: Unknown<'_>,
        watched: Vec<String>,
        ask: Function<'_, job::Question, ()>,
        cancel: Option<&CancelHandle>,
    ) -> Result<i64> {
        let options = job::plan_named(value::read(&options)?, cancel).watching(watched);
        Ok(calls.keep(job::undo(&self.0, job, place, options, Loop::new(ask, cancel)?)))
    }

    /// The working off of a job, to be started.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(
        ts_args_type = "calls: CallQueue, job: NativeJob, options: unknown, watched: string[], ask: (what: 'rows' | 'row' | 'progress', json: string | null, reply: JobReply) => void, cancel?: CancelHandle"
    )]
    pub fn apply_updates(
        &self,
        calls: &CallQueue,
        job: &NativeJob,
        options: Unknown<'_>,
        watched: Vec<String>,
        ask: Function<'_, job::Question, ()>,
        cancel: Option<&CancelHandle>,
    ) -> Result<i64> {
        let options = job::apply_named(value::read(&options)?, cancel).watching(watched);
        Ok(calls.keep(job::apply(&self.0, job, options, Loop::new(ask, cancel)?)))
    }

    /// The question how much of the quota is used now, to be started:
    /// `[calls, used, waiting, milliseconds]` or null.
    #[napi]
    #[must_use]
    pub fn quota(&self, calls: &CallQueue) -> i64 {
        calls.keep(Call::new(self.0.prepare_quota(CallOptions::new()), |status| {
            let Some(status) = status else { return "null".to_owned() };
            let QuotaStatus { calls, used, waiting, next_free, .. } = status;
            format!("[{calls},{used},{waiting},{}]", next_free.as_secs_f64() * 1000.0)
        }))
    }

    /// The end of the client, to be started: calls under way may go on for so many milliseconds.
    #[napi]
    #[must_use]
    pub fn close(&self, calls: &CallQueue, grace: f64) -> i64 {
        let grace = Duration::try_from_secs_f64(grace / 1000.0).unwrap_or_default();
        calls.keep(Call::new(self.0.prepare_close(grace), |()| "null".to_owned()))
    }
}

/// The map as JSON text.
fn field_map(map: &FieldMap) -> String {
    let options = |field: &MappedField| -> serde_json::Value {
        field.options.iter().map(|it| serde_json::json!([it.id, it.label, it.enabled])).collect()
    };
    let fields: serde_json::Value =
        map.fields().iter().map(|field| serde_json::json!([field.name, options(field)])).collect();
    decode::json(&format!("[{fields},{}]", map.raw()))
}

/// The builder, which reads what else it takes from the environment in these variables.
fn in_environment(builder: ClientBuilder, variables: Vec<(String, Value)>) -> ClientBuilder {
    builder.environment(move |name| match variable(&variables, name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    })
}

fn variable<'a>(variables: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    variables.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// What the environment says of what is not among the options; null is not, but for the quota.
fn beside(options: &Value, variables: &[(String, Value)]) -> ClientBuilder {
    let Value::Map(options) = options else {
        return ClientBuilder::from_variables(|name| variable(variables, name).cloned());
    };
    let given = options.iter().filter(|(name, value)| name == "quota" || *value != Value::Null);
    let given = given.filter_map(|(name, _)| names::to_core(name, Value::Null).ok());
    let given: Vec<_> = given.map(|(name, _)| name.to_owned()).collect();
    ClientBuilder::from_variables_beside(&given, |name| variable(variables, name).cloned())
}

fn builder(builder: ClientBuilder, options: Value) -> ClientBuilder {
    match options {
        Value::Map(options) => options.into_iter().fold(builder, set),
        Value::Null => builder,
        _ => builder.refuse(names::wrong_type("options", "must be an object of options")),
    }
}

fn set(builder: ClientBuilder, (name, value): (String, Value)) -> ClientBuilder {
    let (option, value) = match names::to_core(&name, value) {
        Ok(named) => named,
        Err(fault) => return builder.refuse(fault),
    };
    match (option, value) {
        ("quota", Value::Map(settings)) => quota(builder, settings),
        ("token_store" | "on_token" | "on_event", Value::Null) => builder,
        ("token_store", _) => {
            let message = "must be an object with the methods get() and set(token)";
            builder.refuse(names::wrong_type(&name, message))
        }
        ("on_token" | "on_event", _) => {
            builder.refuse(names::wrong_type(&name, "must be a function"))
        }
        (option, value) => builder.set(option, value),
    }
}

fn quota(mut builder: ClientBuilder, settings: Vec<(String, Value)>) -> ClientBuilder {
    let mut known = Vec::new();
    for (name, value) in settings {
        match names::to_core(&name, value) {
            Ok((setting, value)) => known.push((setting.to_owned(), value)),
            Err(mut fault) => {
                fault.field = format!("quota.{name}");
                builder = builder.refuse(fault);
            }
        }
    }
    builder.set("quota", Value::Map(known))
}
