//! `NativeClient`: settings in, one promise a call out. JavaScript wraps it in `index.js`.

use ikcrm::{Client, ClientBuilder, Error, Value};
use napi::bindgen_prelude::{Either, Function, Object, Unknown};
use napi::{Env, Result};
use napi_derive::napi;

use crate::answer::{ErrorData, answer};
use crate::call::Call;
use crate::cancel::CancelHandle;
use crate::hooks::{self, Question};
use crate::pending::Pending;
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

    /// Starts an update on a thread of the core's and promises its answer.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(
        ts_args_type = "id: unknown, fields: unknown, options: unknown, cancel?: CancelHandle",
        ts_return_type = "Promise<string | ErrorData>"
    )]
    pub fn update_opportunity<'env>(
        &self,
        env: &'env Env,
        id: Unknown<'_>,
        fields: Unknown<'_>,
        options: Unknown<'_>,
        cancel: Option<&CancelHandle>,
    ) -> Result<Object<'env>> {
        let id = value::read(&id)?;
        let call = Call::read(value::read(&fields)?, value::read(&options)?, cancel);
        let (pending, promise) = Pending::new(env)?;
        let update = call.update;
        // Without a thread, the closure was dropped, and `pending` with it told so.
        drop(self.0.spawn(call.options, move |client, options| {
            pending.settle(answer(client.update_opportunity_with(id, &update, options)));
        }));
        Ok(promise)
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
