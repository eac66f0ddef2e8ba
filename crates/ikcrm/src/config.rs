//! The settings of a client and of one call, each checked once.

mod env;
mod checked;
mod builder;
mod call_options;
mod check;
mod headers;
mod edition;

pub use builder::{ClientBuilder, OPTIONS};
pub use call_options::{CallOptions, Priority};
pub(crate) use call_options::{OPTIONS as CALL_OPTIONS, Watch};
pub(crate) use check::TlsRoots;
pub(crate) use checked::Config;
pub use edition::Edition;
