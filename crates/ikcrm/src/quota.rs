//! How many calls an enterprise may make, and the waits for that.

mod gate;
mod open;
#[cfg(feature = "quota-redis")]
mod redis;
mod settings;
#[cfg(feature = "quota-sqlite")]
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use open::OpenQuota;
pub use open::QuotaStatus;
pub(crate) use settings::SharedQuota;
pub use settings::{QUOTA_OPTIONS, Quota};
pub(crate) use window::Fate;
