//! Values as callers hand them over, and checks of single ones.

pub(crate) mod setting;
pub(crate) mod check;
pub(crate) mod key;
mod patch;
pub(crate) mod suggest;
mod value;

pub use patch::Patch;
pub use value::{Choice, Value};
pub(crate) use value::{excerpt, name_twice};
