//! Turns the labels of a checked call into the ids and keys that the API takes.

use crate::budget::Budget;
use crate::check::{Fault, Wire};
use crate::error::{FieldError, FieldErrorCode as Code};
use crate::validate::{Draft, Label};
use crate::{Client, Error, Value};

/// The entity whose labels these are.
const ENTITY: &str = "opportunity";

impl Client {
    /// Looks up the labels of the draft; what is wrong with them goes to its other faults.
    ///
    /// When a look-up fails, the faults that are known already are of more use than that.
    pub(crate) fn resolve(&self, draft: &mut Draft<'_>, budget: &Budget<'_>) -> Result<(), Error> {
        for label in std::mem::take(&mut draft.labels) {
            let found = match label {
                Label::Option { place, field, label } => {
                    self.resolve_option(draft, place, (field, label), budget)
                }
                Label::Custom { place, label, value } => {
                    self.resolve_custom(draft, place, (label, value), budget)
                }
            };
            match found {
                Err(_) if !draft.faults.is_empty() => return Ok(()),
                found => found?,
            }
        }
        Ok(())
    }

    /// The id of the option that a list is filtered by.
    pub(crate) fn resolve_filter(
        &self,
        field: &str,
        label: &str,
        budget: &Budget<'_>,
    ) -> Result<String, Error> {
        let map = self.look_up_field_map(ENTITY, false, budget)?;
        let id = map.id(field, label).map_err(|fault| Error::Validation { fields: vec![fault] });
        id.map(ToOwned::to_owned)
    }

    fn resolve_option<'a>(
        &self,
        draft: &mut Draft<'a>,
        place: usize,
        (field, label): (&'a str, &'a str),
        budget: &Budget<'_>,
    ) -> Result<(), Error> {
        let map = self.look_up_field_map(ENTITY, false, budget)?;
        match map.id(field, label) {
            Ok(id) => draft.fields.set(place, field.into(), Wire::Text(id.to_owned().into())),
            Err(fault) => draft.faults.push(fault),
        }
        Ok(())
    }

    fn resolve_custom<'a>(
        &self,
        draft: &mut Draft<'a>,
        place: usize,
        (label, value): (&'a str, &'a Value),
        budget: &Budget<'_>,
    ) -> Result<(), Error> {
        let fields = self.look_up_custom_fields(budget)?;
        let found = fields.find(label).and_then(|field| {
            if draft.fields.has(&field.key) {
                let message = format!("is given by its key {} too; give it once", field.key);
                return Err(Fault(Code::Conflict, message));
            }
            Ok((field.key.clone(), field.check(value)?))
        });
        match found {
            Ok((key, wire)) => draft.fields.set(place, key.into(), wire),
            Err(Fault(code, message)) => {
                draft.faults.push(FieldError::new(format!("custom.{label}"), code, message));
            }
        }
        Ok(())
    }
}
