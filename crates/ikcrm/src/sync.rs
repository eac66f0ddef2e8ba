//! What calls on several threads share: waits and what ends them, fetched values, threads, processes.

mod cache;
mod single_flight;
mod budget;
mod permits;
mod count;
mod workers;
mod hook_thread;
mod reply;
mod block_on;
mod cancel;
pub(crate) mod timer;
mod fork;
#[cfg(feature = "jobs")]
mod locked_file;
mod per_process;
pub(crate) mod fault_point;
mod lock;
pub(crate) mod clock;

pub(crate) use block_on::block_on;
pub(crate) use budget::{Budget, Ends};
pub(crate) use cache::Cache;
pub use cancel::Cancel;
pub(crate) use cancel::{Flags, SLICE, Waking};
pub(crate) use count::{Count, Counted};
pub use fork::forked;
pub(crate) use hook_thread::HookThread;
pub(crate) use lock::lock;
#[cfg(feature = "jobs")]
pub(crate) use locked_file::LockedFile;
pub(crate) use per_process::PerProcess;
pub(crate) use permits::{Permit, Permits};
pub(crate) use reply::Reply;
pub(crate) use single_flight::SingleFlight;
pub(crate) use workers::Workers;
