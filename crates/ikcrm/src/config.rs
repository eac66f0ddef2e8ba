//! The client's settings: taken by name or by setter, checked once, all faults at once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ring::digest::{SHA256, digest};

use crate::error::{Error, FieldError, FieldErrorCode as Code};
use crate::fields::unknown_message;
use crate::quota::{QUOTA_OPTIONS, SharedQuota};
use crate::session::Credentials;
use crate::token::{Token, TokenStore, TokenStoreFailure};
use crate::value::excerpt;
use crate::{Client, Patch, Quota, Value};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);
const DEFAULT_RETRIES: u32 = 2;
const MOST_RETRIES: u32 = 10;
const DEFAULT_SIGN_IN_INTERVAL: Duration = Duration::from_secs(60);
const LONGEST_SIGN_IN_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// The CRM's editions, each with its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Edition {
    /// 独立版, `https://lxcrm.weiwenjia.com`.
    #[default]
    Standalone,
    /// 企微版, `https://e.lixiaocrm.com`.
    Wecom,
    /// 钉钉版, `https://dingtalk.e.ikcrm.com`.
    Dingtalk,
}

impl Edition {
    const ALL: [Self; 3] = [Self::Standalone, Self::Wecom, Self::Dingtalk];

    /// The edition's name in settings: `standalone`, `wecom` or `dingtalk`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Wecom => "wecom",
            Self::Dingtalk => "dingtalk",
        }
    }

    /// The edition's base URL.
    #[must_use]
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Standalone => "https://lxcrm.weiwenjia.com",
            Self::Wecom => "https://e.lixiaocrm.com",
            Self::Dingtalk => "https://dingtalk.e.ikcrm.com",
        }
    }
}

/// Through what the client reaches the CRM.
#[derive(Clone, Default, PartialEq)]
pub(crate) enum Proxy {
    #[default]
    None,
    /// As the variables `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` say.
    Environment,
    Url(String),
}

/// What is told of each new token.
pub(crate) type OnToken = Arc<dyn Fn(&str) -> Result<(), TokenStoreFailure> + Send + Sync>;

/// Settings that passed all checks.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) base_url: String,
    /// The token to begin with.
    pub(crate) token: Option<Token>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) sign_in_interval: Duration,
    pub(crate) token_store: Option<Arc<dyn TokenStore>>,
    pub(crate) on_token: Option<OnToken>,
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) quota: Option<SharedQuota>,
    /// The PEM text of certificates to trust besides the bundled ones.
    pub(crate) ca_bundle: Option<Vec<u8>>,
    pub(crate) proxy: Proxy,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url)
            .field("token", &self.token)
            .field("credentials", &self.credentials.as_ref().map(|_| "***"))
            .field("timeout", &self.timeout)
            .field("max_retries", &self.max_retries)
            .finish_non_exhaustive()
    }
}

/// A client option, for tests against the contract.
#[doc(hidden)]
pub const OPTIONS: &[&str] = &[
    "token",
    "login",
    "password",
    "corp_id",
    "sign_in_interval",
    "base_url",
    "edition",
    "timeout",
    "max_retries",
    "ca_bundle",
    "proxy",
    "quota",
];

/// Builds a [`Client`]. Nothing is checked before [`build`](Self::build), which tells all faults.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    token: Option<String>,
    login: Option<String>,
    password: Option<String>,
    corp_id: Option<String>,
    sign_in_interval: Option<Duration>,
    token_store: Option<Arc<dyn TokenStore>>,
    on_token: Option<OnToken>,
    base_url: Option<String>,
    edition: Option<Edition>,
    timeout: Option<Duration>,
    max_retries: Option<u32>,
    ca_bundle: Option<PathBuf>,
    proxy: Proxy,
    /// Unset for the default, null for no quota at all.
    quota: Patch<Quota>,
    /// Faults found so far, for bindings.
    #[doc(hidden)]
    pub faults: Vec<FieldError>,
}

impl ClientBuilder {
    /// The open-API token (required without [`login`](Self::login) and
    /// [`token_store`](Self::token_store)). It is sent in a header and printed nowhere.
    ///
    /// With login and password it is used until the CRM refuses it.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The login of an account, usually its telephone number, to sign in with when there is no
    /// token yet and when the CRM refuses it: `POST /api/v2/auth/login`.
    ///
    /// A new sign-in ends the account's older token. Programs that share an account therefore must
    /// share its token by a [`token_store`](Self::token_store), or they throw each other out.
    pub fn login(mut self, login: impl Into<String>) -> Self {
        self.login = Some(login.into());
        self
    }

    /// The account's password. It is sent to sign in and printed nowhere.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The id of the enterprise to sign in to, for an account that belongs to several. Without it
    /// such an account's sign-in fails and [tells](crate::Error::enterprises) them.
    pub fn corp_id(mut self, corp_id: impl Into<String>) -> Self {
        self.corp_id = Some(corp_id.into());
        self
    }

    /// The shortest time between two sign-ins of this client (default: 60 s; at most a day; zero
    /// for none). A token that is refused sooner is an [`Error::SignInLimited`], and a sign-in that
    /// the CRM refused is not tried again sooner.
    pub fn sign_in_interval(mut self, interval: Duration) -> Self {
        self.sign_in_interval = Some(interval);
        self
    }

    /// Where programs that use one account share its token.
    pub fn token_store(mut self, store: impl TokenStore + 'static) -> Self {
        self.token_store = Some(Arc::new(store));
        self
    }

    /// What to do with the token of each new sign-in, such as keeping it for the next start.
    pub fn on_token(self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.try_on_token(move |token| {
            hook(token);
            Ok(())
        })
    }

    /// The same, where a failure ends the call: a binding's way to let through what is to end the
    /// program.
    #[doc(hidden)]
    pub fn try_on_token(
        mut self,
        hook: impl Fn(&str) -> Result<(), TokenStoreFailure> + Send + Sync + 'static,
    ) -> Self {
        self.on_token = Some(Arc::new(hook));
        self
    }

    /// The CRM's base URL, for hosts that no edition names: https, or http to this machine.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The CRM's edition, which names the host (default: [`Edition::Standalone`]).
    pub fn edition(mut self, edition: Edition) -> Self {
        self.edition = Some(edition);
        self
    }

    /// The time that one call may take, over all attempts and waits (default: 30 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How often a call is made again after a passing failure (default: 2; 0 turns it off).
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// A file of PEM certificates to trust besides the bundled ones.
    pub fn ca_bundle(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_bundle = Some(path.as_ref().to_owned());
        self
    }

    /// The URL of an HTTP proxy; `env` takes it from the standard proxy variables (default: none).
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        self.proxy = if url == "env" { Proxy::Environment } else { Proxy::Url(url) };
        self
    }

    /// How many calls the enterprise may make (default: the CRM's 10 in any 10 s, kept by this
    /// process); `None` turns it off.
    pub fn quota(mut self, quota: impl Into<Option<Quota>>) -> Self {
        self.quota = quota.into().map_or(Patch::Null, Patch::Set);
        self
    }

    /// Sets any option by its name; `timeout` and `sign_in_interval` are in seconds. A null leaves the default, but turns
    /// `quota` off, which takes a [`Value::Map`] of its settings.
    ///
    /// What does not fit is told by [`build`](Self::build).
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if name == "quota" {
            return self.set_quota(value);
        }
        if value == Value::Null && OPTIONS.contains(&name) {
            return self;
        }
        let set = match name {
            "token" => text(&value).map(|token| self.token = Some(token)),
            "login" => name_text(&value).map(|login| self.login = Some(login)),
            "password" => text(&value).map(|password| self.password = Some(password)),
            "corp_id" => name_text(&value).map(|corp_id| self.corp_id = Some(corp_id)),
            "sign_in_interval" => {
                duration(&value).map(|interval| self.sign_in_interval = Some(interval))
            }
            "base_url" => text(&value).map(|url| self.base_url = Some(url)),
            "edition" => edition(&value).map(|edition| self.edition = Some(edition)),
            "timeout" => seconds(&value).map(|timeout| self.timeout = Some(timeout)),
            "max_retries" => retries(&value).map(|retries| self.max_retries = Some(retries)),
            "ca_bundle" => text(&value).map(|path| self.ca_bundle = Some(path.into())),
            "proxy" => {
                return match text(&value) {
                    Ok(url) => self.proxy(url),
                    Err(fault) => self.fault(name, fault),
                };
            }
            _ => Err((Code::Unknown, unknown_message("option", name, OPTIONS.iter().copied()))),
        };
        match set {
            Ok(()) => self,
            Err(fault) => self.fault(name, fault),
        }
    }

    fn set_quota(self, value: Value) -> Self {
        match value {
            Value::Null => self.quota(None),
            Value::Map(settings) => {
                let set = |quota: Quota, (name, value): (String, Value)| quota.set(&name, value);
                self.quota(settings.into_iter().fold(Quota::default(), set))
            }
            Value::Text(off) if off == "off" => self.quota(None),
            _ => {
                let message = format!("must be a quota's settings, got {}", value.describe());
                self.fault("quota", (Code::Type, message))
            }
        }
    }

    /// Takes the settings from the variables `IKCRM_TOKEN`, `IKCRM_LOGIN`, `IKCRM_PASSWORD`,
    /// `IKCRM_CORP_ID`, `IKCRM_SIGN_IN_INTERVAL` (seconds), `IKCRM_BASE_URL`, `IKCRM_EDITION`,
    /// `IKCRM_TIMEOUT` (seconds), `IKCRM_MAX_RETRIES`, `IKCRM_CA_BUNDLE` and `IKCRM_PROXY`
    /// (default: `env`, the standard proxy variables), and those of the quota from
    /// `IKCRM_QUOTA_CALLS`, `IKCRM_QUOTA_PER` (seconds), `IKCRM_QUOTA_MAX_WAIT` (seconds),
    /// `IKCRM_QUOTA_STORE`, `IKCRM_QUOTA_KEY` and `IKCRM_QUOTA_FALLBACK`, or from `IKCRM_QUOTA`:
    /// `off` turns it off.
    pub fn from_env() -> Self {
        let builder = Self { proxy: Proxy::Environment, ..Self::default() };
        let quota: Vec<_> = QUOTA_OPTIONS
            .iter()
            .filter_map(|name| {
                Some(((*name).to_owned(), variable(&format!("quota_{name}"))?.into()))
            })
            .collect();
        let builder =
            if quota.is_empty() { builder } else { builder.set("quota", Value::Map(quota)) };
        OPTIONS.iter().fold(builder, |builder, name| match variable(name) {
            Some(value) => builder.set(name, value),
            None => builder,
        })
    }

    /// Checks all settings and makes the client. No connection is opened yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with every fault found.
    pub fn build(self) -> Result<Client, Error> {
        self.check().map(Client::new).map_err(|fields| Error::Config { fields })
    }

    fn fault(mut self, name: &str, (code, message): Fault) -> Self {
        self.faults.push(FieldError::new(name, code, message));
        self
    }

    fn check(mut self) -> Result<Config, Vec<FieldError>> {
        let mut faults = std::mem::take(&mut self.faults);
        let token = self.token.clone().map(Token::new).transpose();
        let token = keep("token", token, &mut faults);
        faults.extend(self.faults_of_credentials(&faults));
        let interval = self.sign_in_interval.map_or(Ok(DEFAULT_SIGN_IN_INTERVAL), check_interval);
        let interval = keep("sign_in_interval", interval, &mut faults);
        let base_url = base_url(self.base_url.take(), self.edition);
        let base_url = keep("base_url", base_url, &mut faults);
        let timeout = self.timeout.map_or(Ok(DEFAULT_TIMEOUT), check_timeout);
        let timeout = keep("timeout", timeout, &mut faults);
        let retries = self.max_retries.map_or(Ok(DEFAULT_RETRIES), check_retries);
        let retries = keep("max_retries", retries, &mut faults);
        let ca_bundle = self.ca_bundle.take().map(|path| read_certificates(&path)).transpose();
        let ca_bundle = keep("ca_bundle", ca_bundle, &mut faults);
        let proxy = keep("proxy", check_proxy(std::mem::take(&mut self.proxy)), &mut faults);
        let scope = self.scope(base_url.as_deref(), token.as_ref().and_then(Option::as_ref));
        let quota = match std::mem::take(&mut self.quota) {
            Patch::Unset => Quota::default().check(&scope).map(Some),
            Patch::Null => Ok(None),
            Patch::Set(quota) => quota.check(&scope).map(Some),
        };
        let quota = quota.map_err(|found| faults.extend(found)).ok();
        let checked = (token, interval, base_url, timeout, retries, ca_bundle, proxy, quota);
        match checked {
            (
                Some(token),
                Some(sign_in_interval),
                Some(base_url),
                Some(timeout),
                Some(max_retries),
                Some(ca_bundle),
                Some(proxy),
                Some(quota),
            ) if faults.is_empty() => {
                Ok(Config {
                    base_url,
                    token,
                    credentials: self.login.zip(self.password).map(|(login, password)| {
                        Credentials { login, password, corp_id: self.corp_id }
                    }),
                    sign_in_interval,
                    token_store: self.token_store,
                    on_token: self.on_token,
                    timeout,
                    max_retries,
                    quota,
                    ca_bundle,
                    proxy,
                })
            }
            _ => {
                // In the order of the table, however they were found.
                faults.sort_by_key(|fault| {
                    let option = fault.field.split('.').next();
                    OPTIONS.iter().position(|name| Some(*name) == option)
                });
                Err(faults)
            }
        }
    }

    /// What is missing of a way to a token, or does not go together. A setting that was given
    /// wrongly is `known` as a fault and not missing.
    fn faults_of_credentials(&self, known: &[FieldError]) -> Vec<FieldError> {
        let wrong = |name: &str| known.iter().any(|fault| fault.field == name);
        let given = |name, value: &Option<String>| value.is_some() || wrong(name);
        let (login, password) = (given("login", &self.login), given("password", &self.password));
        let corp_id = given("corp_id", &self.corp_id);
        let token = given("token", &self.token);
        let mut faults = Vec::new();
        let mut fault = |wrong: bool, name: &str, code: Code, message: &str| {
            if wrong {
                faults.push(FieldError::new(name, code, message));
            }
        };
        let nothing = !token && !login && !password && self.token_store.is_none();
        let message = "give the open-API token of your account, or its login and password";
        fault(nothing, "token", Code::Required, message);
        fault(
            password && !login,
            "login",
            Code::Required,
            "give the login that the password is of",
        );
        fault(login && !password, "password", Code::Required, "give the password of the login");
        let message = "is of use only with login and password";
        fault(corp_id && !login && !password, "corp_id", Code::Conflict, message);
        for (name, value) in [("login", &self.login), ("corp_id", &self.corp_id)] {
            let blank = value.as_deref().is_some_and(|text| text.trim().is_empty());
            fault(blank, name, Code::Blank, "may not be blank");
        }
        let empty = self.password.as_deref() == Some("");
        fault(empty, "password", Code::Blank, "may not be empty");
        faults
    }

    /// For whom a quota is: the CRM's host, and whose calls they are as far as that is told.
    /// Secrets stay so.
    fn scope(&self, base_url: Option<&str>, token: Option<&Token>) -> String {
        let host = base_url.and_then(|url| url.split_once("://")).map_or("", |(_, host)| host);
        let who = self.corp_id.as_deref().or(self.login.as_deref());
        let who = who.or(token.map(Token::text)).unwrap_or_default();
        let digest = digest(&SHA256, who.as_bytes());
        let fingerprint = digest.as_ref().first_chunk().copied().map_or(0, u64::from_be_bytes);
        format!("{host} {fingerprint:016x}")
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("login", &self.login.as_ref().map(|_| "***"))
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("corp_id", &self.corp_id)
            .field("base_url", &self.base_url)
            .field("edition", &self.edition)
            .finish_non_exhaustive()
    }
}

/// The variable `IKCRM_NAME`, unless it is empty.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(format!("IKCRM_{}", name.to_ascii_uppercase()));
    value.ok().filter(|value| !value.is_empty())
}

/// What is wrong with a setting.
pub(crate) type Fault = (Code, String);

fn keep<T>(name: &str, check: Result<T, Fault>, faults: &mut Vec<FieldError>) -> Option<T> {
    check.map_err(|(code, message)| faults.push(FieldError::new(name, code, message))).ok()
}

pub(crate) fn text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err((Code::Type, "must be text".to_owned())),
    }
}

/// A name that may be all digits, and then given as a number.
fn name_text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Integer(number) => Ok(number.to_string()),
        _ => text(value),
    }
}

fn edition(value: &Value) -> Result<Edition, Fault> {
    let name = text(value)?;
    let names = Edition::ALL.map(Edition::as_str);
    Edition::ALL.into_iter().find(|edition| edition.as_str() == name).ok_or_else(|| {
        (Code::Unknown, format!("must be one of {}, got {:?}", names.join(", "), excerpt(&name)))
    })
}

/// A number, or its text as the environment's variables have it.
pub(crate) fn number(value: &Value) -> Result<f64, Fault> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "what is beyond 2^53 is refused anyway")]
        Value::Integer(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        Value::Text(text) => Ok(text.parse().unwrap_or(f64::NAN)),
        _ => Err((Code::Type, format!("must be a number, got {}", value.describe()))),
    }
}

/// A whole number of 0 or more, or its digits as the environment's variables have them.
pub(crate) fn whole(value: &Value) -> Result<usize, Fault> {
    let number = match value {
        Value::Integer(number) => Ok(*number),
        Value::Text(text) => text.parse().map_err(|_| value.describe()),
        _ => Err(value.describe()),
    };
    let number =
        number.map_err(|got| (Code::Type, format!("must be a whole number, got {got}")))?;
    usize::try_from(number).map_err(|_| (Code::Range, format!("may not be negative, got {number}")))
}

/// A duration from a number of seconds or milliseconds.
pub(crate) fn duration(value: &Value) -> Result<Duration, Fault> {
    let seconds = match value {
        Value::Milliseconds(number) => number / 1000.0,
        _ => number(value)?,
    };
    let fault = |_| (Code::Range, format!("must be 0 s or more, got {}", value.describe()));
    Duration::try_from_secs_f64(seconds).map_err(fault)
}

/// A timeout from a number of seconds, checked as the typed setter's is.
pub(crate) fn seconds(value: &Value) -> Result<Duration, Fault> {
    duration(value).and_then(check_timeout)
}

/// A number of retries, checked as the typed setter's is.
pub(crate) fn retries(value: &Value) -> Result<u32, Fault> {
    let number = whole(value)?;
    u32::try_from(number).map_err(|_| fault_of_retries(number)).and_then(check_retries)
}

pub(crate) fn check_timeout(timeout: Duration) -> Result<Duration, Fault> {
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        return Err(fault_of_timeout(format!("{timeout:?}")));
    }
    Ok(timeout)
}

fn check_interval(interval: Duration) -> Result<Duration, Fault> {
    if interval > LONGEST_SIGN_IN_INTERVAL {
        let longest = LONGEST_SIGN_IN_INTERVAL.as_secs();
        return Err((Code::Range, format!("must be 0 to {longest} s, got {interval:?}")));
    }
    Ok(interval)
}

fn fault_of_timeout(got: impl fmt::Display) -> Fault {
    let longest = LONGEST_TIMEOUT.as_secs();
    (Code::Range, format!("must be more than 0 and at most {longest} s, got {got}"))
}

pub(crate) fn check_retries(retries: u32) -> Result<u32, Fault> {
    if retries > MOST_RETRIES { Err(fault_of_retries(retries)) } else { Ok(retries) }
}

fn fault_of_retries(got: impl fmt::Display) -> Fault {
    (Code::Range, format!("must be 0 to {MOST_RETRIES}, got {got}"))
}

fn base_url(url: Option<String>, edition: Option<Edition>) -> Result<String, Fault> {
    match (url, edition) {
        (Some(_), Some(_)) => {
            Err((Code::Conflict, "give either a base URL or an edition, not both".to_owned()))
        }
        (Some(url), None) => check_base_url(&url),
        (None, edition) => Ok(edition.unwrap_or_default().base_url().to_owned()),
    }
}

fn check_base_url(url: &str) -> Result<String, Fault> {
    let fault = |message: &str| Err((Code::Format, message.to_owned()));
    if url.contains('@') {
        return fault("may not hold a user name or password; give the token as token");
    }
    if url.contains(['?', '#']) {
        return fault("may not hold a query or a fragment; give only scheme, host and path");
    }
    let Ok(uri) = url.parse::<http::Uri>() else {
        return fault("must be a URL such as https://lxcrm.weiwenjia.com");
    };
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => Ok(url.trim_end_matches('/').to_owned()),
        (Some("http"), Some(host)) if is_loopback(host) => Ok(url.trim_end_matches('/').to_owned()),
        (Some("http"), Some(_)) => fault("must begin with https://; http is only for this machine"),
        _ => fault("must be a URL such as https://lxcrm.weiwenjia.com"),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn check_proxy(proxy: Proxy) -> Result<Proxy, Fault> {
    match &proxy {
        Proxy::Url(url) if !crate::transport::is_proxy_url(url) => Err((
            Code::Format,
            "must be the URL of an HTTP proxy such as http://proxy.example:3128, or env".to_owned(),
        )),
        _ => Ok(proxy),
    }
}

fn read_certificates(path: &Path) -> Result<Vec<u8>, Fault> {
    let shown = path.display();
    let pem = std::fs::read(path)
        .map_err(|error| (Code::Format, format!("cannot read {shown}: {error}")))?;
    match crate::transport::count_certificates(&pem) {
        Ok(0) => Err((Code::Format, format!("{shown} holds no PEM certificate"))),
        Ok(_) => Ok(pem),
        Err(error) => Err((Code::Format, format!("{shown} is not PEM: {error}"))),
    }
}
