//! `Token`: a token that was checked, with the header that carries it; and where programs share it.

use std::fmt;

use http::HeaderValue;

use crate::error::{Fault, FieldErrorCode as Code, fault};

/// A token that fits its header. It is printed nowhere.
#[derive(Clone, PartialEq)]
pub(crate) struct Token {
    text: String,
    header: HeaderValue,
}

impl Token {
    /// A token must be visible ASCII without the separators of its header. Never quoted back.
    pub(crate) fn new(text: String) -> Result<Self, Fault> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b",;\"'\\".contains(&byte);
        let header = format!("Token token={text}, device=open_api, version_code=9.9.9");
        match HeaderValue::try_from(header) {
            Ok(mut header) if !text.is_empty() && text.bytes().all(plain) => {
                header.set_sensitive(true);
                Ok(Self { text, header })
            }
            _ => {
                let message = "must be visible ASCII characters without spaces, quotes, commas, \
                               semicolons or backslashes; paste only the token itself";
                fault(Code::Format, message)
            }
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value of the header `Authorization`.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a [`TokenStore`] failed.
pub type TokenStoreFailure = Box<dyn std::error::Error + Send + Sync>;

/// Where programs that use one account share its token: a file, a database, a secret manager.
///
/// A new sign-in ends the account's older token, so programs that share an account must share the
/// token too. A client asks the store before it signs in, and again when the CRM refused its token,
/// for another program may have put a newer one there; it puts each new token there. One store is
/// for one account in one enterprise.
///
/// ```
/// use std::sync::Mutex;
/// use ikcrm::{Client, TokenStore, TokenStoreFailure};
///
/// #[derive(Default)]
/// struct InMemory(Mutex<Option<String>>);
///
/// impl TokenStore for InMemory {
///     fn get(&self) -> Result<Option<String>, TokenStoreFailure> {
///         Ok(self.0.lock().map_err(|error| error.to_string())?.clone())
///     }
///
///     fn set(&self, token: &str) -> Result<(), TokenStoreFailure> {
///         *self.0.lock().map_err(|error| error.to_string())? = Some(token.to_owned());
///         Ok(())
///     }
/// }
///
/// let client = Client::builder()
///     .login("demo@example.com")
///     .password("demo-password")
///     .token_store(InMemory::default())
///     .build()?;
/// # Ok::<(), ikcrm::Error>(())
/// ```
pub trait TokenStore: Send + Sync {
    /// The token that is kept, if any.
    ///
    /// # Errors
    ///
    /// When the store cannot be read; the call then fails with
    /// [`Error::TokenStore`](crate::Error::TokenStore).
    fn get(&self) -> Result<Option<String>, TokenStoreFailure>;

    /// Keeps the token of a new sign-in.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; the call then fails as above, and the client keeps the
    /// token for its next ones.
    fn set(&self, token: &str) -> Result<(), TokenStoreFailure>;

    /// The same for two stores that are one: clients that share it then share one sign-in too.
    #[doc(hidden)]
    fn identity(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>() as usize
    }
}
