//! `Lookups`: what a client looked up of its enterprise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::request::CustomFields;
use crate::response::FieldMap;
use crate::sync::{Cache, lock};

/// The look-ups of one client, and so of one enterprise.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// By entity.
    field_maps: Mutex<HashMap<String, Arc<Cache<FieldMap>>>>,
    custom_fields: Cache<CustomFields>,
}

impl Lookups {
    pub(crate) fn new() -> Self {
        let custom_fields = Cache::new("another call's look-up of the custom fields");
        Self { field_maps: Mutex::default(), custom_fields }
    }

    pub(crate) fn field_map(&self, entity: &str) -> Arc<Cache<FieldMap>> {
        let new = || Arc::new(Cache::new("another call's look-up of the field map"));
        Arc::clone(lock(&self.field_maps).entry(entity.to_owned()).or_insert_with(new))
    }

    pub(crate) fn custom_fields(&self) -> &Cache<CustomFields> {
        &self.custom_fields
    }
}
