//! `WrongInput`: what a test told its sandbox that cannot be.

use std::fmt;

/// What a sandbox was told cannot be; the message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongInput(String);

impl WrongInput {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for WrongInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for WrongInput {}
