//! `NativeClient`: settings in, one outcome a call out. JavaScript wraps it in `index.js`.

use ikcrm::{CallOptions, Client, ClientBuilder, Error, Value};
use napi::Result;
use napi::bindgen_prelude::{Either, Function, Unknown, Utf16String};
use napi_derive::napi;

use crate::answer::{self, ErrorData, text};
use crate::call::Call;
use crate::cancel::CancelHandle;
use crate::completion::CompletionQueue;
use crate::hooks::{self, Question};
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
        self.start(queue, call, options, move |client, options| {
            client.update_opportunity_with(id, &update, options).map(|it| text(it.raw()))
        });
        Ok(())
    }

    /// Asks how much of the quota is used now: `[calls, used, milliseconds]` or null.
    #[napi]
    pub fn quota(&self, queue: &CompletionQueue, call: i64) {
        self.start(queue, call, CallOptions::new(), |client, _| {
            let usage = client.quota()?.map(|status| {
                let wait = status.next_free.as_secs_f64() * 1000.0;
                format!("[{},{},{wait}]", status.calls, status.used)
            });
            Ok(text(usage.as_deref().unwrap_or("null")))
        });
    }
}

impl NativeClient {
    /// Makes a call on a thread of the core's; its JSON text or error goes to the queue.
    fn start(
        &self,
        queue: &CompletionQueue,
        number: i64,
        options: CallOptions,
        call: impl FnOnce(&Client, &CallOptions) -> std::result::Result<Utf16String, Error>
        + Send
        + 'static,
    ) {
        let completion = queue.completion(number);
        // Without a thread, the closure was dropped, and its completion told so.
        drop(self.0.spawn(options, move |client, options| {
            completion.settle(answer::outcome(call(client, options)));
        }));
    }
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
    if names::client_options().any(|known| known == name) {
        let (option, value) = names::to_core(&name, value);
        return builder.set(option, value);
    }
    builder.faults.push(names::unknown(&name, names::client_options()));
    builder
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
