//! How many calls an enterprise may make, and the waits for that.

#[cfg(test)]
mod tests;
mod open;
mod settings;
mod gate;
#[cfg(feature = "quota-redis")]
mod redis;
#[cfg(feature = "quota-sqlite")]
mod sqlite;
mod store;
mod window;

pub(crate) use open::OpenQuota;
pub use open::QuotaStatus;
pub(crate) use settings::SharedQuota;
pub use settings::{QUOTA_OPTIONS, Quota};
pub(crate) use window::Fate;
#[cfg(feature = "fuzzing")]
pub(crate) use window::{Limit, Request, Taken, Window};
