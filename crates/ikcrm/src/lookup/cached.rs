//! Field maps and custom fields, read when they are needed and kept for a while.

use crate::api;
use crate::call::Call;
use crate::error::Error;
use crate::request::CustomFields;
use crate::response::FieldMap;

/// The field map of an entity.
pub(crate) async fn field_map(
    call: &Call<'_>,
    entity: &str,
    refresh: bool,
) -> Result<FieldMap, Error> {
    let fetch = async {
        let request = api::field_maps::field_map(entity);
        call.send(&request, |response| api::field_maps::parsed(response, entity)).await
    };
    call.lookups().field_map(entity).get(refresh, call.budget(), fetch).await
}

/// The custom fields of opportunities.
pub(crate) async fn custom_fields(call: &Call<'_>, refresh: bool) -> Result<CustomFields, Error> {
    let fetch =
        async { call.send(&api::custom_fields::custom_fields(), api::custom_fields::parsed).await };
    call.lookups().custom_fields().get(refresh, call.budget(), fetch).await
}
