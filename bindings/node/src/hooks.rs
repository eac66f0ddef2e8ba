//! What a user's own JavaScript does with tokens: a store that keeps them, a hook that is told.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ikcrm::{ClientBuilder, TokenStoreFailure};
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status};
use napi_derive::napi;

/// How long a store may take: its promise may never settle.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked (`get`, `set` or `told`), the token, and where the answer goes.
pub(crate) type Question = FnArgs<(&'static str, Option<String>, TokenReply)>;
type Asking = ThreadsafeFunction<Question, (), Question, Status, false, true>;
type Answer = std::result::Result<Option<String>, Failure>;

/// What a store failed with.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    /// The number under which JavaScript keeps what was thrown, if anything was.
    pub(crate) thrown: Option<u32>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The place for the answer of a store.
#[napi]
pub struct TokenReply(SyncSender<Answer>);

#[napi]
impl TokenReply {
    /// Answers with the token that is kept, if any.
    #[napi]
    pub fn ok(&self, token: Option<String>) {
        // Nobody waits any more when the call was ended meanwhile.
        drop(self.0.try_send(Ok(token)));
    }

    /// Answers with what went wrong, and the number of what was thrown.
    #[napi]
    pub fn fail(&self, message: String, thrown: Option<u32>) {
        drop(self.0.try_send(Err(Failure { message, thrown })));
    }
}

/// The store in JavaScript, asked from a thread of the core's, which waits for the answer.
struct TokenStore(Asking);

impl TokenStore {
    fn ask(&self, what: &'static str, token: Option<&str>) -> Answer {
        let (sender, answer) = sync_channel(1);
        let question = (what, token.map(ToOwned::to_owned), TokenReply(sender)).into();
        self.0.call(question, ThreadsafeFunctionCallMode::NonBlocking);
        answer.recv_timeout(PATIENCE).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => {
                Err(failure(format!("no answer came within {PATIENCE:?}")))
            }
            RecvTimeoutError::Disconnected => Err(failure("the environment is gone")),
        })
    }
}

fn failure(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), thrown: None }
}

impl ikcrm::TokenStore for TokenStore {
    fn get(&self) -> std::result::Result<Option<String>, TokenStoreFailure> {
        self.ask("get", None).map_err(Into::into)
    }

    fn set(&self, token: &str) -> std::result::Result<(), TokenStoreFailure> {
        self.ask("set", Some(token)).map(drop).map_err(Into::into)
    }
}

/// Lets `store` keep the builder's tokens, and `hook` be told of new ones.
///
/// # Errors
///
/// When the environment is being taken down.
pub(crate) fn set(
    mut builder: ClientBuilder,
    store: Option<Function<'_, Question, ()>>,
    hook: Option<Function<'_, Question, ()>>,
) -> Result<ClientBuilder> {
    if let Some(store) = store {
        builder = builder.token_store(TokenStore(asking(&store)?));
    }
    if let Some(hook) = hook {
        let hook = TokenStore(asking(&hook)?);
        builder = builder.on_token(move |token| drop(hook.ask("told", Some(token))));
    }
    Ok(builder)
}

/// It does not keep the process: a call that waits for it does.
fn asking(function: &Function<'_, Question, ()>) -> Result<Asking> {
    function.build_threadsafe_function().callee_handled::<false>().weak::<true>().build()
}
