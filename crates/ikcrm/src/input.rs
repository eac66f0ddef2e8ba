//! Values as callers hand them over, and checks of single ones.

pub(crate) mod setting;
pub(crate) mod check;
pub(crate) mod key;
mod patch;
pub(crate) mod suggest;
mod field_value;
mod value;

pub use field_value::{Amount, Day, Id};
pub use patch::{IntoPatch, Patch};
pub use value::{Choice, Value};
pub(crate) use value::{excerpt, name_twice};
