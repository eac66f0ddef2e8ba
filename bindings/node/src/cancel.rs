//! `CancelHandle`: what an `AbortSignal` pulls; JavaScript listens to the signal itself.

use ikcrm::Cancel;
use napi_derive::napi;

/// Ends the call that it is given to.
#[napi]
#[derive(Default)]
pub struct CancelHandle(pub(crate) Cancel);

#[napi]
impl CancelHandle {
    /// A handle that was not used yet.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the call within about a tenth of a second.
    #[napi]
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
