//! `Session`: an account's token, and how it is renewed once for all that wait.
//!
//! Clients of one process that sign in to the same account share a session: each sign-in would end
//! the others' token.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::exchange::{Exchange, Failure};
use crate::api;
use crate::auth::{Account, Credentials, OnToken, Token, TokenStore, TokenStoreFailure};
use crate::error::{ApiError, ApiErrorKind, Error, Fault, spelt};
use crate::sync::{HookThread, PerProcess, SingleFlight, lock};

/// The token in use, and the last sign-in.
pub(crate) struct Session {
    token: SingleFlight<Arc<Token>>,
    last: Mutex<Option<SignIn>>,
    listeners: Mutex<Vec<Weak<Listener>>>,
    /// Runs the token store and the listeners.
    hooks: HookThread,
}

/// Who is told of each new token.
pub(crate) struct Listener(OnToken);

/// A sign-in that was sent.
#[derive(Debug, Clone)]
struct SignIn {
    at: Instant,
    /// Why it failed, unless it was left to itself.
    error: Option<Error>,
    /// How long it keeps others off.
    interval: Duration,
}

/// A token that the CRM refused, and its words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) token: Arc<Token>,
    pub(crate) refusal: Box<ApiError>,
}

/// A client's way to its session.
pub(crate) struct Membership {
    account: Account,
    session: Arc<Session>,
    /// Keeps the client's `on_token` among the session's listeners.
    _listener: Option<Arc<Listener>>,
}

type Sessions = Mutex<HashMap<[u8; 32], Arc<Session>>>;

impl Session {
    fn new(token: Option<Arc<Token>>, last: Option<SignIn>) -> Self {
        Self {
            token: SingleFlight::new("another call's sign-in", token),
            last: Mutex::new(last),
            listeners: Mutex::default(),
            hooks: HookThread::default(),
        }
    }

    /// The session of a forked process, which goes on with its parent's token.
    fn forked(&self) -> Self {
        let last = self.last.try_lock().map(|last| last.clone()).unwrap_or_default();
        Self::new(self.token.at_hand_after_fork(), last)
    }

    /// The one that all clients of the process with this account share.
    fn of_process(fingerprint: [u8; 32], token: Option<Arc<Token>>) -> Arc<Self> {
        static SESSIONS: PerProcess<Sessions> = PerProcess::new();
        let mut sessions = lock(SESSIONS.current(|parent| {
            let sessions = parent.and_then(|sessions| sessions.try_lock().ok());
            let forked = |(key, session): (&_, &Arc<Self>)| (*key, Arc::new(session.forked()));
            Mutex::new(sessions.iter().flat_map(|sessions| sessions.iter()).map(forked).collect())
        }));
        sessions.retain(|_, session| Arc::strong_count(session) > 1 || session.is_recent());
        let new = || Arc::new(Self::new(token, None));
        Arc::clone(sessions.entry(fingerprint).or_insert_with(new))
    }

    /// Whether a sign-in still keeps others off.
    fn is_recent(&self) -> bool {
        lock(&self.last).as_ref().is_some_and(|last| last.at.elapsed() < last.interval)
    }

    /// Fails when the last sign-in was less than `interval` ago.
    fn check_interval(&self, interval: Duration, refused: Option<&Refused>) -> Result<(), Error> {
        let Some(last) = lock(&self.last).clone() else { return Ok(()) };
        let retry_after = interval.saturating_sub(last.at.elapsed());
        match last.error {
            _ if retry_after.is_zero() => Ok(()),
            Some(error) => Err(error),
            None => Err(Error::SignInLimited {
                retry_after,
                interval,
                refusal: refused.map(|refused| refused.refusal.clone()),
                may_have_been_applied: false,
            }),
        }
    }

    /// Remembers a sign-in that was sent, so that the next keeps its distance.
    fn note(&self, error: Option<Error>, interval: Duration) {
        *lock(&self.last) = Some(SignIn { at: Instant::now(), error, interval });
    }

    /// Runs a function of the user's, as long as the call may.
    async fn run_hook<T: Send + 'static>(
        &self,
        exchange: &Exchange<'_>,
        what: &str,
        hook: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let reply = self.hooks.run(hook).map_err(|error| store_error("used", error.into()))?;
        let done = exchange.budget.wait_for(what, reply.value()).await?;
        done.ok_or_else(|| {
            store_error("used", format!("it or {} panicked", spelt("on_token")).into())
        })
    }
}

impl Membership {
    pub(crate) fn new(account: &Account, base_url: &str) -> Self {
        let token = account.token.clone().map(Arc::new);
        let session = match account.fingerprint(base_url) {
            Some(fingerprint) => Session::of_process(fingerprint, token),
            None => Arc::new(Session::new(token, None)),
        };
        Self::of(account, session)
    }

    /// That of a forked process.
    pub(crate) fn forked(&self, base_url: &str) -> Self {
        let session = match self.account.fingerprint(base_url) {
            Some(fingerprint) => Session::of_process(fingerprint, None),
            None => Arc::new(self.session.forked()),
        };
        Self::of(&self.account, session)
    }

    fn of(account: &Account, session: Arc<Session>) -> Self {
        let listener = account.on_token.clone().map(|hook| Arc::new(Listener(hook)));
        let mut listeners = lock(&session.listeners);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.extend(listener.as_ref().map(Arc::downgrade));
        drop(listeners);
        Self { account: account.clone(), session, _listener: listener }
    }

    /// A token to call with, other than the refused one: the one in use, the store's, or that of a
    /// new sign-in, for which all calls wait that need it.
    pub(super) async fn token(
        &self,
        exchange: &Exchange<'_>,
        refused: Option<&Refused>,
    ) -> Result<Arc<Token>, Error> {
        let usable = |token: &Arc<Token>| refused.is_none_or(|refused| refused.token != *token);
        if let Some(token) = self.session.token.usable(usable) {
            return Ok(token);
        }
        let new = self.new_token(exchange, refused);
        Box::pin(self.session.token.get(&exchange.budget, usable, new)).await
    }

    async fn new_token(
        &self,
        exchange: &Exchange<'_>,
        refused: Option<&Refused>,
    ) -> Result<Arc<Token>, Error> {
        if let Some(token) = self.stored_token(exchange).await?
            && refused.is_none_or(|refused| *refused.token != token)
        {
            return Ok(Arc::new(token));
        }
        let Some(credentials) = &self.account.credentials else { return Err(no_way(refused)) };
        self.session.check_interval(self.account.sign_in_interval, refused)?;
        let token = Box::pin(self.sign_in(credentials, exchange)).await?;
        // The older token is dead by now, whatever the store does.
        self.session.token.put(Arc::clone(&token));
        self.hand_on(&token, exchange).await?;
        Ok(token)
    }

    async fn sign_in(
        &self,
        credentials: &Credentials,
        exchange: &Exchange<'_>,
    ) -> Result<Arc<Token>, Error> {
        let request = api::sign_in::sign_in(credentials);
        let interval = self.account.sign_in_interval;
        let signed_in = exchange.run(&request, None, api::sign_in::token).await;
        if let Some(sign_ins) = &exchange.options.sign_ins
            && signed_in.as_ref().map_or_else(|failure| failure.sent, |_| true)
        {
            sign_ins.fetch_add(1, Ordering::Relaxed);
        }
        match signed_in {
            Ok(token) => {
                self.session.note(None, interval);
                exchange.trail.signed_in();
                Ok(Arc::new(token))
            }
            Err(Failure { error, sent }) => {
                if sent && !is_held_back(&error) {
                    let told = (!is_given_up(&error)).then(|| error.clone());
                    self.session.note(told, interval);
                }
                Err(error)
            }
        }
    }

    async fn stored_token(&self, exchange: &Exchange<'_>) -> Result<Option<Token>, Error> {
        let Some(store) = self.account.token_store.clone() else { return Ok(None) };
        let get = move || store.get();
        let get = self.session.run_hook(exchange, "the token store", get);
        let token = exchange.trail.asking("get", pin!(get)).await?;
        let token = token.map_err(|source| store_error("read", source))?;
        let token = token.filter(|token| !token.is_empty()).map(Token::new).transpose();
        token.map_err(|Fault(_, message)| store_error("used", message.into()))
    }

    /// Tells the store and the listeners of a new token.
    async fn hand_on(&self, token: &Arc<Token>, exchange: &Exchange<'_>) -> Result<(), Error> {
        let listeners: Vec<_> =
            lock(&self.session.listeners).iter().filter_map(Weak::upgrade).collect();
        let store = self.account.token_store.clone();
        if listeners.is_empty() && store.is_none() {
            return Ok(());
        }
        let token = Arc::clone(token);
        let tell = move || tell(&listeners, store.as_deref(), token.text());
        let told = self.session.run_hook(exchange, "the token store", tell);
        if self.account.token_store.is_none() {
            return told.await?;
        }
        exchange.trail.asking("set", pin!(told)).await?
    }
}

/// Tells all of them, and then what failed.
fn tell(
    listeners: &[Arc<Listener>],
    store: Option<&dyn TokenStore>,
    token: &str,
) -> Result<(), Error> {
    let told: Vec<_> = listeners.iter().map(|listener| (listener.0)(token)).collect();
    if let Some(store) = store {
        store.set(token).map_err(|source| store_error("written", source))?;
    }
    let failed = |source| failed(format!("{} failed: {source}", spelt("on_token")), source);
    told.into_iter().collect::<Result<_, _>>().map_err(failed)
}

/// Whether the CRM's quota held the sign-in back, so that it was none.
fn is_held_back(error: &Error) -> bool {
    matches!(error, Error::Api(refusal) if refusal.kind == ApiErrorKind::RateLimited)
}

/// Whether the sign-in was left to itself: the CRM may have carried it out.
fn is_given_up(error: &Error) -> bool {
    matches!(error, Error::Cancelled { .. } | Error::RequestTimeout { .. })
}

/// Without credentials a refusal stays one.
fn no_way(refused: Option<&Refused>) -> Error {
    match refused {
        Some(refused) => Error::Api(refused.refusal.clone()),
        None => Error::TokenStore {
            message: "the token store is empty, and there are no login and password to get a new \
                      token; put a token into the store, or give login and password"
                .to_owned(),
            source: None,
            may_have_been_applied: false,
        },
    }
}

fn store_error(what: &str, source: TokenStoreFailure) -> Error {
    failed(format!("the token store cannot be {what}: {source}"), source)
}

fn failed(message: String, source: TokenStoreFailure) -> Error {
    Error::TokenStore { message, source: Some(source.into()), may_have_been_applied: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Arc<Token> {
        Arc::new(Token::new("t".to_owned()).unwrap())
    }

    #[test]
    fn a_forked_process_goes_on_with_its_parents_token_and_interval() {
        let parent = Session::new(Some(token()), None);
        parent.note(None, Duration::from_secs(60));
        let child = parent.forked();
        assert_eq!(child.token.at_hand(), Some(token()));
        assert!(child.check_interval(Duration::from_secs(60), None).is_err());
    }

    #[test]
    fn a_fork_amid_a_look_at_the_token_goes_without() {
        let parent = Session::new(Some(token()), None);
        let _held = parent.last.lock().unwrap();
        assert!(parent.forked().last.lock().unwrap().is_none());
    }
}
