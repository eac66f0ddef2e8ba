//! Tokens, and whose they are.

mod account;
mod token;

pub(crate) use account::{Account, Credentials, OnToken};
pub(crate) use token::Token;
pub use token::{TokenStore, TokenStoreFailure};
