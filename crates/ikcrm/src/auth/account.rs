//! `Account`: how a client gets a token.

use std::sync::Arc;
use std::time::Duration;

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
