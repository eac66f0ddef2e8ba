//! The settings of a client and of one call, each checked once.

mod builder;
mod call_options;
mod check;
mod checked;
mod edition;
mod env;

pub use builder::{ClientBuilder, OPTIONS};
pub use call_options::CallOptions;
pub(crate) use checked::Config;
pub use edition::Edition;
