//! `Quota`: how many calls an enterprise may make, as a setting of a client.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::file;
#[cfg(feature = "quota-redis")]
use super::redis;
use super::scope::Scope;
use super::window::Limit;
use crate::error::{Fault, FieldError, FieldErrorCode as Code};
use crate::input::Value;
use crate::input::setting::{Limits, duration, number, text, whole};
use crate::input::suggest::no_option;

/// The CRM's own quota: 10 calls in any 10 s.
const CALLS: NonZeroUsize = NonZeroUsize::new(10).unwrap();
const PER: Duration = Duration::from_secs(10);
const SPAN: Limits = Limits { longest: Limit::LONGEST, zero: false };
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
/// let quota = Quota::new(5, Duration::from_secs(10)).store("file:///var/lib/ikcrm/quota");
/// let client = Client::builder().token("your-token").quota(quota).build()?;
/// # Ok::<(), ikcrm::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a quota does nothing until a client has it"]
pub struct Quota {
    pub(super) limit: Limit,
    pub(super) max_wait: Option<Duration>,
    pub(super) store: Option<StoreUrl>,
    key: Option<String>,
    pub(super) fallback: Option<f64>,
    password: Option<Secret>,
    faults: Vec<FieldError>,
}

/// What is printed nowhere.
#[derive(Clone, PartialEq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where slots are kept that several processes share.
#[derive(Clone, PartialEq)]
pub(super) enum StoreUrl {
    File(PathBuf),
    #[cfg(feature = "quota-redis")]
    Redis(String),
}

impl StoreUrl {
    /// What tells the store from others. It may hold a password.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            #[cfg(feature = "quota-redis")]
            Self::Redis(url) => url.clone(),
        }
    }
}

/// Without a URL, which may hold a password.
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            #[cfg(feature = "quota-redis")]
            Self::Redis(_) => f.debug_tuple("Redis").finish_non_exhaustive(),
        }
    }
}

/// The settings of a quota, for tests against the contract.
#[doc(hidden)]
pub const QUOTA_OPTIONS: &[&str] = &[
    // <generated: options>, by `make generate`
    "calls", "per", "max_wait", "store", "key", "fallback", "password",
    // </generated>
];

impl Default for Quota {
    /// The CRM's: 10 calls in any 10 s.
    fn default() -> Self {
        Self {
            limit: Limit { calls: CALLS, per: PER },
            max_wait: None,
            store: None,
            key: None,
            fallback: None,
            password: None,
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
        let checked = SPAN.check(per).map(|per| quota.limit.per = per);
        quota.unless_fault("per", checked)
    }

    /// How long an attempt waits for a slot (default: as long as it takes). One that cannot have a
    /// slot in this time fails at once with [`Error::QuotaExceeded`](crate::Error::QuotaExceeded), which says when it could.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = Some(max_wait);
        self
    }

    /// Where the slots are kept (default: in this process).
    ///
    /// `file:///absolute/path` shares them with the processes of this machine,
    /// `redis://user:password@host:6379` or `rediss://` (TLS) with those of other machines too (Cargo
    /// feature `quota-redis`). A process that is killed leaves its slots to become free by time.
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
    /// 0, at most 1 (default: none; such a call fails with [`Error::QuotaStore`](crate::Error::QuotaStore)).
    ///
    /// While the store is away nobody counts for all: the promise then holds only while the store
    /// is away for all processes alike, and as far as their parts add up to no more than 1. It waits
    /// until what the others have under way is over (the timeout, 10 s and `per`). When the
    /// store is back after longer than `per`, nobody passes for `per` and a second, until all have
    /// told it what they sent. An error that will not pass, such as a wrong password, is no absence.
    pub fn fallback(mut self, part: f64) -> Self {
        let checked = check_part(part).map(|part| self.fallback = Some(part));
        self.unless_fault("fallback", checked)
    }

    /// The password of the Redis server, so that it need not stand in the store's URL.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret(password.into()));
        self
    }

    /// Sets any setting by its name; `per` and `max_wait` are in seconds. A null leaves the default.
    ///
    /// What does not fit is told when the client is built.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let checked = match name {
            _ if value == Value::Null && QUOTA_OPTIONS.contains(&name) => Ok(()),
            "calls" => whole(&value).and_then(check_calls).map(|calls| self.limit.calls = calls),
            "per" => SPAN.read(&value).map(|per| self.limit.per = per),
            "max_wait" => duration(&value).map(|wait| self.max_wait = Some(wait)),
            "store" => {
                text(&value).and_then(|url| store_url(&url)).map(|url| self.store = Some(url))
            }
            "key" => text(&value).and_then(check_key).map(|key| self.key = Some(key)),
            "fallback" => {
                number(&value).and_then(check_part).map(|part| self.fallback = Some(part))
            }
            "password" => text(&value).map(|password| self.password = Some(Secret(password))),
            _ => {
                let FieldError { field, code, message } =
                    no_option("setting", name, QUOTA_OPTIONS.iter().copied());
                return self.unless_fault(&field, Err(Fault(code, message)));
            }
        };
        self.unless_fault(name, checked)
    }

    fn unless_fault(mut self, name: &str, checked: Result<(), Fault>) -> Self {
        if let Err(fault) = checked {
            self.faults.push(fault.of(format!("quota.{name}")));
        }
        self
    }

    /// The quota as clients use it, or all faults of its settings. `scope` is whom it is for when
    /// it has no key of its own.
    pub(crate) fn check(mut self, scope: &Scope<'_>) -> Result<SharedQuota, Vec<FieldError>> {
        if self.fallback.is_some() && self.store.is_none() {
            let fault = Fault(Code::Conflict, "works only together with a store".to_owned());
            self = self.unless_fault("fallback", Err(fault));
        }
        if let Some(Secret(password)) = self.password.take() {
            let checked = with_password(self.store.as_ref(), &password);
            let checked = checked.map(|store| self.store = Some(store));
            self = self.unless_fault("password", checked);
        }
        if self.key.is_none() && self.store.is_some() && scope.who.is_none() {
            let message = "give a name for the company: a token store does not tell whose calls they \
                           are, and a shared store keeps those of several companies apart";
            self = self.unless_fault("key", Err(Fault(Code::Required, message.to_owned())));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let name = self.key.clone().unwrap_or_else(|| scope.name());
        Ok(SharedQuota { quota: self, name })
    }
}

fn check_calls(calls: usize) -> Result<NonZeroUsize, Fault> {
    let fits = NonZeroUsize::new(calls).filter(|calls| calls.get() <= Limit::MOST_CALLS);
    fits.ok_or_else(|| {
        Fault(Code::Range, format!("must be 1 to {}, got {calls}", Limit::MOST_CALLS))
    })
}

fn check_key(key: String) -> Result<String, Fault> {
    if key.trim().is_empty() || key.len() > LONGEST_KEY {
        return Err(Fault(
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
    Err(Fault(Code::Range, format!("must be more than 0 and at most 1, got {part}")))
}

/// The store with a password that does not stand in its URL.
fn with_password(store: Option<&StoreUrl>, password: &str) -> Result<StoreUrl, Fault> {
    #[cfg(feature = "quota-redis")]
    if let Some(StoreUrl::Redis(url)) = store {
        return redis::with_password(url, password).map(StoreUrl::Redis).ok_or_else(|| {
            Fault(Code::Conflict, "is in the store's URL too; give it once".to_owned())
        });
    }
    let _ = (store, password);
    Err(Fault(Code::Conflict, "works only with a store at redis:// or rediss://".to_owned()))
}

/// The URL may hold a password, so a fault does not show it.
fn store_url(url: &str) -> Result<StoreUrl, Fault> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let message = match scheme {
        "file" => match file::path_of(rest) {
            Some(path) => return Ok(StoreUrl::File(path)),
            None => {
                "must name an absolute path, such as file:///var/lib/ikcrm/quota; write % as %25"
            }
        },
        #[cfg(feature = "quota-redis")]
        "redis" | "rediss" if redis::is_url(url) => return Ok(StoreUrl::Redis(url.to_owned())),
        #[cfg(feature = "quota-redis")]
        "redis" | "rediss" => {
            "must be redis://user:password@host:6379/0, or rediss:// for TLS; percent-encode \
             special characters of a password, as %40 for @"
        }
        #[cfg(not(feature = "quota-redis"))]
        "redis" | "rediss" => "needs ikcrm built with its feature quota-redis",
        "sqlite" => "sqlite:// is no longer supported; write file:///absolute/path",
        scheme if scheme.contains("sentinel") => {
            "Sentinel is not supported; give the master's address, or one that always leads to it"
        }
        _ => "must be file:///absolute/path, redis://host:6379/0 or rediss://host:6379/0",
    };
    Err(Fault(Code::Format, message.to_owned()))
}

/// A quota that passed all checks, and the name under which it is shared.
#[derive(Debug, Clone)]
pub(crate) struct SharedQuota {
    pub(super) quota: Quota,
    pub(super) name: String,
}

impl SharedQuota {
    /// How many calls may be made, in which time.
    pub(crate) fn limit(&self) -> (usize, Duration) {
        (self.quota.limit.calls.get(), self.quota.limit.per)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_store_needs_a_key_when_the_company_cannot_be_known() {
        let quota = Quota::default().store("file:///var/lib/quota");
        let unknown = Scope { base_url: "https://crm.example", who: None };
        let faults = quota.clone().check(&unknown).unwrap_err();
        let found: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
        assert_eq!(found, [("quota.key", Code::Required)]);
        assert!(quota.clone().key("us").check(&unknown).is_ok());
        assert!(quota.check(&Scope { who: Some("13800000000"), ..unknown }).is_ok());
        assert!(Quota::default().check(&Scope { who: None, base_url: "https://a" }).is_ok());
    }

    #[cfg(feature = "quota-redis")]
    #[test]
    fn a_password_beside_the_url_is_put_into_it_and_printed_nowhere() {
        for (url, whole) in [
            ("redis://h:1/2", Some("redis://:a%40%2F%E5%AF%86@h:1/2")),
            ("rediss://u@h", Some("rediss://u:a%40%2F%E5%AF%86@h")),
            ("redis://:b@h", None),
            ("redis://u:b@h", None),
        ] {
            let store = StoreUrl::Redis(url.to_owned());
            let found = with_password(Some(&store), "a@/密").ok();
            assert_eq!(found, whole.map(|whole| StoreUrl::Redis(whole.to_owned())), "{url}");
        }
        let quota = Quota::default().store("redis://:hidden-a@h").password("hidden-b");
        assert!(!format!("{quota:?}").contains("hidden"));
        let scope = Scope { base_url: "https://a", who: Some("us") };
        for quota in [Quota::default(), Quota::default().store("file:///var/quota"), quota] {
            let faults = quota.password("hidden-b").check(&scope).unwrap_err();
            assert_eq!(
                (faults[0].field.as_str(), faults[0].code),
                ("quota.password", Code::Conflict)
            );
            assert!(!faults[0].message.contains("hidden"));
        }
    }

    #[test]
    fn a_store_that_cannot_be_is_told_what_to_write_instead() {
        let cases = [
            ("sqlite:///var/quota.db", "file:///"),
            ("file://quota", "absolute path"),
            ("file:///100%", "%25"),
            ("redis+sentinel://host/mymaster", "give the master's address"),
            ("ftp://quota", "redis://host"),
            ("quota", "file:///absolute/path"),
        ];
        for (url, advice) in cases {
            let Fault(_, message) = store_url(url).unwrap_err();
            assert!(message.contains(advice), "{url}: {message}");
        }
        let path = StoreUrl::File("/var/lib/quota".into());
        assert_eq!(store_url("file:///var/lib/quota").ok(), Some(path));
    }
}
