//! `ClientBuilder`: the settings of a client, taken by name or by setter.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::check::{
    Environment, IDLE, SIGN_IN_INTERVAL, TIMEOUT, TlsRoots, retries, switch, tls_roots,
};
use super::edition::{Edition, edition};
use super::headers::{Headers, app_info, check_app_info};
use crate::auth::{OnToken, TokenStore, TokenStoreFailure};
use crate::error::{Fault, FieldError, FieldErrorCode as Code};
use crate::input::setting::{name_text, text};
use crate::input::suggest::no_option;
use crate::input::{Patch, Value, name_twice};
use crate::observe::{Listener, Observer};
use crate::quota::Quota;
use crate::transport::Proxy;

/// A client option, for tests against the contract.
#[doc(hidden)]
pub const OPTIONS: &[&str] = &[
    // <generated: options>, by `make generate`
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
    "client_cert",
    "client_key",
    "proxy",
    "headers",
    "app_info",
    "request_id",
    "idle_timeout",
    "tls_roots",
    "quota",
    // </generated>
];

/// The settings that are no values.
const HOOKS: &[&str] = &[
    // <generated: hooks>, by `make generate`
    "token_store",
    "on_token",
    "on_event",
    // </generated>
];

/// Builds a [`Client`](crate::Client). Nothing is checked before [`build`](Self::build), which reports all problems.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    pub(super) token: Option<String>,
    pub(super) login: Option<String>,
    pub(super) password: Option<String>,
    pub(super) corp_id: Option<String>,
    pub(super) sign_in_interval: Option<Duration>,
    pub(super) token_store: Option<Arc<dyn TokenStore>>,
    pub(super) on_token: Option<OnToken>,
    pub(super) base_url: Option<String>,
    pub(super) edition: Option<Edition>,
    pub(super) timeout: Option<Duration>,
    pub(super) max_retries: Option<u32>,
    pub(super) ca_bundle: Option<PathBuf>,
    pub(super) client_cert: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
    pub(super) proxy: Proxy,
    pub(super) headers: Headers,
    pub(super) app_info: Option<String>,
    pub(super) request_id: bool,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) tls_roots: TlsRoots,
    pub(super) observer: Option<Listener>,
    /// Where the proxy's variables are read, unless in the process's own environment.
    pub(super) environment: Option<Arc<Environment>>,
    /// Unset for the default, null for no quota at all.
    pub(super) quota: Patch<Quota>,
    /// The options that came from the environment, and their variables; nothing if it was not read.
    pub(super) variables: Option<Vec<(String, String)>>,
    pub(super) faults: Vec<FieldError>,
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
    /// for none). A token that is refused sooner is an [`Error::SignInLimited`](crate::Error::SignInLimited), and a sign-in that
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

    /// A file with the PEM certificate by which the client shows who it is, where a gateway before the
    /// CRM asks for one (mutual TLS), and with those that vouch for it. It is shown to no proxy.
    pub fn client_cert(mut self, path: impl AsRef<Path>) -> Self {
        self.client_cert = Some(path.as_ref().to_owned());
        self
    }

    /// The file with its PEM key, without a password (default: the file of
    /// [`client_cert`](Self::client_cert)).
    pub fn client_key(mut self, path: impl AsRef<Path>) -> Self {
        self.client_key = Some(path.as_ref().to_owned());
        self
    }

    /// The URL of an HTTP proxy; `env` takes it from the standard proxy variables (default: none).
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        self.proxy = if url == "env" { Proxy::Environment } else { Proxy::Url(url) };
        self
    }

    /// A header that every request has besides the client's own, such as a gateway asks for. What is
    /// the client's or its connection's, as `Authorization` and `Host`, is refused.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, Some(value), &mut self.faults);
        self
    }

    /// The program that uses the client, and its version, for `User-Agent` (default: only the
    /// client's own name).
    pub fn app_info(mut self, name: &str, version: &str) -> Self {
        match check_app_info(&[name.to_owned(), version.to_owned()]) {
            Ok(app_info) => self.app_info = Some(app_info),
            Err(fault) => return self.fault("app_info", fault),
        }
        self
    }

    /// Whether requests have the id of their call as `X-Request-Id` (default: no, since the vendor
    /// documents no such header). It is the `call_id` of events and of [`CallMeta`](crate::CallMeta).
    pub fn request_id(mut self, sent: bool) -> Self {
        self.request_id = sent;
        self
    }

    /// How long a connection that is not in use is kept (default: 60 s; at most an hour; zero for
    /// not at all). Shorten it where machines are frozen, or something between hangs up sooner.
    pub fn idle_timeout(mut self, age: Duration) -> Self {
        self.idle_timeout = Some(age);
        self
    }

    /// Trusts the certificates of the operating system instead of Mozilla's, which are bundled.
    pub fn system_tls_roots(mut self) -> Self {
        self.tls_roots = TlsRoots::System;
        self
    }

    /// How many calls the enterprise may make (default: the CRM's 10 in any 10 s, kept by this
    /// process); `None` turns it off.
    pub fn quota(mut self, quota: impl Into<Option<Quota>>) -> Self {
        self.quota = quota.into().map_or(Patch::Null, Patch::Set);
        self
    }

    /// Who is told what happens in the calls: attempts, waits, retries, sign-ins (default: nobody).
    ///
    /// ```no_run
    /// struct Print;
    ///
    /// impl ikcrm::Observer for Print {
    ///     fn observe(&self, events: &[ikcrm::Event]) {
    ///         for event in events {
    ///             println!("{} {}", event.call_id(), event.name());
    ///         }
    ///     }
    /// }
    ///
    /// let client = ikcrm::Client::builder().token("the open-API token").observer(Print).build()?;
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Listener::new(observer));
        self
    }

    /// Sets any option by its name; `timeout`, `sign_in_interval` and `idle_timeout` are in seconds. A null leaves the default, but turns
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
        if name == "headers" {
            self.headers = Headers::read(&value, &mut self.faults);
            return self;
        }
        let set = match name {
            "token" => text(&value).map(|token| self.token = Some(token)),
            "login" => name_text(&value).map(|login| self.login = Some(login)),
            "password" => text(&value).map(|password| self.password = Some(password)),
            "corp_id" => name_text(&value).map(|corp_id| self.corp_id = Some(corp_id)),
            "sign_in_interval" => {
                SIGN_IN_INTERVAL.read(&value).map(|it| self.sign_in_interval = Some(it))
            }
            "base_url" => text(&value).map(|url| self.base_url = Some(url)),
            "edition" => edition(&value).map(|edition| self.edition = Some(edition)),
            "timeout" => TIMEOUT.read(&value).map(|timeout| self.timeout = Some(timeout)),
            "max_retries" => retries(&value).map(|retries| self.max_retries = Some(retries)),
            "ca_bundle" => text(&value).map(|path| self.ca_bundle = Some(path.into())),
            "client_cert" => text(&value).map(|path| self.client_cert = Some(path.into())),
            "client_key" => text(&value).map(|path| self.client_key = Some(path.into())),
            "app_info" => app_info(&value).map(|app_info| self.app_info = Some(app_info)),
            "request_id" => switch(&value).map(|sent| self.request_id = sent),
            "idle_timeout" => IDLE.read(&value).map(|age| self.idle_timeout = Some(age)),
            "tls_roots" => tls_roots(&value).map(|roots| self.tls_roots = roots),
            "proxy" => {
                return match text(&value) {
                    Ok(url) => self.proxy(url),
                    Err(fault) => self.fault(name, fault),
                };
            }
            _ => {
                let options = OPTIONS.iter().chain(HOOKS).copied();
                return self.refuse(no_option("option", name, options));
            }
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
                if let Some(name) = name_twice(&settings) {
                    let message = format!("has {name} twice; give one value");
                    return self.fault("quota", Fault(Code::Conflict, message));
                }
                let set = |quota: Quota, (name, value): (String, Value)| quota.set(&name, value);
                self.quota(settings.into_iter().fold(Quota::default(), set))
            }
            Value::Text(off) if off == "off" => self.quota(None),
            Value::Text(_) => {
                let message = format!("must be off, or left out; got {}", value.describe());
                self.fault("quota", Fault(Code::Type, message))
            }
            _ => {
                let message = format!("must be a quota's settings, got {}", value.describe());
                self.fault("quota", Fault(Code::Type, message))
            }
        }
    }

    /// Lets the variables of the proxy be read where the language has its environment.
    #[doc(hidden)]
    pub fn environment(
        mut self,
        read: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Some(Arc::new(read));
        self
    }

    /// A fault of what only a binding can see; [`build`](Self::build) tells it with the others.
    #[doc(hidden)]
    pub fn refuse(mut self, fault: FieldError) -> Self {
        self.faults.push(fault);
        self
    }

    pub(super) fn through(self, proxy: Proxy) -> Self {
        Self { proxy, ..self }
    }

    fn fault(mut self, name: &str, fault: Fault) -> Self {
        self.faults.push(fault.of(name));
        self
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
