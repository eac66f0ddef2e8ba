//! `Account`: how a client gets a token.

use std::sync::Arc;
use std::time::Duration;

use ring::digest::{Context, SHA256};

use super::token::{Token, TokenStore, TokenStoreFailure};

/// What is told of each new token.
pub(crate) type OnToken = Arc<dyn Fn(&str) -> Result<(), TokenStoreFailure> + Send + Sync>;

/// The ways to a token, and who is told of a new one.
#[derive(Clone)]
pub(crate) struct Account {
    /// The token to begin with.
    pub(crate) token: Option<Token>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) sign_in_interval: Duration,
    pub(crate) token_store: Option<Arc<dyn TokenStore>>,
    pub(crate) on_token: Option<OnToken>,
}

/// Login and password of an account, and the enterprise to sign in to.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) corp_id: Option<String>,
}

impl Account {
    /// The same for clients that sign in to the same account of the same CRM and keep its token in
    /// the same place; nothing for clients that do not sign in. It tells no secret.
    pub(crate) fn fingerprint(&self, base_url: &str) -> Option<[u8; 32]> {
        let Credentials { login, password, corp_id } = self.credentials.as_ref()?;
        let store = self.token_store.as_ref().map(|store| store.identity());
        let parts = [
            base_url.to_owned(),
            login.clone(),
            password.clone(),
            format!("{corp_id:?} {store:?}"),
        ];
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        context.finish().as_ref().try_into().ok()
    }
}
