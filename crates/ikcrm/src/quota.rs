//! How many calls an enterprise may make, and the waits for that.

#[cfg(test)]
mod tests;
mod open;
mod settings;
mod scope;
mod gate;
mod queue;
#[cfg(feature = "quota-redis")]
mod redis;
mod file;
mod store;
mod window;

pub(crate) use gate::{Joined, Slot};
pub use open::QuotaStatus;
pub(crate) use open::{OpenQuota, Turn};
pub(crate) use queue::Lane;
pub(crate) use scope::Scope;
pub(crate) use settings::SharedQuota;
pub use settings::{QUOTA_OPTIONS, Quota};
pub(crate) use window::Fate;
#[cfg(feature = "fuzzing")]
pub(crate) use {
    file::{passed_on, window_in},
    window::{Limit, Request, Taken, Window},
};
