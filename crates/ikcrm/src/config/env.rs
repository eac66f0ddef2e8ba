//! The settings of a client in the environment.

use super::builder::{ClientBuilder, OPTIONS};
use crate::input::Value;
use crate::quota::QUOTA_OPTIONS;
use crate::transport::Proxy;

impl ClientBuilder {
    /// Takes the settings from the variables `IKCRM_TOKEN`, `IKCRM_LOGIN`, `IKCRM_PASSWORD`,
    /// `IKCRM_CORP_ID`, `IKCRM_SIGN_IN_INTERVAL` (seconds), `IKCRM_BASE_URL`, `IKCRM_EDITION`,
    /// `IKCRM_TIMEOUT` (seconds), `IKCRM_MAX_RETRIES`, `IKCRM_CA_BUNDLE` and `IKCRM_PROXY`
    /// (default: `env`, the standard proxy variables), and those of the quota from
    /// `IKCRM_QUOTA_CALLS`, `IKCRM_QUOTA_PER` (seconds), `IKCRM_QUOTA_MAX_WAIT` (seconds),
    /// `IKCRM_QUOTA_STORE`, `IKCRM_QUOTA_KEY` and `IKCRM_QUOTA_FALLBACK`, or from `IKCRM_QUOTA`:
    /// `off` turns it off.
    pub fn from_env() -> Self {
        let builder = Self::default().through(Proxy::Environment);
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
}

/// The variable `IKCRM_NAME`, unless it is empty.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(format!("IKCRM_{}", name.to_ascii_uppercase()));
    value.ok().filter(|value| !value.is_empty())
}
