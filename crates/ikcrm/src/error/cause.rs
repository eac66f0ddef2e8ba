//! What an error came of: somebody else's error, shared by the error's clones.

use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Somebody else's error, such as that of a token store.
///
/// It derefs to that error, and [`source`](Error::source) of the error that holds it is that error
/// too: `downcast_ref` finds its own type.
// It is no error by itself: then `source` would give it in the place of what it holds.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Deref for Cause {
    type Target = dyn Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref()
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Arc<dyn Error + Send + Sync>> for Cause {
    fn from(error: Arc<dyn Error + Send + Sync>) -> Self {
        Self(error)
    }
}

impl From<Box<dyn Error + Send + Sync>> for Cause {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self(error.into())
    }
}
