//! `UpdateCall`: an update and its options, taken by their names.

use super::update::OpportunityUpdate;
use crate::config::CallOptions;
use crate::error::{FieldError, FieldErrorCode};
use crate::input::Value;
use crate::input::setting::flag;

/// What an update takes besides its fields and the options of every call.
#[doc(hidden)]
pub const UPDATE_OPTIONS: &[&str] = &[
    // <generated: options>, by `make generate`
    "partial",
    "fill",
    "if_unchanged",
    // </generated>
];

/// An update and its options, as a binding takes them.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
#[must_use = "a call does nothing until it is made"]
pub struct UpdateCall {
    /// The fields, `partial`, `fill` and the record that is to be unchanged.
    pub update: OpportunityUpdate,
    /// The options, with the faults of all.
    pub options: CallOptions,
}

impl UpdateCall {
    /// Sets an option by its name; a null leaves the default. A record that is to be unchanged is no
    /// [`Value`]: whatever else is given for it is refused.
    pub fn set(mut self, name: &str, value: Value) -> Self {
        let taken = match name {
            "partial" | "fill" | "if_unchanged" if value == Value::Null => Ok(()),
            "partial" => flag(&value).map(|partial| self.update.partial = partial),
            "fill" => flag(&value).map(|fill| self.update.fill = fill),
            "if_unchanged" => return self.refuse_record(&value.describe()),
            _ => {
                self.options = self.options.set_among(UPDATE_OPTIONS, name, value);
                Ok(())
            }
        };
        match taken {
            Ok(()) => self,
            Err(fault) => self.refuse(fault.of(name)),
        }
    }

    /// Refuses what was given as the record that is to be unchanged.
    pub fn refuse_record(self, got: &str) -> Self {
        let message = format!("must be an opportunity that an earlier call returned, got {got}");
        self.refuse(FieldError::new("if_unchanged", FieldErrorCode::Type, message))
    }

    /// A fault of what only a binding can see; the call tells it with its own.
    pub fn refuse(mut self, fault: FieldError) -> Self {
        self.options = self.options.refuse(fault);
        self
    }
}
