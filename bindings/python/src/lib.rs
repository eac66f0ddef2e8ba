//! The core for Python: converts, calls and maps the error. The package is in `python/`.

mod answer;
mod call;
mod cancel;
mod client;
mod errors;
mod events;
mod exit;
mod field_map;
mod fork;
mod hooks;
mod interpreter;
mod job;
mod list;
mod meta;
mod pending;
mod record;
mod sandbox;
mod value;

/// What the package's Python source is built on; import from `ikcrm` instead.
#[pyo3::pymodule(name = "_native")]
mod native {
    use pyo3::prelude::*;

    use crate::interpreter;

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::cancel::Cancel;
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::exit::prepare_exit;
    #[pymodule_export]
    use crate::field_map::FieldMap;
    #[pymodule_export]
    use crate::fork::forked;
    #[pymodule_export]
    use crate::job::{Clear, UpdateJob};
    #[pymodule_export]
    use crate::list::Pages;
    #[pymodule_export]
    use crate::record::Record;
    #[pymodule_export]
    use crate::sandbox::Sandbox;

    #[pymodule_init]
    fn init(py: Python<'_>) -> PyResult<()> {
        interpreter::check(py)?;
        ikcrm::contract::spell_as(spelling);
        Ok(())
    }

    /// How Python spells what messages mention.
    fn spelling(name: &str) -> &str {
        match name {
            "null" => "None",
            "true" => "True",
            "false" => "False",
            name => name,
        }
    }
}
