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
//! A call is read top to bottom in `client.rs`: check, encode, send (again, if need be), decode.
//! No update is sent when a value is wrong, and every fault is told at once.
#![forbid(unsafe_code)]

mod budget;
mod cancel;
mod check;
mod client;
mod config;
mod conflict;
mod custom;
mod decode;
mod encode;
mod error;
mod field_map;
mod fields;
mod flight;
mod list;
mod lookup;
mod opportunity;
mod options;
mod patch;
mod process;
mod query;
mod quota;
mod record;
mod resolve;
mod retry;
mod session;
mod token;
mod transport;
mod update;
mod validate;
mod value;
mod workers;

pub use cancel::Cancel;
pub use client::{Client, update_opportunity};
pub use config::{ClientBuilder, Edition};
pub use error::{ApiError, ApiErrorKind, Enterprise, Error, Excerpt, FieldError, FieldErrorCode};
pub use field_map::{FieldMap, FieldOption, MappedField};
pub use jiff::civil::{Date, DateTime, date};
pub use list::{OpportunityList, OpportunityPage};
pub use opportunity::{Address, Contact, Customer, Department, Opportunity, OpportunityRow, User};
pub use options::CallOptions;
pub use patch::Patch;
pub use query::{OpportunityQuery, Order};
pub use quota::{Quota, QuotaStatus};
pub use record::Record;
pub use rust_decimal::Decimal;
pub use token::{TokenStore, TokenStoreFailure};
pub use update::OpportunityUpdate;
pub use value::{Choice, Value};

/// The tables behind the behaviour, for the bindings and for tests against `tests/contract`.
#[doc(hidden)]
pub mod contract {
    pub use crate::config::OPTIONS;
    pub use crate::decode::kind_of_code;
    pub use crate::fields::{FIELDS, Field, FieldKind, unknown_message};
    pub use crate::opportunity::SHAPES;
    pub use crate::query::QUERY_PARTS;
    pub use crate::quota::QUOTA_OPTIONS;
    pub use crate::record::{Kind, Shape, Typed};
}
