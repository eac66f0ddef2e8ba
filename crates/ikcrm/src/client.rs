//! `Client`: its public methods. What a call does is in `calls.rs`.

mod list;
mod prepared;
mod calls;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::call::Engine;
use crate::config::{CallOptions, ClientBuilder, FieldMapOptions};
use crate::error::Error;
use crate::input::Value;
use crate::quota::QuotaStatus;
use crate::request::{OpportunityQuery, OpportunityUpdate, check_query};
use crate::response::{FieldMap, Opportunity};
use crate::sync::{PerProcess, block_on, lock};

pub use list::OpportunityList;
pub use prepared::{CallFuture, PreparedCall};

/// A client of one CRM with one account. Clones share settings, connections and the token; threads
/// may too.
///
/// ```no_run
/// # fn main() -> Result<(), ikcrm::Error> {
/// let client = ikcrm::Client::builder().token("the open-API token").build()?;
/// let update = ikcrm::OpportunityUpdate::new().title("ccc").customer_id(1);
/// let opportunity = client.update_opportunity(568_587, &update)?;
/// # Ok(())
/// # }
/// ```
///
/// The token is given, or that of a sign-in with the account's login and password: the first call
/// that needs one signs in, and a call whose token the CRM refuses as dead signs in again and is made
/// once more. All calls that need a new token wait for one sign-in. See [`ClientBuilder`].
///
/// After a `fork` the child makes connections of its own and never touches the parent's; it goes on
/// with the parent's token.
#[derive(Clone)]
pub struct Client(Arc<Engine>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.summary())
    }
}

impl Client {
    /// A builder with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// What the client is for, without a secret, for the texts by which languages show it.
    #[doc(hidden)]
    #[must_use]
    pub fn summary(&self) -> String {
        self.0.config().summary()
    }

    /// A client with the settings of the environment; see [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// [`Error::Config`], which lists every wrong setting.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env().build()
    }

    /// Updates an opportunity: `PUT /api/v2/opportunities/:id`.
    ///
    /// The id is a whole number or its digits. Blocks until the answer is there. Labels of options and
    /// of custom fields are looked up before, and the opportunity is read before if the update says
    /// [`fill`](OpportunityUpdate::fill) or [`if_unchanged`](OpportunityUpdate::if_unchanged).
    ///
    /// # Errors
    ///
    /// [`Error::Validation`], which lists every wrong value, before anything is sent (except for
    /// look-ups of labels); [`Error::Conflict`] when the opportunity is not as it must be; any other
    /// error but [`Error::Config`] when the call failed.
    pub fn update_opportunity(
        &self,
        id: impl Into<Value>,
        update: &OpportunityUpdate,
    ) -> Result<Opportunity, Error> {
        self.update_opportunity_with(id, update, &CallOptions::new())
    }

    /// [`update_opportunity`](Self::update_opportunity) with options of this call alone.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Cancelled`] when the options' [`Cancel`](crate::Cancel) was set.
    pub fn update_opportunity_with(
        &self,
        id: impl Into<Value>,
        update: &OpportunityUpdate,
        options: &CallOptions,
    ) -> Result<Opportunity, Error> {
        let id = id.into();
        let call = calls::update(&self.0, &id, update, options);
        block_on(call, options.cancel.as_ref())
    }

    /// The call of [`update_opportunity`](Self::update_opportunity), to be made later or elsewhere.
    pub fn prepare_update(
        &self,
        id: impl Into<Value>,
        update: OpportunityUpdate,
        options: CallOptions,
    ) -> PreparedCall<Opportunity> {
        // Boxed, to be freed when the request is written.
        let (id, update) = (id.into(), Box::new(update));
        PreparedCall::new(&self.0, options, |engine, options| async move {
            calls::update(&engine, &id, update, &options).await
        })
    }

    /// Reads an opportunity: `GET /api/v2/opportunities/:id`.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let opportunity = client.get_opportunity(568_587)?;
    /// println!("{:?}", opportunity.title()?);
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when the id is wrong, and what a call can fail with.
    pub fn get_opportunity(&self, id: impl Into<Value>) -> Result<Opportunity, Error> {
        self.get_opportunity_with(id, &CallOptions::new())
    }

    /// [`get_opportunity`](Self::get_opportunity) with options of this call alone.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Cancelled`] when the options' [`Cancel`](crate::Cancel) was set.
    pub fn get_opportunity_with(
        &self,
        id: impl Into<Value>,
        options: &CallOptions,
    ) -> Result<Opportunity, Error> {
        block_on(calls::read(&self.0, &id.into(), options), options.cancel.as_ref())
    }

    /// The call of [`get_opportunity`](Self::get_opportunity), to be made later or elsewhere.
    pub fn prepare_get(
        &self,
        id: impl Into<Value>,
        options: CallOptions,
    ) -> PreparedCall<Opportunity> {
        let id = id.into();
        PreparedCall::new(&self.0, options, |engine, options| async move {
            calls::read(&engine, &id, &options).await
        })
    }

    /// The opportunities of a query: `GET /api/v2/opportunities`, page after page as they are needed.
    ///
    /// Nothing is sent yet. The label of a stage is looked up with the first page.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let query = ikcrm::OpportunityQuery::new().stage("谈判/合同").sort("created_at");
    /// for row in client.list_opportunities(&query)?.take(10) {
    ///     println!("{:?}", row?.title()?);
    /// }
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`], which lists every problem of the query; the rows tell what a call can fail
    /// with.
    pub fn list_opportunities(&self, query: &OpportunityQuery) -> Result<OpportunityList, Error> {
        self.list_opportunities_with(query, CallOptions::new())
    }

    /// [`list_opportunities`](Self::list_opportunities) with options for each of its calls: a timeout
    /// is one page's.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn list_opportunities_with(
        &self,
        query: &OpportunityQuery,
        options: CallOptions,
    ) -> Result<OpportunityList, Error> {
        let query = check_query(query, &options.faults())?;
        Ok(OpportunityList::new(Arc::clone(&self.0), query, options))
    }

    /// The options of an entity's fields, with their ids and labels:
    /// `GET /api/v2/field_maps/:entity`. The entity of opportunities is `opportunity`.
    ///
    /// The vendor does not document the endpoint; other clients use it. The client keeps the map for
    /// ten minutes, and looks labels up in it.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let map = client.field_map("opportunity")?;
    /// for stage in map.field("stage").into_iter().flat_map(|field| &field.options) {
    ///     println!("{} {} {}", stage.id, stage.label, stage.enabled);
    /// }
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when the entity is none, and what a call can fail with.
    pub fn field_map(&self, entity: impl Into<Value>) -> Result<FieldMap, Error> {
        self.field_map_with(entity, FieldMapOptions::new())
    }

    /// [`field_map`](Self::field_map) with options of this call alone; [`CallOptions`] do as well.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Cancelled`] when the options' [`Cancel`](crate::Cancel) was set.
    pub fn field_map_with(
        &self,
        entity: impl Into<Value>,
        options: impl Into<FieldMapOptions>,
    ) -> Result<FieldMap, Error> {
        let (entity, FieldMapOptions { refresh, call: options }) = (entity.into(), options.into());
        let call = calls::field_map(&self.0, &entity, refresh, &options);
        block_on(call, options.cancel.as_ref())
    }

    /// The call of [`field_map`](Self::field_map), to be made later or elsewhere.
    pub fn prepare_field_map(
        &self,
        entity: impl Into<Value>,
        options: impl Into<FieldMapOptions>,
    ) -> PreparedCall<FieldMap> {
        let (entity, FieldMapOptions { refresh, call: options }) = (entity.into(), options.into());
        PreparedCall::new(&self.0, options, |engine, options| async move {
            calls::field_map(&engine, &entity, refresh, &options).await
        })
    }

    /// What the calls of a job are made with.
    #[cfg(feature = "jobs")]
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.0
    }

    /// How much of the quota is used now; nothing when it is turned off.
    ///
    /// # Errors
    ///
    /// [`Error::QuotaStore`] when the quota's store cannot be used.
    pub fn quota(&self) -> Result<Option<QuotaStatus>, Error> {
        block_on(calls::quota(&self.0, &CallOptions::new()), None)
    }

    /// The call of [`quota`](Self::quota), to be made later or elsewhere.
    pub fn prepare_quota(&self, options: CallOptions) -> PreparedCall<Option<QuotaStatus>> {
        PreparedCall::new(&self.0, options, |engine, options| async move {
            calls::quota(&engine, &options).await
        })
    }

    /// Ends the client, and so all its clones: calls that wait end as [`Error::Cancelled`] at once,
    /// those whose request is under way may go on for `grace` and are then ended too. Later calls end
    /// at once. The quota and an account's session live on as long as any client uses them.
    ///
    /// Dropping the last clone ends a client as well, when its last call has ended.
    pub fn close(&self, grace: Duration) {
        block_on(self.0.close(grace), None);
    }

    /// [`close`](Self::close), to be done elsewhere.
    pub fn prepare_close(&self, grace: Duration) -> PreparedCall<()> {
        PreparedCall::new(&self.0, CallOptions::new(), |engine, _| async move {
            engine.close(grace).await;
            Ok(())
        })
    }
}

impl ClientBuilder {
    /// Checks all settings and makes the client. No connection is opened yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], which lists every wrong setting.
    pub fn build(self) -> Result<Client, Error> {
        self.check()
            .map(|config| Client(Arc::new(Engine::new(config))))
            .map_err(|fields| Error::Config { fields })
    }
}

/// Updates an opportunity with a client of the whole process, made of the environment's settings
/// on first use; see [`ClientBuilder::from_env`].
///
/// # Errors
///
/// As [`Client::update_opportunity`], and [`Error::Config`] when the settings are wrong.
pub fn update_opportunity(
    id: impl Into<Value>,
    update: &OpportunityUpdate,
) -> Result<Opportunity, Error> {
    of_process()?.update_opportunity(id, update)
}

/// Forgets the client of [`update_opportunity`](fn@update_opportunity): its next call reads the
/// environment anew. For tests, and for programs whose settings change. Calls under way go on.
pub fn reset_client() {
    lock(slot_of_process()).take();
}

/// The client of the whole process; it is made anew after a reset, and in a process that was forked.
fn of_process() -> Result<Client, Error> {
    let mut slot = lock(slot_of_process());
    if let Some(client) = &*slot {
        return Ok(client.clone());
    }
    Ok(slot.insert(Client::from_env()?).clone())
}

/// A fork gets a slot of its own, for another thread may hold the lock of its parent's.
fn slot_of_process() -> &'static Mutex<Option<Client>> {
    static CLIENT: PerProcess<Mutex<Option<Client>>> = PerProcess::new();
    CLIENT.current(|_| Mutex::new(None))
}
