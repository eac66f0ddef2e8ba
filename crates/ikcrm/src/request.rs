//! What a caller asks for, and its checks.

mod labels;
mod custom_field;
mod query;
mod validate;
mod from_serialize;
mod from_deserialize;
mod update_call;
mod update;
mod fields;

pub(crate) use custom_field::{CustomField, CustomFields, Form};
pub use fields::{FIELDS, Field, FieldKind};
pub(crate) use query::{CheckedQuery, check_query};
pub use query::{OpportunityQuery, Order, QUERY_PARTS};
pub use update::OpportunityUpdate;
pub use update_call::{UPDATE_OPTIONS, UpdateCall};
pub(crate) use validate::{
    Checked, Draft, Label, check_entity, check_opportunity_id, check_update,
};
