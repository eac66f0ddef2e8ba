//! What a call looks up of its enterprise: ids for labels.

mod labels;
mod cached;

pub(crate) use cached::field_map;
pub(crate) use labels::{resolve, resolve_filter};
