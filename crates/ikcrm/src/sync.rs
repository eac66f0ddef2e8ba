//! What calls on several threads share: cancels, time, fetched values, threads, processes.

mod workers;
mod cache;
mod single_flight;
mod budget;
mod cancel;
mod lock;
mod per_process;

pub(crate) use budget::Budget;
pub(crate) use cache::Cache;
pub use cancel::Cancel;
pub(crate) use cancel::SLICE;
pub(crate) use lock::lock;
pub(crate) use per_process::PerProcess;
pub(crate) use single_flight::SingleFlight;
pub(crate) use workers::Workers;
