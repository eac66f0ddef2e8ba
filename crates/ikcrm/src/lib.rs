//! Updates sales opportunities (商机) in the CRM 励销云/爱客CRM: right, or with a precise error.
//!
//! ```no_run
//! use ikcrm::{Client, Decimal, OpportunityUpdate, Patch, date};
//!
//! fn main() -> Result<(), ikcrm::Error> {
//!     let client = Client::builder().token("the open-API token").build()?;
//!     let update = OpportunityUpdate::new()
//!         .title("ccc")
//!         .customer_id(1)
//!         .expect_amount(Decimal::from(20_000))
//!         .get_time(date(2019, 2, 14))
//!         .note(Patch::Null);
//!     let opportunity = client.update_opportunity(568_587, &update)?;
//!     println!("{:?} is at {:?}", opportunity.title()?, opportunity.stage_mapped()?);
//!     Ok(())
//! }
//! ```
//!
//! With an account's login and password the client signs in by itself, and with labels a program needs
//! no ids:
//!
//! ```no_run
//! use ikcrm::{Client, OpportunityQuery, OpportunityUpdate};
//!
//! fn main() -> Result<(), ikcrm::Error> {
//!     let client = Client::builder().login("13800000000").password("secret").build()?;
//!     for row in client.list_opportunities(&OpportunityQuery::new().stage("谈判/合同"))? {
//!         println!("{:?}", row?.title()?);
//!     }
//!     let won = OpportunityUpdate::new().stage("赢单").custom("合同编号", "HT-7").fill(true);
//!     client.update_opportunity(568_587, &won)?;
//!     Ok(())
//! }
//! ```
//!
//! A call is read top to bottom in `client/calls.rs`: check, encode, send (again, if need be), decode.
//! No update is sent if a value is wrong, and every problem is reported at once.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | brings |
//! |---|---|
//! | `jobs` | updates of many rows: jobs, each in one file |
//! | `csv`, `xlsx` | the rows of a job from a sheet, and its result as one |
//! | `quota-redis` | the quota of many machines |
//! | `tracing` | a span for each call and each of its requests, below that of whoever prepared it |
//!
//! # What is logged
//!
//! Nothing by this crate; an [`Observer`] and the spans of `tracing` tell no body, no token and not whom a
//! call is about.
//!
//! <div class="warning">
//!
//! **Leave `ureq` and `ureq_proto` out of a log at level TRACE.** They speak HTTP here, and at this level
//! they write every byte that is sent and received, the token and personal data among them; at DEBUG they
//! write URLs, with the ids of opportunities, and at INFO nothing. A library cannot do that for you, since the limits of `log` are the program's:
//! `RUST_LOG=trace,ureq=info,ureq_proto=info` does, or the feature `max_level_debug` of `log` in the
//! program's own `Cargo.toml`.
//!
//! </div>
#![forbid(unsafe_code)]

// Each folder imports only from those after it, and nobody from here: a test holds them to it.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
#[cfg(any(feature = "csv", feature = "xlsx"))]
mod sheet;
#[cfg(feature = "jobs")]
mod job;
mod client;
mod lookup;
mod call;
mod api;
mod request;
mod config;
mod response;
mod quota;
mod transport;
mod input;
mod sync;
mod observe;
mod auth;
mod error;

pub use auth::{TokenStore, TokenStoreFailure};
pub use client::{
    CallFuture, Client, OpportunityList, PreparedCall, reset_client, update_opportunity,
};
pub use config::{CallOptions, ClientBuilder, Edition, FieldMapOptions, Priority};
pub use error::{
    ApiError, ApiErrorKind, Cause, Enterprise, Error, Excerpt, FieldError, FieldErrorCode,
    StopReason,
};
pub use input::{Amount, Choice, Day, Id, IntoPatch, Patch, Value};
pub use jiff::civil::{Date, DateTime, date};
#[cfg(feature = "jobs")]
pub use job::{
    ApplyOptions, CallbackFailure, Cell, Change, Compare, Counts, Empty, JobRow, JobRows,
    JobStatus, MaxErrors, OnConflict, OnDuplicate, PlanOptions, Problem, Progress, RowInput,
    RowState, UpdateJob, open_job,
};
pub use observe::{CallId, CallMeta, Event, Level, MetaSlot, Observer};
pub use quota::{Quota, QuotaStatus};
pub use request::{OpportunityQuery, OpportunityUpdate, Order};
pub use response::{
    Address, Contact, Customer, Department, FieldMap, FieldOption, MappedField, Opportunity,
    OpportunityPage, OpportunityRow, Record, User,
};
pub use rust_decimal::Decimal;
#[cfg(any(feature = "csv", feature = "xlsx"))]
pub use sheet::{Language, SheetOptions, WriteOptions};
pub use sync::{Cancel, forked};

/// The tables behind the behaviour, for the bindings and for tests against `contract/`.
#[doc(hidden)]
pub mod contract {
    pub use crate::api::kind_of_code;
    pub use crate::config::{CALL_OPTIONS, OPTIONS};
    pub use crate::error::spell_as;
    pub use crate::input::setting::flag_of;
    pub use crate::input::suggest::nearest;
    #[cfg(feature = "jobs")]
    pub use crate::job::{APPLY_OPTIONS, PLAN_OPTIONS};
    pub use crate::observe::{EVENTS, Fact};
    pub use crate::quota::QUOTA_OPTIONS;
    pub use crate::request::{FIELDS, Field, FieldKind, QUERY_PARTS, UPDATE_OPTIONS, UpdateCall};
    pub use crate::response::{Kind, SHAPES, Shape, Typed, after_text};
    #[cfg(any(feature = "csv", feature = "xlsx"))]
    pub use crate::sheet::{SHEET_OPTIONS, WRITE_OPTIONS};
}
