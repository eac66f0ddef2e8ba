//! The settings of a client and of one call, each checked once.

mod env;
mod field_map_options;
mod checked;
mod builder;
mod call_options;
mod check;
mod headers;
mod edition;

pub use builder::{ClientBuilder, OPTIONS};
pub(crate) use call_options::Watch;
pub use call_options::{CALL_OPTIONS, CallOptions, Priority};
pub(crate) use check::TlsRoots;
pub(crate) use checked::Config;
pub use edition::Edition;
pub use field_map_options::FieldMapOptions;
