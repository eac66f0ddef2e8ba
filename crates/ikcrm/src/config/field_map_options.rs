//! `FieldMapOptions`: how a field map is read.

use super::call_options::CallOptions;
use crate::error::FieldError;
use crate::input::Value;
use crate::input::setting::flag;

/// How a field map is read.
///
/// ```no_run
/// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
/// let map = client.field_map_with("opportunity", ikcrm::FieldMapOptions::new().refresh(true))?;
/// # Ok::<(), ikcrm::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a call takes them"]
pub struct FieldMapOptions {
    pub(crate) refresh: bool,
    pub(crate) call: CallOptions,
}

impl FieldMapOptions {
    /// Options that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the map anew although the client has it (default: no).
    pub fn refresh(mut self, refresh: bool) -> Self {
        self.refresh = refresh;
        self
    }

    /// The options of the call: timeout, retries, cancel.
    pub fn call(mut self, call: CallOptions) -> Self {
        self.call = call;
        self
    }

    /// Sets an option by its name, `refresh` or one of a call. A null leaves the default, and the call
    /// reports a wrong value.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        match (name, value.into()) {
            ("refresh", Value::Null) => self,
            ("refresh", value) => match flag(&value) {
                Ok(refresh) => self.refresh(refresh),
                Err(fault) => self.refuse(fault.of("refresh")),
            },
            (name, value) => {
                self.call = self.call.set_among(&["refresh"], name, value);
                self
            }
        }
    }

    /// A fault of what only a binding can see; the call tells it with its own.
    #[doc(hidden)]
    pub fn refuse(mut self, fault: FieldError) -> Self {
        self.call = self.call.refuse(fault);
        self
    }
}

impl From<CallOptions> for FieldMapOptions {
    fn from(call: CallOptions) -> Self {
        Self::new().call(call)
    }
}
