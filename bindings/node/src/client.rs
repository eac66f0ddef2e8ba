//! `NativeClient`: settings in, one outcome a call out. JavaScript wraps it in `index.js`.

use ikcrm::{Client, ClientBuilder, Error, Value};
use napi::Result;
use napi::bindgen_prelude::{Either, Unknown};
use napi_derive::napi;

use crate::answer::{ErrorData, answer};
use crate::call::Call;
use crate::cancel::CancelHandle;
use crate::completion::CompletionQueue;
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
    #[napi(ts_args_type = "options: unknown")]
    pub fn build(options: Unknown<'_>) -> Result<Either<NativeClient, ErrorData>> {
        Ok(built(builder(value::read(&options)?).build()))
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
        let completion = queue.completion(call);
        let done = move |result| completion.settle(answer(result));
        // Without a thread, `done` was dropped, and its completion told so.
        drop(self.0.spawn_update_opportunity(id, update, options, done));
        Ok(())
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
