//! The calls of a client that are about jobs.

use std::sync::Arc;

use super::crm::{Caller, Crm};
use super::desk::Desk;
use super::finish::{End, finish};
use super::input::RowInput;
use super::lock::Lock;
use super::options::{ApplyOptions, OnConflict, PlanOptions};
use super::plan::{check_place, note_means, plan, policy};
use super::row::RowState;
use super::run::Run;
use super::store::Store;
use super::undo::undo;
use super::update_job::UpdateJob;
use super::watch::Watch;
use crate::client::Client;
use crate::error::Error;

impl Client {
    /// Plans updates of many opportunities: checks the rows, compares them with the CRM, and writes
    /// nothing there.
    ///
    /// A row is an id and an [`OpportunityUpdate`](crate::OpportunityUpdate), or a [`RowInput`]. `title` and `customer_id` need
    /// not be given. A row without an id, or with a value that an update would refuse, is
    /// [`Invalid`](RowState::Invalid) and stays in the job.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// use ikcrm::{ApplyOptions, OpportunityUpdate, PlanOptions};
    ///
    /// let rows = (600_001..600_011_u64).map(|id| (id, OpportunityUpdate::new().stage("赢单")));
    /// let mut job = client.plan_updates(rows, PlanOptions::new().job("q3.job"))?;
    /// println!("{job}");
    /// client.apply_updates(&mut job, ApplyOptions::new())?;
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::JobFile`] when the path holds anything but a job of the same rows and options;
    /// [`Error::JobInUse`]; [`Error::JobStopped`] when comparing stopped: the same call continues; and what a call can fail with.
    pub fn plan_updates<R: Into<RowInput>>(
        &self,
        rows: impl IntoIterator<Item = R>,
        options: PlanOptions<'_>,
    ) -> Result<UpdateJob, Error> {
        let mut rows = rows.into_iter().map(|row| Ok(row.into()));
        self.plan_updates_from(&mut rows, options)
    }

    /// [`plan_updates`](Self::plan_updates) of rows whose source may fail: then there is no job.
    ///
    /// # Errors
    ///
    /// As there, and what the source fails with.
    pub fn plan_updates_from(
        &self,
        rows: &mut dyn Iterator<Item = Result<RowInput, Error>>,
        options: PlanOptions<'_>,
    ) -> Result<UpdateJob, Error> {
        let crm = Caller::new(Arc::clone(self.engine()), options.call.clone());
        plan(&crm, rows, options)
    }

    /// Carries out a job; it continues where it stopped.
    ///
    /// Each row is [`Sending`](RowState::Sending) in the file before its first byte leaves, and gets its
    /// result afterwards. If it is not known whether the CRM has a row, it is read first: nothing is
    /// sent blindly twice.
    ///
    /// It returns when the job is completed, or stopped by `limit` or `max_duration`.
    ///
    /// # Errors
    ///
    /// [`Error::JobStopped`] when something else stopped it; [`Error::Cancelled`];
    /// [`Error::JobInUse`]; [`Error::JobFile`].
    pub fn apply_updates(
        &self,
        job: &mut UpdateJob,
        options: ApplyOptions<'_>,
    ) -> Result<(), Error> {
        let crm = Caller::new(Arc::clone(self.engine()), options.call.clone());
        apply(&crm, job, options)
    }

    /// Plans and applies in one call; a job file of the same rows continues.
    ///
    /// `confirm` is shown the plan; unless it returns true, the job stays as planned.
    ///
    /// # Errors
    ///
    /// As [`plan_updates`](Self::plan_updates) and [`apply_updates`](Self::apply_updates).
    pub fn update_opportunities<R: Into<RowInput>>(
        &self,
        rows: impl IntoIterator<Item = R>,
        plan: PlanOptions<'_>,
        options: ApplyOptions<'_>,
        confirm: impl FnOnce(&UpdateJob) -> bool,
    ) -> Result<UpdateJob, Error> {
        let mut job = self.plan_updates(rows, plan)?;
        if confirm(&job) {
            self.apply_updates(&mut job, options)?;
        }
        Ok(job)
    }

    /// The definitions of custom fields, which tell what the columns of a sheet are.
    #[cfg(any(feature = "csv", feature = "xlsx"))]
    pub(crate) fn custom_fields(
        &self,
        options: &crate::config::CallOptions,
    ) -> Result<crate::request::CustomFields, Error> {
        super::crm::Crm::custom_fields(&Caller::new(Arc::clone(self.engine()), options.clone()))
    }

    /// A job that restores what another one changed: its updated rows, which must still be as that
    /// job left them. A field whose value before is not known makes its row invalid.
    ///
    /// # Errors
    ///
    /// As [`plan_updates`](Self::plan_updates); [`Error::JobInUse`] while somebody works on the job.
    pub fn plan_undo(&self, job: &UpdateJob, options: PlanOptions<'_>) -> Result<UpdateJob, Error> {
        let crm = Caller::new(Arc::clone(self.engine()), options.call.clone());
        undo(&crm, job, options)
    }
}

/// Works a job off.
pub(super) fn apply(
    crm: &dyn Crm,
    job: &mut UpdateJob,
    mut options: ApplyOptions<'_>,
) -> Result<(), Error> {
    options.check()?;
    let _lock = Lock::take(job.path())?;
    let store = job.store()?;
    let mut policy = policy(&store)?;
    policy.overwrite = options.on_conflict == OnConflict::Overwrite;
    if is_done(&store, &options)? {
        return Ok(());
    }
    store.begin_sending()?;
    let was_killed = store.get::<String>("status")?.as_deref() == Some("running");
    let watch = Watch::new(options.on_progress.take(), options.on_row.take(), policy.send_all);
    let desk = Desk::new(&store, crm, options.quota_share, watch);
    let ended = check_place(&desk).and_then(|()| {
        store.put("status", "running")?;
        note_means(&desk)?;
        Run::new(&desk, &options, policy).go(was_killed)
    });
    finish(&desk, ended, &End::Completed)
}

/// Whether a completed job has nothing that may be taken up again.
fn is_done(store: &Store, options: &ApplyOptions<'_>) -> Result<bool, Error> {
    let counts = super::progress::Counts::new(store.counts()?);
    let open = |state: RowState| {
        state.is_open() || state == RowState::Unknown || options.retry.contains(&state)
    };
    let any = counts.iter().any(|(state, rows)| rows > 0 && open(state));
    Ok(!any && store.get::<String>("status")?.as_deref() == Some("completed"))
}
