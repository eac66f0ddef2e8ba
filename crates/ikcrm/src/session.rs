//! The client's token: where it comes from, and how it is renewed once for all that wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::budget::Budget;
use crate::error::{ApiError, Error};
use crate::flight::Flight;
use crate::token::{Token, TokenStoreFailure};
use crate::{Client, client, decode, encode};

/// Login and password of an account, and the enterprise to sign in to.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) corp_id: Option<String>,
}

/// The token in use, and the last sign-in.
#[derive(Debug)]
pub(crate) struct Session {
    token: Flight<Arc<Token>>,
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
    pub(crate) fn new(token: Option<Arc<Token>>) -> Self {
        Self { token: Flight::new("another call's sign-in", token), last: Mutex::default() }
    }

    /// The session of a forked process, which goes on with its parent's token.
    pub(crate) fn forked(&self) -> Self {
        let last = self.last.try_lock().map(|last| last.clone()).unwrap_or_default();
        Self { last: Mutex::new(last), ..Self::new(self.token.at_hand_after_fork()) }
    }

    /// Remembers a sign-in unless its failure is a passing one.
    fn note(&self, signed_in: &Result<Token, Error>) {
        let error = signed_in.as_ref().err().cloned();
        let decided = matches!(error, None | Some(Error::InvalidAnswer { .. }))
            || matches!(&error, Some(Error::Api(refusal)) if !refusal.is_passing());
        if decided {
            let last = SignIn { at: Instant::now(), error };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        }
    }

    /// Fails when the last sign-in was less than `interval` ago.
    fn check_interval(&self, interval: Duration, refused: Option<&Refused>) -> Result<(), Error> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
}

impl Client {
    /// A token to call with, other than the refused one: the one in use, the store's, or that of a
    /// new sign-in, for which all calls wait that need it.
    pub(crate) fn token(
        &self,
        budget: &Budget<'_>,
        refused: Option<&Refused>,
    ) -> Result<Arc<Token>, Error> {
        let usable = |token: &Arc<Token>| refused.is_none_or(|refused| refused.token != *token);
        budget.resources.session.token.get(budget, usable, || self.new_token(budget, refused))
    }

    fn new_token(
        &self,
        budget: &Budget<'_>,
        refused: Option<&Refused>,
    ) -> Result<Arc<Token>, Error> {
        if let Some(token) = self.stored_token()?
            && refused.is_none_or(|refused| *refused.token != token)
        {
            return Ok(Arc::new(token));
        }
        let Some(credentials) = &self.config().credentials else { return Err(no_way(refused)) };
        budget.resources.session.check_interval(self.config().sign_in_interval, refused)?;
        let token = self.sign_in(credentials, budget)?;
        // The older token is dead by now, whatever the store does.
        budget.resources.session.token.put(Arc::clone(&token));
        self.hand_on(token.text())?;
        Ok(token)
    }

    fn sign_in(&self, credentials: &Credentials, budget: &Budget<'_>) -> Result<Arc<Token>, Error> {
        let request = encode::sign_in(self.config(), credentials);
        let signed_in = client::attempts(&request, None, budget, decode::sign_in);
        budget.resources.session.note(&signed_in);
        signed_in.map(Arc::new)
    }

    fn stored_token(&self) -> Result<Option<Token>, Error> {
        let Some(store) = &self.config().token_store else { return Ok(None) };
        let token = store.get().map_err(|source| store_error("read", source))?;
        let token = token.filter(|token| !token.is_empty()).map(Token::new).transpose();
        token.map_err(|(_, fault)| store_error("used", fault.into()))
    }

    /// Tells the store and the hook of a new token.
    fn hand_on(&self, token: &str) -> Result<(), Error> {
        let told = self.config().on_token.as_ref().map_or(Ok(()), |hook| hook(token));
        if let Some(store) = &self.config().token_store {
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

    #[test]
    fn a_forked_process_goes_on_with_its_parents_token_and_interval() {
        let token = Arc::new(Token::new("t".to_owned()).unwrap());
        let parent = Session::new(Some(Arc::clone(&token)));
        parent.note(&Ok((*token).clone()));
        let child = parent.forked();
        assert_eq!(child.token.at_hand(), Some(token));
        assert!(child.check_interval(Duration::from_secs(60), None).is_err());
    }

    #[test]
    fn a_fork_amid_a_look_at_the_token_goes_without() {
        let parent = Session::new(Some(Arc::new(Token::new("t".to_owned()).unwrap())));
        let _held = parent.last.lock().unwrap();
        assert!(parent.forked().last.lock().unwrap().is_none());
    }
}
