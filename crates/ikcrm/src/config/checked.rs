//! `Config`: settings that passed all checks, which tell every fault at once.

use std::fmt;
use std::time::Duration;

use super::builder::{ClientBuilder, OPTIONS};
use super::check::{
    IDLE, SIGN_IN_INTERVAL, TIMEOUT, TlsRoots, base_url, check_proxy, check_retries,
    read_certificates, read_identity,
};
use super::headers::Headers;
use crate::auth::{Account, Credentials, Token};
use crate::error::{FieldError, FieldErrorCode as Code, keep, spelt_faults};
use crate::input::Patch;
use crate::observe::Listener;
use crate::quota::{Quota, Scope, SharedQuota};
use crate::transport::{Identity, ProxyUrl};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_RETRIES: u32 = 2;
const DEFAULT_SIGN_IN_INTERVAL: Duration = Duration::from_secs(60);

/// Settings that passed all checks.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) base_url: String,
    pub(crate) account: Account,
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) quota: Option<SharedQuota>,
    /// The PEM text of certificates to trust besides the bundled ones.
    pub(crate) ca_bundle: Option<Vec<u8>>,
    /// The certificate to show to the CRM.
    pub(crate) identity: Option<Identity>,
    pub(crate) proxy: Option<ProxyUrl>,
    pub(crate) headers: Headers,
    /// The program that uses the client, for `User-Agent`.
    pub(crate) app_info: Option<String>,
    /// Whether requests tell the id of their call.
    pub(crate) request_id: bool,
    /// How long a connection is kept that is not in use.
    pub(crate) idle_timeout: Duration,
    pub(crate) tls_roots: TlsRoots,
    /// Who is told of the calls' events.
    pub(crate) observer: Option<Listener>,
}

impl Config {
    /// What the client is for: no secret, no login, no path of a store.
    pub(crate) fn summary(&self) -> String {
        let who = match (&self.account.credentials, &self.account.token) {
            (Some(_), _) => "login ***",
            (None, Some(_)) => "token ***",
            (None, None) => "a token store",
        };
        let quota = self.quota.as_ref().map(SharedQuota::limit);
        let quota = quota.map_or("no quota".to_owned(), |(calls, per)| {
            format!("{calls} calls in {} s", per.as_secs_f64())
        });
        let Self { base_url, timeout, max_retries, .. } = self;
        let timeout = timeout.as_secs_f64();
        format!("{base_url}, {who}, {quota}, timeout {timeout} s, {max_retries} retries")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}

impl ClientBuilder {
    /// The settings, or every fault found, in the order of the table.
    pub(crate) fn check(mut self) -> Result<Config, Vec<FieldError>> {
        let mut faults = std::mem::take(&mut self.faults);
        let token = self.token.clone().map(Token::new).transpose();
        let token = keep(token, "token", &mut faults).flatten();
        faults.extend(self.faults_of_credentials(&faults));
        let interval = self
            .sign_in_interval
            .map_or(Ok(DEFAULT_SIGN_IN_INTERVAL), |it| SIGN_IN_INTERVAL.check(it));
        let interval = keep(interval, "sign_in_interval", &mut faults);
        let base_url = base_url(self.base_url.take(), self.edition);
        let base_url = keep(base_url, "base_url", &mut faults).unwrap_or_default();
        let timeout = self.timeout.map_or(Ok(DEFAULT_TIMEOUT), |it| TIMEOUT.check(it));
        let timeout = keep(timeout, "timeout", &mut faults).unwrap_or_default();
        let retries = self.max_retries.map_or(Ok(DEFAULT_RETRIES), check_retries);
        let max_retries = keep(retries, "max_retries", &mut faults).unwrap_or_default();
        let ca_bundle = self.ca_bundle.take().map(|path| read_certificates(&path)).transpose();
        let ca_bundle = keep(ca_bundle, "ca_bundle", &mut faults).flatten();
        let identity = read_identity(self.client_cert.as_deref(), self.client_key.as_deref());
        let identity = identity.map_err(|fault| faults.push(fault)).ok().flatten();
        let proxy = check_proxy(&self.proxy, &base_url, self.environment.as_deref());
        let proxy = keep(proxy, "proxy", &mut faults).flatten();
        let idle_timeout = self.idle_timeout.map_or(Ok(DEFAULT_IDLE_TIMEOUT), |it| IDLE.check(it));
        let idle_timeout = keep(idle_timeout, "idle_timeout", &mut faults).unwrap_or_default();
        let quota = std::mem::take(&mut self.quota);
        let scope = Scope { base_url: &base_url, who: self.who(token.as_ref()) };
        let quota = checked_quota(quota, &scope, &mut faults);
        if !faults.is_empty() {
            name_variables(self.variables.as_deref(), &mut faults);
            faults.sort_by_key(|fault| {
                let option = fault.field.split('.').next();
                OPTIONS.iter().position(|name| Some(*name) == option)
            });
            return Err(spelt_faults(faults));
        }
        let observer = self.observer.take();
        let (headers, app_info) = (std::mem::take(&mut self.headers), self.app_info.take());
        let (request_id, tls_roots) = (self.request_id, self.tls_roots);
        let account = self.account(token, interval.unwrap_or_default());
        Ok(Config {
            base_url,
            account,
            timeout,
            max_retries,
            quota,
            ca_bundle,
            identity,
            proxy,
            headers,
            app_info,
            request_id,
            idle_timeout,
            tls_roots,
            observer,
        })
    }

    fn account(self, token: Option<Token>, sign_in_interval: Duration) -> Account {
        let Self { login, password, corp_id, token_store, on_token, .. } = self;
        let credentials =
            login.zip(password).map(|(login, password)| Credentials { login, password, corp_id });
        Account { token, credentials, sign_in_interval, token_store, on_token }
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
            "a password was given without its login; give both",
        );
        fault(
            login && !password,
            "password",
            Code::Required,
            "a login was given without its password; give both",
        );
        let message = "works only together with login and password";
        fault(corp_id && !login && !password, "corp_id", Code::Conflict, message);
        for (name, value) in [("login", &self.login), ("corp_id", &self.corp_id)] {
            let blank = value.as_deref().is_some_and(|text| text.trim().is_empty());
            fault(blank, name, Code::Blank, "must not be blank");
        }
        let empty = self.password.as_deref() == Some("");
        fault(empty, "password", Code::Blank, "must not be empty");
        faults
    }

    /// Whose calls they are, as far as that is told.
    fn who<'a>(&'a self, token: Option<&'a Token>) -> Option<&'a str> {
        let who = self.corp_id.as_deref().or(self.login.as_deref());
        who.or(token.map(Token::text))
    }
}

/// Names the variable of each fault that came from the environment, if it was read.
fn name_variables(variables: Option<&[(String, String)]>, faults: &mut [FieldError]) {
    let Some(variables) = variables else { return };
    for fault in faults.iter_mut().filter(|fault| !fault.message.contains(" variable ")) {
        if let Some((_, variable)) = variables.iter().find(|(option, _)| *option == fault.field) {
            fault.message.extend(["; it comes from the environment variable ", variable]);
        } else if fault.field == "token" && fault.code == Code::Required {
            fault.message +=
                "; set the environment variable IKCRM_TOKEN, or IKCRM_LOGIN and IKCRM_PASSWORD";
        }
    }
}

/// The quota as clients use it; its faults go to the others.
fn checked_quota(
    quota: Patch<Quota>,
    scope: &Scope<'_>,
    faults: &mut Vec<FieldError>,
) -> Option<SharedQuota> {
    let quota = match quota {
        Patch::Unset => Quota::default(),
        Patch::Null => return None,
        Patch::Set(quota) => quota,
    };
    quota.check(scope).map_err(|found| faults.extend(found)).ok()
}
