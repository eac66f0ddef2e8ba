//! `Quota`: how many calls an enterprise may make, as a setting of a client.

#[cfg(test)]
mod agreement;
mod gate;
#[cfg(feature = "quota-redis")]
mod redis;
#[cfg(test)]
mod simulation;
#[cfg(feature = "quota-sqlite")]
mod sqlite;
mod store;
mod window;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Fault, duration, number, text, whole};
use crate::error::{FieldError, FieldErrorCode as Code};
use crate::fields::unknown_message;
use crate::{Cancel, Error, Value};

pub(crate) use window::Fate;

use gate::{Gate, Pass, Slot};
use store::{Fallback, Local, Store};
use window::Limit;

/// The CRM's own quota: 10 calls in any 10 s.
const CALLS: NonZeroUsize = NonZeroUsize::new(10).unwrap();
const PER: Duration = Duration::from_secs(10);
const MOST_CALLS: usize = 1000;
const LONGEST: Duration = Duration::from_secs(3600);
const LONGEST_KEY: usize = 200;

/// How many calls may be made in any stretch of time, by whom together.
///
/// The CRM admits 10 calls in any 10 s for a whole enterprise, which is the default. A slot is taken
/// before a call is sent and becomes free `per` after its answer arrived. The CRM counted the call in
/// between, so two calls of one slot are counted more than `per` apart, and no stretch of `per` on
/// the CRM's side, sliding or fixed, can hold more than `calls`, whatever the network's delays.
///
/// ```
/// use std::time::Duration;
/// use ikcrm::{Client, Quota};
///
/// // Half of what the CRM admits, shared with every process of this machine that says the same.
/// let quota = Quota::new(5, Duration::from_secs(10)).store("sqlite:///var/lib/ikcrm/quota.db");
/// # if cfg!(feature = "quota-sqlite") {
/// let client = Client::builder().token("your-token").quota(quota).build()?;
/// # }
/// # Ok::<(), ikcrm::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a quota does nothing until a client has it"]
pub struct Quota {
    limit: Limit,
    max_wait: Option<Duration>,
    store: Option<StoreUrl>,
    key: Option<String>,
    fallback: Option<f64>,
    faults: Vec<FieldError>,
}

/// Where slots are kept that several processes share.
#[derive(Debug, Clone, PartialEq)]
enum StoreUrl {
    #[cfg(feature = "quota-sqlite")]
    Sqlite(std::path::PathBuf),
    #[cfg(feature = "quota-redis")]
    Redis(String),
}

/// The settings of a quota, for tests against the contract.
#[doc(hidden)]
pub const QUOTA_OPTIONS: &[&str] = &["calls", "per", "max_wait", "store", "key", "fallback"];

impl Default for Quota {
    /// The CRM's: 10 calls in any 10 s.
    fn default() -> Self {
        Self {
            limit: Limit { calls: CALLS, per: PER },
            max_wait: None,
            store: None,
            key: None,
            fallback: None,
            faults: Vec::new(),
        }
    }
}

impl Quota {
    /// So many calls in any stretch of this length: 1 to 1000 calls in up to an hour.
    pub fn new(calls: usize, per: Duration) -> Self {
        let mut quota = Self::default();
        let checked = check_calls(calls).map(|calls| quota.limit.calls = calls);
        let mut quota = quota.unless_fault("calls", checked);
        let checked = check_per(per).map(|per| quota.limit.per = per);
        quota.unless_fault("per", checked)
    }

    /// How long an attempt waits for a slot (default: as long as it takes). One that cannot have a
    /// slot in this time fails at once with [`Error::QuotaExceeded`], which says when it could.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = Some(max_wait);
        self
    }

    /// Where the slots are kept (default: in this process).
    ///
    /// `sqlite:///absolute/path` shares them with the processes of this machine (Cargo feature
    /// `quota-sqlite`), `redis://host:6379` with those of other machines too (`quota-redis`). A
    /// process that is killed leaves its slots to become free by time.
    pub fn store(mut self, url: impl Into<String>) -> Self {
        let checked = store_url(&url.into()).map(|url| self.store = Some(url));
        self.unless_fault("store", checked)
    }

    /// The name under which clients share the quota (default: the CRM's host with the `corp_id`,
    /// else the login, else the token). Programs of one enterprise that differ in these need one name.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        let checked = check_key(key.into()).map(|key| self.key = Some(key));
        self.unless_fault("key", checked)
    }

    /// What part of the calls this process may make by itself while the store is away: more than
    /// 0, at most 1 (default: none; such a call fails with [`Error::QuotaStore`]).
    ///
    /// While the store is away nobody counts for all: the promise then holds only as far as the
    /// parts of all processes add up to no more than 1.
    pub fn fallback(mut self, part: f64) -> Self {
        let checked = check_part(part).map(|part| self.fallback = Some(part));
        self.unless_fault("fallback", checked)
    }

    /// Sets any setting by its name; `per` and `max_wait` are in seconds. A null leaves the default.
    ///
    /// What does not fit is told when the client is built.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let checked = match name {
            _ if value == Value::Null && QUOTA_OPTIONS.contains(&name) => Ok(()),
            "calls" => whole(&value).and_then(check_calls).map(|calls| self.limit.calls = calls),
            "per" => duration(&value).and_then(check_per).map(|per| self.limit.per = per),
            "max_wait" => duration(&value).map(|wait| self.max_wait = Some(wait)),
            "store" => {
                text(&value).and_then(|url| store_url(&url)).map(|url| self.store = Some(url))
            }
            "key" => text(&value).and_then(check_key).map(|key| self.key = Some(key)),
            "fallback" => {
                number(&value).and_then(check_part).map(|part| self.fallback = Some(part))
            }
            _ => Err((
                Code::Unknown,
                unknown_message("setting", name, QUOTA_OPTIONS.iter().copied()),
            )),
        };
        self.unless_fault(name, checked)
    }

    fn unless_fault(mut self, name: &str, checked: Result<(), Fault>) -> Self {
        if let Err((code, message)) = checked {
            self.faults.push(FieldError::new(format!("quota.{name}"), code, message));
        }
        self
    }

    /// The quota as clients use it, or all faults of its settings. `scope` is whom it is for when
    /// it has no key of its own.
    pub(crate) fn check(mut self, scope: &str) -> Result<SharedQuota, Vec<FieldError>> {
        if self.fallback.is_some() && self.store.is_none() {
            let fault = (Code::Conflict, "is of use only with a store".to_owned());
            self = self.unless_fault("fallback", Err(fault));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let name = self.key.clone().unwrap_or_else(|| scope.to_owned());
        Ok(SharedQuota { quota: self, name })
    }
}

/// A quota that passed all checks, and the name under which it is shared.
#[derive(Debug, Clone)]
pub(crate) struct SharedQuota {
    quota: Quota,
    name: String,
}

impl SharedQuota {
    /// The way through the gate that all clients of the process with this name and store share.
    pub(crate) fn open(&self) -> OpenQuota {
        let Quota { store, limit, max_wait, fallback, .. } = &self.quota;
        let gate = gate::of_process(&format!("{store:?} {}", self.name), || match store {
            None => Gate::new(Box::new(Local::new()), false),
            Some(url) => Gate::new(with_fallback(url.open(&self.name), *limit, *fallback), true),
        });
        OpenQuota { limit: *limit, max_wait: *max_wait, gate }
    }
}

/// A quota in use.
#[derive(Debug)]
pub(crate) struct OpenQuota {
    limit: Limit,
    max_wait: Option<Duration>,
    gate: Arc<Gate>,
}

impl OpenQuota {
    /// Takes a slot for an attempt that ends within `timeout`.
    pub(crate) fn take(
        &self,
        timeout: Duration,
        cancel: Option<&Cancel>,
    ) -> Result<Slot<'_>, Error> {
        let hold = timeout + self.limit.per;
        self.gate.take(&Pass { limit: self.limit, hold, max_wait: self.max_wait, cancel })
    }

    /// Lets nobody pass for a whole window, or longer if asked: somebody else spends the quota too.
    pub(crate) fn back_off(&self, asked: Option<Duration>) {
        self.gate.block(asked.unwrap_or_default().max(self.limit.per));
    }

    pub(crate) fn status(&self) -> Result<QuotaStatus, Error> {
        let (used, next_free) = self.gate.usage(self.limit)?;
        Ok(QuotaStatus { calls: self.limit.calls.get(), used, next_free })
    }
}

fn with_fallback(store: Box<dyn Store>, limit: Limit, part: Option<f64>) -> Box<dyn Store> {
    match part {
        None => store,
        Some(part) => Box::new(Fallback::new(store, limit.part(part))),
    }
}

impl StoreUrl {
    /// The window of this name in the store.
    #[cfg_attr(
        not(any(feature = "quota-sqlite", feature = "quota-redis")),
        expect(unused_variables, reason = "without stores there is none to name")
    )]
    fn open(&self, name: &str) -> Box<dyn Store> {
        match *self {
            #[cfg(feature = "quota-sqlite")]
            Self::Sqlite(ref path) => Box::new(sqlite::Sqlite::new(path.clone(), name)),
            #[cfg(feature = "quota-redis")]
            Self::Redis(ref url) => Box::new(redis::Redis::new(url, name)),
        }
    }
}

/// How much of a quota is used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaStatus {
    /// How many calls are admitted in any stretch of the quota's length.
    pub calls: usize,
    /// How many slots are taken, by all who share the quota.
    pub used: usize,
    /// How long it takes at least until a slot can be had; zero when one is free.
    pub next_free: Duration,
}

impl QuotaStatus {
    /// How many slots are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.calls.saturating_sub(self.used)
    }
}

fn check_calls(calls: usize) -> Result<NonZeroUsize, Fault> {
    let fits = NonZeroUsize::new(calls).filter(|calls| calls.get() <= MOST_CALLS);
    fits.ok_or_else(|| (Code::Range, format!("must be 1 to {MOST_CALLS}, got {calls}")))
}

fn check_per(per: Duration) -> Result<Duration, Fault> {
    if per.is_zero() || per > LONGEST {
        let longest = LONGEST.as_secs();
        return Err((
            Code::Range,
            format!("must be more than 0 and at most {longest} s, got {per:?}"),
        ));
    }
    Ok(per)
}

fn check_key(key: String) -> Result<String, Fault> {
    if key.trim().is_empty() || key.len() > LONGEST_KEY {
        return Err((
            Code::Range,
            format!("must be a name of at most {LONGEST_KEY} bytes, not blank"),
        ));
    }
    Ok(key)
}

fn check_part(part: f64) -> Result<f64, Fault> {
    if part > 0.0 && part <= 1.0 {
        return Ok(part);
    }
    Err((Code::Range, format!("must be more than 0 and at most 1, got {part}")))
}

/// The URL may hold a password, so a fault does not show it.
fn store_url(url: &str) -> Result<StoreUrl, Fault> {
    match url.split_once("://") {
        #[cfg(feature = "quota-sqlite")]
        Some(("sqlite", path)) if path.starts_with('/') && path.len() > 1 => {
            Ok(StoreUrl::Sqlite(sqlite::path_of(path)))
        }
        #[cfg(feature = "quota-redis")]
        Some(("redis", _)) if redis::is_url(url) => Ok(StoreUrl::Redis(url.to_owned())),
        #[cfg(not(feature = "quota-sqlite"))]
        Some(("sqlite", _)) => Err(missing_feature("quota-sqlite")),
        #[cfg(not(feature = "quota-redis"))]
        Some(("redis", _)) => Err(missing_feature("quota-redis")),
        _ => {
            Err((Code::Format, "must be sqlite:///absolute/path or redis://host:6379/0".to_owned()))
        }
    }
}

#[cfg(not(all(feature = "quota-sqlite", feature = "quota-redis")))]
fn missing_feature(name: &str) -> Fault {
    (Code::Format, format!("needs ikcrm built with its feature {name}"))
}
