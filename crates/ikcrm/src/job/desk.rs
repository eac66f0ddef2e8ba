//! Where a job's calls are made: in turn, counted, and again after a passing failure.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use super::crm::Crm;
use super::failure::{Meaning, meaning};
use super::kind::Kind;
use super::outage::{Next, Outage};
use super::pace::Pace;
use super::report;
use super::row::Row;
use super::store::Store;
use super::watch::{Trouble, Watch};
use crate::error::{Error, StopReason};

/// So often a run waits until the client may sign in again.
const SIGN_INS: u32 = 3;

/// Why a run ends before its end.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) reason: StopReason,
    pub(super) message: String,
    pub(super) error: Option<Error>,
    /// What a callback failed with.
    pub(super) source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Stop {
    pub(super) fn new(reason: StopReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), error: None, source: None }
    }

    /// What no call could go on after.
    pub(super) fn fatal(reason: StopReason, error: Error) -> Self {
        Self { reason, message: error.to_string(), error: Some(error), source: None }
    }
}

/// An error that is about no row is the end.
impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let reason = match meaning(&error) {
            Meaning::Fatal(reason) => reason,
            Meaning::SignInLater(_) => StopReason::Auth,
            Meaning::Passing | Meaning::OfRow(_) => StopReason::Outage,
        };
        Self::fatal(reason, error)
    }
}

/// What a callback fails with stops the job as a cancel does.
impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::File(error) => Self::from(error),
            Trouble::Callback(failure) => {
                let message = format!("a callback failed: {failure}");
                Self { source: Some(failure.into()), ..Self::new(StopReason::Cancelled, message) }
            }
        }
    }
}

/// How long to wait after a failure, and why.
#[derive(Debug)]
pub(super) struct Wait(Duration, &'static str);

/// The means of one run.
pub(super) struct Desk<'a> {
    pub(super) store: &'a Store,
    pub(super) crm: &'a dyn Crm,
    pace: RefCell<Pace>,
    outage: RefCell<Outage>,
    sign_ins: Cell<u32>,
    /// Calls that are not yet in the file, by kind.
    calls: RefCell<[i64; Kind::ALL.len()]>,
    watch: RefCell<Watch<'a>>,
    /// How long it took to count the rows last.
    counting: Cell<Duration>,
    /// The process whose run it is.
    pid: u32,
}

impl<'a> Desk<'a> {
    pub(super) fn new(store: &'a Store, crm: &'a dyn Crm, share: f64, watch: Watch<'a>) -> Self {
        Self {
            store,
            crm,
            pace: RefCell::new(Pace::new(crm.limit(), share)),
            outage: RefCell::default(),
            sign_ins: Cell::new(0),
            calls: RefCell::default(),
            watch: RefCell::new(watch),
            counting: Cell::default(),
            pid: std::process::id(),
        }
    }

    /// The time from one call to the next, as far as the quota tells.
    pub(super) fn interval(&self) -> Duration {
        self.pace.borrow().interval
    }

    /// Makes a call that changes nothing until it is answered. An error is about what was asked for.
    pub(super) fn ask<T>(
        &self,
        kind: Kind,
        call: impl Fn(&dyn Crm) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Stop> {
        loop {
            self.take_turn(kind)?;
            match call(self.crm) {
                Ok(answer) => {
                    self.answered();
                    return Ok(Ok(answer));
                }
                Err(error) => match meaning(&error) {
                    Meaning::OfRow(_) => {
                        self.answered();
                        return Ok(Err(error));
                    }
                    found => self.after(&found, error)?,
                },
            }
        }
    }

    /// The same, where any error is the end.
    pub(super) fn need<T>(
        &self,
        kind: Kind,
        call: impl Fn(&dyn Crm) -> Result<T, Error>,
    ) -> Result<T, Stop> {
        self.ask(kind, call)?.map_err(Stop::from)
    }

    /// Waits for the job's turn to call.
    pub(super) fn take_turn(&self, kind: Kind) -> Result<(), Stop> {
        self.check_cancel()?;
        let wait = self.pace.borrow_mut().turn(self.crm.elapsed());
        self.pause(wait)?;
        self.count(kind);
        Ok(())
    }

    /// How long it is until the job's turn to call.
    pub(super) fn turn_in(&self) -> Duration {
        self.pace.borrow().wait(self.crm.elapsed())
    }

    /// Takes the job's turn, which has come, for an update that is counted already.
    pub(super) fn take_turn_now(&self) {
        self.pace.borrow_mut().turn(self.crm.elapsed());
    }

    /// Counts a call.
    pub(super) fn count(&self, kind: Kind) {
        if let Some(calls) = self.calls.borrow_mut().get_mut(kind as usize) {
            *calls += 1;
        }
    }

    /// Whether a reading must work before anything is sent.
    pub(super) fn is_out(&self) -> bool {
        self.outage.borrow().is_out()
    }

    /// The CRM answered: there is no outage.
    pub(super) fn answered(&self) {
        self.outage.borrow_mut().answered();
        self.sign_ins.set(0);
    }

    /// Waits as long as a failure calls for, or ends the run.
    pub(super) fn after(&self, found: &Meaning, error: Error) -> Result<(), Stop> {
        match self.judge(found, error)? {
            Some(wait) => self.rest(&wait),
            None => Ok(()),
        }
    }

    /// Counts a failure, and tells how long to wait for it; or ends the run.
    pub(super) fn judge(&self, found: &Meaning, error: Error) -> Result<Option<Wait>, Stop> {
        match found {
            Meaning::OfRow(_) => Ok(None),
            Meaning::Fatal(reason) => Err(Stop::fatal(*reason, error)),
            Meaning::SignInLater(_) if self.sign_ins.get() == SIGN_INS => {
                Err(Stop::fatal(StopReason::Auth, error))
            }
            Meaning::SignInLater(wait) => {
                self.sign_ins.set(self.sign_ins.get() + 1);
                Ok(Some(Wait(*wait, "the client may not sign in again yet")))
            }
            Meaning::Passing => match self.outage.borrow_mut().failed() {
                Next::GoOn => Ok(None),
                Next::Pause(wait) => Ok(Some(Wait(wait, "the CRM does not answer"))),
                Next::Stop => Err(Stop::fatal(StopReason::Outage, error)),
            },
        }
    }

    /// Waits, and tells why.
    pub(super) fn rest(&self, Wait(wait, why): &Wait) -> Result<(), Stop> {
        self.tell(Some(why))?;
        self.pause(*wait)?;
        self.tell(None)
    }

    pub(super) fn pause(&self, wait: Duration) -> Result<(), Stop> {
        if !wait.is_zero() {
            self.crm.wait(wait);
        }
        self.check_cancel()
    }

    pub(super) fn check_cancel(&self) -> Result<(), Stop> {
        if self.crm.is_cancelled() {
            let error = Error::cancelled(false);
            return Err(Stop::fatal(StopReason::Cancelled, error));
        }
        Ok(())
    }

    /// Tells the caller how far the run is, unless that was told just now.
    pub(super) fn tick(&self) -> Result<(), Stop> {
        let due = self.watch.borrow_mut().is_due(self.crm.elapsed(), self.counting.get());
        if due { self.tell(None) } else { Ok(()) }
    }

    /// Tells the caller how far the run is, and why it waits.
    pub(super) fn tell(&self, waiting: Option<&str>) -> Result<(), Stop> {
        let progress = || {
            let begun = self.crm.elapsed();
            let mut progress = report::progress(self.store, self.crm.now())?;
            self.counting.set(self.crm.elapsed().saturating_sub(begun));
            progress.waiting = waiting.map(ToOwned::to_owned);
            Ok(progress)
        };
        self.watch.borrow_mut().tell(progress)?;
        self.check_process()
    }

    /// Tells the caller of a row that is done.
    pub(super) fn tell_row(&self, row: &Row) -> Result<(), Stop> {
        self.watch.borrow_mut().row(row)?;
        self.check_process()
    }

    /// Whether anybody is told of each row.
    pub(super) fn tells_rows(&self) -> bool {
        self.watch.borrow().on_row.is_some()
    }

    /// Whether a callback forked, and this is the child: the file and the calls are its parent's.
    pub(super) fn is_forked(&self) -> bool {
        std::process::id() != self.pid
    }

    fn check_process(&self) -> Result<(), Stop> {
        if self.is_forked() {
            let message = "a callback forked the process; the job goes on in the parent";
            return Err(Stop::new(StopReason::Cancelled, message));
        }
        Ok(())
    }

    /// Writes what was counted to the file; belongs into each commit.
    pub(super) fn note_calls(&self) -> Result<(), Error> {
        (0..self.crm.take_sign_ins()).for_each(|_| self.count(Kind::SignIn));
        let calls = std::mem::take(&mut *self.calls.borrow_mut());
        for (kind, calls) in Kind::ALL.into_iter().zip(calls) {
            if calls > 0 {
                self.store.add(&format!("calls.{}", kind.as_str()), calls)?;
            }
        }
        Ok(())
    }
}
