//! The CRM's endpoints, one a file: how it is asked and what it answers. Pure.

pub(crate) mod custom_fields;
mod envelope;
pub(crate) mod field_maps;
pub(crate) mod opportunities;
mod request;
pub(crate) mod sign_in;

pub use envelope::kind_of_code;
