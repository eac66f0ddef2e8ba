//! `NativeSandbox`: a stand-in CRM on threads of this process. TypeScript wraps it in `testing.ts`.

use std::time::Duration;

use ikcrm_sandbox::{Builder, Failure, Quota, Sandbox, Seed, WrongInput};
use napi::{Error, Result, Status};
use napi_derive::napi;

/// An account that may sign in.
#[napi(object)]
pub struct AccountData {
    /// The login.
    pub login: String,
    /// The password.
    pub password: String,
    /// The ids of the enterprises that it belongs to.
    pub corp_ids: Vec<String>,
}

/// How many calls are admitted in any stretch of time.
#[napi(object)]
pub struct CallsData {
    /// How many calls.
    pub calls: f64,
    /// In how many milliseconds.
    pub per_ms: f64,
}

/// How the next calls fail.
#[napi(object, use_nullable = true)]
pub struct FailureData {
    /// The HTTP status.
    pub status: Option<f64>,
    /// Or the CRM's code.
    pub code: Option<f64>,
    /// Or what goes wrong with the connection.
    pub fault: Option<String>,
    /// How many calls fail so.
    pub times: f64,
    /// Which calls.
    pub route: Option<String>,
}

/// A stand-in CRM, until it is closed.
#[napi]
pub struct NativeSandbox(Option<Sandbox>);

#[napi]
impl NativeSandbox {
    /// Starts a stand-in CRM.
    ///
    /// # Errors
    ///
    /// When the port cannot be had, or a time cannot be.
    #[napi(constructor)]
    pub fn new(
        token: String,
        accounts: Vec<AccountData>,
        port: f64,
        quota: Option<CallsData>,
        latency_ms: f64,
    ) -> Result<Self> {
        let builder = Sandbox::builder().token(token).port(whole("port", port)?);
        let builder = builder.quota(calls(quota)?).latency(time("latencyMs", latency_ms)?);
        let builder = accounts.into_iter().fold(builder, with_account);
        builder.start().map(|sandbox| Self(Some(sandbox))).map_err(|error| {
            Error::new(Status::GenericFailure, format!("port {port} cannot be opened: {error}"))
        })
    }

    /// Stops it.
    #[napi]
    pub fn close(&mut self) {
        drop(self.0.take());
    }

    /// The base URL.
    ///
    /// # Errors
    ///
    /// When the sandbox is closed; so do the others.
    #[napi]
    pub fn url(&self) -> Result<String> {
        self.open().map(Sandbox::url)
    }

    /// Puts in what a JSON object of lists says.
    ///
    /// # Errors
    ///
    /// What is wrong, and where.
    #[napi]
    pub fn seed(&self, seed: String) -> Result<()> {
        let sandbox = self.open()?;
        Seed::from_json(seed).and_then(|seed| sandbox.seed(seed)).map_err(wrong)
    }

    /// Lets the next calls fail.
    ///
    /// # Errors
    ///
    /// When that cannot be.
    #[napi]
    pub fn fail_next(&self, failure: FailureData) -> Result<()> {
        let FailureData { status, code, fault, times, route } = failure;
        let status = status.map(|status| whole("status", status)).transpose()?;
        let code = code.map(|code| whole("code", code)).transpose()?;
        let failure = Failure::of(status, code, fault.as_deref()).map_err(wrong)?;
        let failure = failure.times(whole("times", times)?);
        let failure = route.into_iter().fold(failure, Failure::route);
        self.open()?.fail_next(failure).map_err(wrong)
    }

    /// The requests that came, as a JSON list.
    ///
    /// # Errors
    ///
    /// When the sandbox is closed.
    #[napi]
    pub fn requests(&self) -> Result<String> {
        self.open().map(Sandbox::requests_json)
    }

    /// An opportunity as it is held now, as JSON, or null.
    ///
    /// # Errors
    ///
    /// When the sandbox is closed.
    #[napi]
    pub fn opportunity(&self, id: i64) -> Result<String> {
        let id = u64::try_from(id).unwrap_or_default();
        self.open().map(|sandbox| sandbox.opportunity(id).unwrap_or_default().to_string())
    }

    /// How many milliseconds each answer takes.
    ///
    /// # Errors
    ///
    /// When the sandbox is closed.
    #[napi]
    pub fn latency_ms(&self) -> Result<f64> {
        self.open().map(|sandbox| sandbox.latency().as_secs_f64() * 1000.0)
    }

    /// Sets how many milliseconds each answer takes.
    ///
    /// # Errors
    ///
    /// When that cannot be, or the sandbox is closed.
    #[napi]
    pub fn set_latency_ms(&self, latency_ms: f64) -> Result<()> {
        self.open()?.set_latency(time("latencyMs", latency_ms)?);
        Ok(())
    }

    /// How many calls are admitted; nothing when all are.
    ///
    /// # Errors
    ///
    /// When the sandbox is closed.
    #[napi]
    pub fn quota(&self) -> Result<Option<CallsData>> {
        let told = |Quota { calls, per }| CallsData {
            #[expect(clippy::cast_precision_loss, reason = "as it was given")]
            calls: calls as f64,
            per_ms: per.as_secs_f64() * 1000.0,
        };
        self.open().map(|sandbox| sandbox.quota().map(told))
    }

    /// Sets how many calls are admitted.
    ///
    /// # Errors
    ///
    /// When that cannot be, or the sandbox is closed.
    #[napi]
    pub fn set_quota(&self, quota: Option<CallsData>) -> Result<()> {
        self.open()?.set_quota(calls(quota)?);
        Ok(())
    }

    /// Makes all as it was at the start.
    ///
    /// # Errors
    ///
    /// When the sandbox is closed.
    #[napi]
    pub fn reset(&self) -> Result<()> {
        self.open().map(Sandbox::reset)
    }
}

impl NativeSandbox {
    fn open(&self) -> Result<&Sandbox> {
        let closed = || Error::new(Status::GenericFailure, "the sandbox is closed");
        self.0.as_ref().ok_or_else(closed)
    }
}

fn with_account(builder: Builder, account: AccountData) -> Builder {
    let AccountData { login, password, corp_ids } = account;
    let corp_ids: Vec<_> = corp_ids.iter().map(String::as_str).collect();
    builder.account(&login, &password, &corp_ids)
}

fn calls(quota: Option<CallsData>) -> Result<Option<Quota>> {
    let calls = |CallsData { calls, per_ms }| {
        Ok(Quota { calls: whole("calls", calls)?, per: time("perMs", per_ms)? })
    };
    quota.map(calls).transpose()
}

/// A number of JavaScript's as a whole one.
fn whole<T: TryFrom<i64>>(name: &str, number: f64) -> Result<T> {
    #[expect(clippy::cast_possible_truncation, reason = "a fraction was refused; what is large is")]
    let whole = (number.fract() == 0.0).then_some(number as i64);
    whole.and_then(|whole| whole.try_into().ok()).ok_or_else(|| {
        Error::new(Status::InvalidArg, format!("{name} is {number}; write a whole number"))
    })
}

fn time(name: &str, milliseconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1000.0).map_err(|_| {
        let message =
            format!("{name} is {milliseconds}; write a number of milliseconds, 0 or more");
        Error::new(Status::InvalidArg, message)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives the error away")]
fn wrong(error: WrongInput) -> Error {
    Error::new(Status::InvalidArg, error.to_string())
}
