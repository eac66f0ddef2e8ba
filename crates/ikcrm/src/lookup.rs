//! What a client looked up of its enterprise, and keeps for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::budget::Budget;
use crate::custom::CustomFields;
use crate::flight::Flight;
use crate::{Client, Error, FieldMap, decode, encode};

/// How long it is kept: somebody may add or disable an option meanwhile.
const KEPT: Duration = Duration::from_secs(600);

/// The look-ups of one client, and so of one enterprise.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// By entity.
    field_maps: Mutex<HashMap<String, Arc<Kept<FieldMap>>>>,
    custom_fields: Kept<CustomFields>,
}

impl Lookups {
    pub(crate) fn new() -> Self {
        let custom_fields = Kept::new("another call's look-up of the custom fields");
        Self { field_maps: Mutex::default(), custom_fields }
    }

    fn field_map(&self, entity: &str) -> Arc<Kept<FieldMap>> {
        let mut maps = self.field_maps.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Kept::new("another call's look-up of the field map"));
        Arc::clone(maps.entry(entity.to_owned()).or_insert_with(new))
    }
}

/// A value and when it was read; calls that need it at once share one reading.
#[derive(Debug)]
struct Kept<T> {
    flight: Flight<(Instant, T)>,
    lasts: Duration,
}

impl<T: Clone> Kept<T> {
    fn new(what: &'static str) -> Self {
        Self { flight: Flight::new(what, None), lasts: KEPT }
    }

    /// The value that is kept, or a new one when that is too old or is to be `refresh`ed.
    fn get(
        &self,
        refresh: bool,
        budget: &Budget<'_>,
        fetch: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let stale = if refresh { self.flight.at_hand().map(|(read, _)| read) } else { None };
        let usable = |(read, _): &(Instant, T)| stale != Some(*read) && read.elapsed() < self.lasts;
        self.flight.get(budget, usable, || Ok((Instant::now(), fetch()?))).map(|(_, value)| value)
    }
}

impl Client {
    /// The field map of an entity.
    pub(crate) fn look_up_field_map(
        &self,
        entity: &str,
        refresh: bool,
        budget: &Budget<'_>,
    ) -> Result<FieldMap, Error> {
        budget.resources.lookups.field_map(entity).get(refresh, budget, || {
            let path = format!("/api/v2/field_maps/{entity}");
            let request = encode::look_up(self.config(), &path);
            self.send(&request, budget, |response| decode::field_map(response, entity))
        })
    }

    /// The custom fields of opportunities.
    pub(crate) fn look_up_custom_fields(&self, budget: &Budget<'_>) -> Result<CustomFields, Error> {
        budget.resources.lookups.custom_fields.get(false, budget, || {
            let path = "/api/v2/custom_fields/opportunity/by_group";
            let request = encode::look_up(self.config(), path);
            self.send(&request, budget, decode::custom_fields)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallOptions;

    /// What is got of a value 1 that lasts so long, when a new one is 2.
    fn got(lasts: Duration, refresh: bool) -> u32 {
        let client = Client::builder().token("t").base_url("http://127.0.0.1:1").build().unwrap();
        let options = CallOptions::new();
        let kept = Kept { lasts, ..Kept::new("a number") };
        kept.flight.put((Instant::now(), 1));
        kept.get(refresh, &Budget::new(&client, &options), || Ok(2)).unwrap()
    }

    #[test]
    fn what_is_kept_is_read_anew_when_it_is_old_or_told_to_be() {
        assert_eq!(got(KEPT, false), 1);
        assert_eq!(got(Duration::ZERO, false), 2);
        assert_eq!(got(KEPT, true), 2);
    }
}
