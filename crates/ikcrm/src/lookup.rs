//! What a call looks up of its enterprise: ids for labels.

mod labels;
mod cached;

#[cfg(feature = "jobs")]
pub(crate) use cached::custom_fields;
pub(crate) use cached::field_map;
pub(crate) use labels::{resolve, resolve_filter};
