//! Jobs: updates of many rows, planned, applied, resumed and accounted for.

mod face;
mod undo;
mod plan;
mod named;
mod run;
mod send;
mod compare;
mod finish;
mod flight;
mod desk;
mod update_job;
mod kind;
mod report;
mod store;
mod load;
mod watch;
mod limits;
mod options;
mod view;
mod progress;
mod input;
mod judge;
mod reading;
mod failure;
mod outage;
mod pace;
mod lock;
mod fault;
mod crm;
mod landing;
mod row;

#[cfg(test)]
mod tests;

pub use input::{Cell, RowInput};
#[cfg(any(feature = "csv", feature = "xlsx"))]
pub(crate) use input::{Place, column_letters};
#[cfg(any(feature = "csv", feature = "xlsx"))]
pub(crate) use load::json_of;
pub use named::{APPLY_OPTIONS, PLAN_OPTIONS};
#[cfg(any(feature = "csv", feature = "xlsx"))]
pub(crate) use options::AsOf;
pub use options::{
    ApplyOptions, CallbackFailure, Compare, Empty, MaxErrors, OnConflict, OnDuplicate, PlanOptions,
};
pub use progress::{Counts, Progress};
pub use report::Problem;
pub use row::RowState;
pub use update_job::{JobRows, JobStatus, UpdateJob, open_job};
#[cfg(any(feature = "csv", feature = "xlsx"))]
pub(crate) use view::JobResult;
pub use view::{Change, JobRow};
