//! The CRM's endpoints, one a file: how it is asked and what it answers. Pure.

pub(crate) mod opportunities;
pub(crate) mod sign_in;
pub(crate) mod custom_fields;
pub(crate) mod field_maps;
mod request;
mod envelope;

pub use envelope::kind_of_code;
