//! `Session`: the client's token, and how it is renewed once for all that wait.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::exchange::Exchange;
use crate::api;
use crate::auth::{Account, Credentials, Token, TokenStoreFailure};
use crate::error::{ApiError, Error, Fault};
use crate::sync::{SingleFlight, lock};

/// The token in use, and the last sign-in.
pub(crate) struct Session {
    account: Account,
    token: SingleFlight<Arc<Token>>,
    last: Mutex<Option<SignIn>>,
}

/// A sign-in that the CRM decided.
#[derive(Debug, Clone)]
struct SignIn {
    at: Instant,
    /// Why it failed.
    error: Option<Error>,
}

/// A token that the CRM refused, and its words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) token: Arc<Token>,
    pub(crate) refusal: Box<ApiError>,
}

impl Session {
    pub(crate) fn new(account: Account) -> Self {
        let token = account.token.clone().map(Arc::new);
        Self::with(account, token)
    }

    fn with(account: Account, token: Option<Arc<Token>>) -> Self {
        let token = SingleFlight::new("another call's sign-in", token);
        Self { account, token, last: Mutex::default() }
    }

    /// The session of a forked process, which goes on with its parent's token.
    pub(crate) fn forked(&self) -> Self {
        let last = self.last.try_lock().map(|last| last.clone()).unwrap_or_default();
        let token = self.token.at_hand_after_fork();
        Self { last: Mutex::new(last), ..Self::with(self.account.clone(), token) }
    }

    /// Remembers a sign-in unless its failure is a passing one.
    fn note(&self, signed_in: &Result<Token, Error>) {
        let error = signed_in.as_ref().err().cloned();
        let decided = matches!(error, None | Some(Error::InvalidAnswer { .. }))
            || matches!(&error, Some(Error::Api(refusal)) if !refusal.is_passing());
        if decided {
            let last = SignIn { at: Instant::now(), error };
            *lock(&self.last) = Some(last);
        }
    }

    /// Fails when the last sign-in was less than `interval` ago.
    fn check_interval(&self, interval: Duration, refused: Option<&Refused>) -> Result<(), Error> {
        let last = lock(&self.last).clone();
        let Some(last) = last else { return Ok(()) };
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

    /// A token to call with, other than the refused one: the one in use, the store's, or that of a
    /// new sign-in, for which all calls wait that need it.
    pub(super) fn token(
        &self,
        exchange: &Exchange<'_>,
        refused: Option<&Refused>,
    ) -> Result<Arc<Token>, Error> {
        let usable = |token: &Arc<Token>| refused.is_none_or(|refused| refused.token != *token);
        self.token.get(&exchange.budget, usable, || self.new_token(exchange, refused))
    }

    fn new_token(
        &self,
        exchange: &Exchange<'_>,
        refused: Option<&Refused>,
    ) -> Result<Arc<Token>, Error> {
        if let Some(token) = self.stored_token()?
            && refused.is_none_or(|refused| *refused.token != token)
        {
            return Ok(Arc::new(token));
        }
        let Some(credentials) = &self.account.credentials else { return Err(no_way(refused)) };
        self.check_interval(self.account.sign_in_interval, refused)?;
        let token = self.sign_in(credentials, exchange)?;
        // The older token is dead by now, whatever the store does.
        self.token.put(Arc::clone(&token));
        self.hand_on(token.text())?;
        Ok(token)
    }

    fn sign_in(
        &self,
        credentials: &Credentials,
        exchange: &Exchange<'_>,
    ) -> Result<Arc<Token>, Error> {
        let request = api::sign_in::sign_in(credentials);
        let signed_in = exchange.run(&request, None, api::sign_in::token);
        self.note(&signed_in);
        signed_in.map(Arc::new)
    }

    fn stored_token(&self) -> Result<Option<Token>, Error> {
        let Some(store) = &self.account.token_store else { return Ok(None) };
        let token = store.get().map_err(|source| store_error("read", source))?;
        let token = token.filter(|token| !token.is_empty()).map(Token::new).transpose();
        token.map_err(|Fault(_, message)| store_error("used", message.into()))
    }

    /// Tells the store and the hook of a new token.
    fn hand_on(&self, token: &str) -> Result<(), Error> {
        let told = self.account.on_token.as_ref().map_or(Ok(()), |hook| hook(token));
        if let Some(store) = &self.account.token_store {
            store.set(token).map_err(|source| store_error("written", source))?;
        }
        told.map_err(|source| failed(format!("on_token failed: {source}"), source))
    }
}

/// Without credentials a refusal stays one.
fn no_way(refused: Option<&Refused>) -> Error {
    match refused {
        Some(refused) => Error::Api(refused.refusal.clone()),
        None => Error::TokenStore {
            message: "the token store holds no token, and without login and password there is no \
                      way to a new one"
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

    fn account(token: Token) -> Account {
        Account {
            token: Some(token),
            credentials: None,
            sign_in_interval: Duration::ZERO,
            token_store: None,
            on_token: None,
        }
    }

    #[test]
    fn a_forked_process_goes_on_with_its_parents_token_and_interval() {
        let token = Token::new("t".to_owned()).unwrap();
        let parent = Session::new(account(token.clone()));
        parent.note(&Ok(token.clone()));
        let child = parent.forked();
        assert_eq!(child.token.at_hand().as_deref(), Some(&token));
        assert!(child.check_interval(Duration::from_secs(60), None).is_err());
    }

    #[test]
    fn a_fork_amid_a_look_at_the_token_goes_without() {
        let parent = Session::new(account(Token::new("t".to_owned()).unwrap()));
        let _held = parent.last.lock().unwrap();
        assert!(parent.forked().last.lock().unwrap().is_none());
    }
}
