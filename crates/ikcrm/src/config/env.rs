//! The settings of a client in the environment.

use super::builder::{ClientBuilder, OPTIONS};
use crate::error::{Fault, FieldErrorCode as Code};
use crate::input::Value;
use crate::quota::QUOTA_OPTIONS;
use crate::transport::Proxy;

impl ClientBuilder {
    /// Takes the settings from the environment. A variable is `IKCRM_` and the name of a setting in
    /// capitals, such as `IKCRM_TOKEN`, and `IKCRM_QUOTA_` and the name of one of the quota's. Times are
    /// in seconds, `IKCRM_APP_INFO` is `name/version`, `IKCRM_PROXY` is `env` unless it is set, and
    /// `IKCRM_QUOTA=off` turns the quota off.
    pub fn from_env() -> Self {
        Self::from_variables(|name| {
            let value = std::env::var_os(name)?;
            Some(
                value.into_string().map_or_else(
                    |_| Value::Other("text that is not UTF-8".to_owned()),
                    Value::Text,
                ),
            )
        })
    }

    /// The same without the variables in whose place these options are given.
    #[doc(hidden)]
    pub fn from_variables_beside(given: &[String], read: impl Fn(&str) -> Option<Value>) -> Self {
        let given = |name: &str| given.iter().any(|option| option == name);
        Self::from_variables(|variable| {
            let option = variable.strip_prefix("IKCRM_").unwrap_or_default().to_ascii_lowercase();
            let replaced = match option.as_str() {
                "base_url" | "edition" => given("base_url") || given("edition"),
                option if option.starts_with("quota_") => given("quota"),
                option => given(option),
            };
            if replaced { None } else { read(variable) }
        })
    }

    /// Takes the settings from variables as `read` gives them, which a binding reads as its language
    /// does; what is not UTF-8 is a [`Value::Other`].
    #[doc(hidden)]
    pub fn from_variables(read: impl Fn(&str) -> Option<Value>) -> Self {
        let variable = |name: &str| {
            let variable = format!("IKCRM_{}", name.to_ascii_uppercase());
            let value = read(&variable).filter(|value| *value != Value::Text(String::new()))?;
            Some((variable, value))
        };
        let mut builder = Self::default().through(Proxy::Environment);
        let mut quota = Vec::new();
        let mut variables = Vec::new();
        for name in QUOTA_OPTIONS {
            match variable(&format!("quota_{name}")) {
                Some((variable, value @ Value::Text(_))) => {
                    quota.push(((*name).to_owned(), value));
                    variables.push((format!("quota.{name}"), variable));
                }
                Some((variable, _)) => {
                    builder = builder.not_utf8(&format!("quota.{name}"), &variable);
                }
                None => {}
            }
        }
        if !quota.is_empty() {
            builder = builder.set("quota", Value::Map(quota));
        }
        for name in OPTIONS.iter().filter(|name| **name != "headers") {
            match variable(name) {
                Some((variable, value @ Value::Text(_))) => {
                    builder = builder.set(name, value);
                    variables.push(((*name).to_owned(), variable));
                }
                Some((variable, _)) => builder = builder.not_utf8(name, &variable),
                None => {}
            }
        }
        Self { variables: Some(variables), ..builder }
    }

    fn not_utf8(mut self, option: &str, variable: &str) -> Self {
        let message =
            format!("the environment variable {variable} is not UTF-8; encode it as UTF-8");
        self.faults.push(Fault(Code::Format, message).of(option));
        self
    }
}
