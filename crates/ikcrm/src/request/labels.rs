//! Puts ids and keys where a draft has labels, from maps that were read. Pure.

use super::custom_field::CustomFields;
use super::validate::Draft;
use crate::error::{Fault, FieldErrorCode as Code};
use crate::input::Value;
use crate::input::check::Wire;
use crate::response::FieldMap;

impl<'a> Draft<'a> {
    /// The id of an option; what is wrong with the label goes to the faults.
    pub(crate) fn set_option(&mut self, place: usize, field: &'a str, label: &str, map: &FieldMap) {
        match map.id(field, label) {
            Ok(id) => self.fields.set(place, field.into(), Wire::Text(id.to_owned().into())),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// The key and the value of a custom field; what is wrong with them goes to the faults.
    pub(crate) fn set_custom(
        &mut self,
        place: usize,
        (label, value): (&'a str, &'a Value),
        fields: &CustomFields,
    ) {
        let found = fields.find(label).and_then(|field| {
            if self.fields.has(&field.key) {
                let message = format!("is given by its key {} too; give it once", field.key);
                return Err(Fault(Code::Conflict, message));
            }
            Ok((field.key.clone(), field.check(value)?))
        });
        match found {
            Ok((key, wire)) => self.fields.set(place, key.into(), wire),
            Err(fault) => self.faults.push(fault.of(format!("custom.{label}"))),
        }
    }
}
