//! `Sandbox`: a stand-in CRM on threads of this process, for tests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ikcrm_sandbox::{Failure, Quota, Seed, WrongInput};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

/// Login, password and ids of the enterprises of an account.
type Account = (String, String, Vec<String>);
/// How many calls are admitted in how many seconds.
type Calls = Option<(usize, f64)>;

/// A stand-in CRM, until it is closed.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Sandbox {
    running: Mutex<Option<ikcrm_sandbox::Sandbox>>,
    #[pyo3(get)]
    url: String,
    /// The process that has its threads.
    process: u32,
}

#[pymethods]
impl Sandbox {
    /// Starts a stand-in CRM.
    #[new]
    fn new(
        py: Python<'_>,
        token: String,
        accounts: Vec<Account>,
        port: u16,
        quota: Calls,
        latency: f64,
    ) -> PyResult<Self> {
        let builder = ikcrm_sandbox::Sandbox::builder().token(token).port(port);
        let builder = builder.quota(calls(quota)?).latency(seconds("latency", latency)?);
        let with_account = |builder: ikcrm_sandbox::Builder, account: Account| {
            let (login, password, corp_ids) = account;
            let corp_ids: Vec<_> = corp_ids.iter().map(String::as_str).collect();
            builder.account(&login, &password, &corp_ids)
        };
        let builder = accounts.into_iter().fold(builder, with_account);
        let sandbox = py.detach(|| builder.start())?;
        let (url, process) = (sandbox.url(), std::process::id());
        Ok(Self { running: Mutex::new(Some(sandbox)), url, process })
    }

    /// Stops it; in a fork, only forgets it.
    fn close(&self, py: Python<'_>) {
        // Before the process is asked for, nothing may wait: a fork may inherit a lock that is taken.
        if std::process::id() == self.process {
            let sandbox = self.lock().take();
            py.detach(|| drop(sandbox));
        }
    }

    /// The token that lives for ever.
    fn token(&self) -> PyResult<String> {
        self.with(|sandbox| sandbox.token().to_owned())
    }

    /// Puts in what a JSON object of lists says.
    fn seed(&self, seed: &str) -> PyResult<()> {
        self.with(|sandbox| Seed::from_json(seed).and_then(|seed| sandbox.seed(seed)))?
            .map_err(wrong)
    }

    /// Lets the next calls fail.
    fn fail_next(
        &self,
        status: Option<u16>,
        code: Option<i64>,
        fault: Option<&str>,
        times: u32,
        route: Option<String>,
    ) -> PyResult<()> {
        let failure = Failure::of(status, code, fault).map_err(wrong)?.times(times);
        let failure = route.into_iter().fold(failure, Failure::route);
        self.with(|sandbox| sandbox.fail_next(failure))?.map_err(wrong)
    }

    /// The requests that came, as a JSON list.
    fn requests(&self) -> PyResult<String> {
        self.with(ikcrm_sandbox::Sandbox::requests_json)
    }

    /// An opportunity as it is held now, as JSON.
    fn opportunity(&self, id: u64) -> PyResult<Option<String>> {
        self.with(|sandbox| sandbox.opportunity(id).map(|found| found.to_string()))
    }

    /// How many seconds each answer takes.
    fn latency(&self) -> PyResult<f64> {
        self.with(|sandbox| sandbox.latency().as_secs_f64())
    }

    fn set_latency(&self, latency: f64) -> PyResult<()> {
        let latency = seconds("latency", latency)?;
        self.with(|sandbox| sandbox.set_latency(latency))
    }

    /// How many calls are admitted in how many seconds; nothing when all are.
    fn quota(&self) -> PyResult<Calls> {
        let told = |quota: Quota| (quota.calls, quota.per.as_secs_f64());
        self.with(|sandbox| sandbox.quota().map(told))
    }

    fn set_quota(&self, quota: Calls) -> PyResult<()> {
        let quota = calls(quota)?;
        self.with(|sandbox| sandbox.set_quota(quota))
    }

    /// Makes all as it was at the start.
    fn reset(&self) -> PyResult<()> {
        self.with(ikcrm_sandbox::Sandbox::reset)
    }
}

impl Sandbox {
    fn lock(&self) -> MutexGuard<'_, Option<ikcrm_sandbox::Sandbox>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&ikcrm_sandbox::Sandbox) -> T) -> PyResult<T> {
        if std::process::id() != self.process {
            return Err(PyRuntimeError::new_err(
                "the sandbox belongs to the process that started it; a fork can only call its URL",
            ));
        }
        let sandbox = self.lock();
        let closed = || PyRuntimeError::new_err("the sandbox is closed");
        sandbox.as_ref().map(work).ok_or_else(closed)
    }
}

fn calls(quota: Calls) -> PyResult<Option<Quota>> {
    quota.map(|(calls, per)| Ok(Quota { calls, per: seconds("per", per)? })).transpose()
}

fn seconds(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!("{name} is {seconds}; write a number of seconds, 0 or more"))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives the error away")]
fn wrong(error: WrongInput) -> PyErr {
    PyValueError::new_err(error.to_string())
}
