//! The calls, each read top to bottom from the caller's values to the CRM's answer.

use std::borrow::Borrow;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::api::{field_maps, opportunities};
use crate::call::{Call, Engine};
use crate::config::CallOptions;
use crate::error::Error;
use crate::input::Value;
use crate::lookup;
use crate::quota::QuotaStatus;
use crate::request::{
    Checked, Draft, OpportunityUpdate, check_entity, check_opportunity_id, check_update,
};
use crate::response::{FieldMap, Opportunity, check_unchanged};
use crate::transport::HttpRequest;

/// `PUT /api/v2/opportunities/:id`.
pub(super) async fn update(
    engine: &Engine,
    id: &Value,
    update: impl Borrow<OpportunityUpdate>,
    options: &CallOptions,
) -> Result<Opportunity, Error> {
    let draft = check_update(id, update.borrow(), &options.faults()).or_faults()?;
    checked().await;
    let call = engine.call(options);
    // Not by `Call::to`: ten thousand of these may wait, and so each keeps no more than it must.
    call.trail().start("PUT", opportunities::ONE);
    let complete = complete(draft, update.borrow(), &call).await;
    drop(update);
    let (id, request) = match complete {
        Ok(complete) => complete,
        Err(error) => return call.ended(Err(error)),
    };
    let decode = |answer| opportunities::opportunity(answer, id);
    call.ended(call.send(&request, decode).await.map(Opportunity::of_update))
}

/// The request of an update, and whose it is, after all that must be looked up for it.
async fn complete(
    mut draft: Draft<'_>,
    update: &OpportunityUpdate,
    call: &Call<'_>,
) -> Result<(i64, HttpRequest), Error> {
    lookup::resolve(&mut draft, call).await?;
    let mut checked = draft.finish()?;
    compare_and_fill(&mut checked, update, call).await?;
    Ok((checked.id, opportunities::update(&checked)))
}

/// Reads the opportunity if the update needs that: to see whether it changed, to fill what is
/// missing.
async fn compare_and_fill(
    checked: &mut Checked<'_>,
    update: &OpportunityUpdate,
    call: &Call<'_>,
) -> Result<(), Error> {
    let fill = update.fill && checked.is_incomplete();
    if !fill && update.if_unchanged.is_none() {
        return Ok(());
    }
    let id = checked.id;
    let decode = |answer| opportunities::opportunity(answer, id);
    let request = opportunities::read_before(id);
    let current = Box::pin(call.send(&request, decode)).await?;
    if let Some(given) = &update.if_unchanged {
        check_unchanged(given, &current)?;
    }
    if fill { checked.fill(&current).map_err(Error::without_effect) } else { Ok(()) }
}

/// `GET /api/v2/opportunities/:id`.
pub(super) async fn read(
    engine: &Engine,
    id: &Value,
    options: &CallOptions,
) -> Result<Opportunity, Error> {
    let id = check_opportunity_id(id, &options.faults())?;
    checked().await;
    let decode = |answer| opportunities::opportunity(answer, id);
    let (call, request) = (engine.call(options), opportunities::read(id));
    call.to("GET", opportunities::ONE, pin!(call.send(&request, decode))).await
}

/// `GET /api/v2/field_maps/:entity`.
pub(super) async fn field_map(
    engine: &Engine,
    entity: &Value,
    refresh: bool,
    options: &CallOptions,
) -> Result<FieldMap, Error> {
    let entity = check_entity(entity, &options.faults())?;
    checked().await;
    let call = engine.call(options);
    call.to("GET", field_maps::ROUTE, pin!(lookup::field_map(&call, &entity, refresh))).await
}

/// How much of the quota is used.
pub(super) async fn quota(
    engine: &Engine,
    options: &CallOptions,
) -> Result<Option<QuotaStatus>, Error> {
    engine.call(options).quota().await
}

/// All that can be said without waiting was said: a call that is not waited for goes on elsewhere
/// from here.
pub(super) async fn checked() {
    let mut first = true;
    poll_fn(|context| {
        if std::mem::take(&mut first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
