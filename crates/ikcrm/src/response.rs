//! What the CRM answers, typed.

mod serialize;
mod diff;
mod field_map;
mod page;
mod opportunity;
mod same;
mod record;
mod json;
mod index;
mod scan;

pub(crate) use diff::{GIVE_RECORD, check_unchanged, is_comparable};
pub(crate) use field_map::pick;
pub use field_map::{FieldMap, FieldOption, MappedField};
pub(crate) use index::{Index, name, take_object};
pub use opportunity::{
    Address, Contact, Customer, Department, Opportunity, OpportunityRow, SHAPES, User,
};
pub(crate) use opportunity::{OPPORTUNITY, OPPORTUNITY_ROW};
pub use page::OpportunityPage;
pub(crate) use record::MOST_RECORDS;
pub use record::{Kind, Record, Shape, Typed};
#[cfg(feature = "jobs")]
pub(crate) use same::{Likeness, is_nothing, same};
pub(crate) use scan::Scan;
pub use scan::after_text;
