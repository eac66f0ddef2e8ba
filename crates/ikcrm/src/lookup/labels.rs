//! Turns the labels of a checked call into the ids and keys that the API takes.

use super::cached::{custom_fields, field_map};
use crate::call::Call;
use crate::error::Error;
use crate::input::Value;
use crate::request::{Draft, Label};

/// The entity whose labels these are.
const ENTITY: &str = "opportunity";

/// Looks up the labels of the draft; what is wrong with them goes to its other faults.
///
/// When a look-up fails, the faults that are known already are of more use than that.
pub(crate) async fn resolve(draft: &mut Draft<'_>, call: &Call<'_>) -> Result<(), Error> {
    for label in std::mem::take(&mut draft.labels) {
        let found = match label {
            Label::Option { place, field, label } => {
                option(draft, place, (field, label), call).await
            }
            Label::Custom { place, label, value } => {
                custom(draft, place, (label, value), call).await
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
pub(crate) async fn resolve_filter(
    field: &str,
    label: &str,
    call: &Call<'_>,
) -> Result<String, Error> {
    let map = field_map(call, ENTITY, false).await?;
    let id = map.id(field, label).map_err(|fault| Error::Validation { fields: vec![fault] });
    id.map(ToOwned::to_owned)
}

async fn option<'a>(
    draft: &mut Draft<'a>,
    place: usize,
    (field, label): (&'a str, &'a str),
    call: &Call<'_>,
) -> Result<(), Error> {
    draft.set_option(place, field, label, &field_map(call, ENTITY, false).await?);
    Ok(())
}

async fn custom<'a>(
    draft: &mut Draft<'a>,
    place: usize,
    labelled: (&'a str, &'a Value),
    call: &Call<'_>,
) -> Result<(), Error> {
    draft.set_custom(place, labelled, &custom_fields(call, false).await?);
    Ok(())
}
