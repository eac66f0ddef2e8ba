//! `Teller`: tells Python what happens in a call.

use ikcrm::contract::Fact;
use ikcrm::{Event, Level, Observer, PreparedCall};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cancel::{Raised, Signals};
use crate::exit;

/// The function that takes the events of one call, from the level on that is of interest.
pub(crate) struct Teller {
    tell: Py<PyAny>,
    level: Level,
    /// Where what is to end the program goes, such as a `KeyboardInterrupt`, if anybody waits.
    raised: Option<Raised>,
}

impl Teller {
    /// What `watch` says of the call that begins; `spawned` is whether the caller goes on meanwhile.
    pub(crate) fn of(
        watch: &Bound<'_, PyAny>,
        spawned: bool,
        raised: Option<Raised>,
    ) -> PyResult<Self> {
        let (level, tell): (u8, Py<PyAny>) = watch.call1((spawned,))?.extract()?;
        Ok(Self { tell, level: level_of(level), raised })
    }
}

/// The call, of whose events Python is told as `watch` says. A call on this thread has `signals`.
pub(crate) fn observed<T: Send + 'static>(
    watch: &Bound<'_, PyAny>,
    call: PreparedCall<T>,
    signals: Option<&Signals>,
) -> PyResult<PreparedCall<T>> {
    let raised = signals.map(Signals::raised);
    Ok(call.observed_by(Teller::of(watch, signals.is_none(), raised)?))
}

impl Observer for Teller {
    fn observe(&self, events: &[Event]) {
        exit::attach_hook(|py| {
            let told = rows(py, events).and_then(|rows| self.tell.call1(py, (rows,)));
            match told {
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    error.write_unraisable(py, Some(self.tell.bind(py)));
                }
                Err(error) => self.raised.iter().for_each(|raised| raised.set(error.clone_ref(py))),
                Ok(_) => {}
            }
        });
    }

    fn level(&self) -> Level {
        self.level
    }
}

/// By the numbers of Python's `logging`.
fn level_of(number: u8) -> Level {
    match number {
        0..=10 => Level::Debug,
        11..=20 => Level::Info,
        _ => Level::Warning,
    }
}

type Row<'py> = (u8, &'static str, Bound<'py, PyDict>);

fn rows<'py>(py: Python<'py>, events: &[Event]) -> PyResult<Vec<Row<'py>>> {
    let row = |event: &Event| {
        let facts = PyDict::new(py);
        for (name, fact) in event.facts() {
            facts.set_item(name, value(py, fact)?)?;
        }
        let level = match event.level() {
            Level::Debug => 10,
            Level::Info => 20,
            _ => 30,
        };
        Ok((level, event.name(), facts))
    };
    events.iter().map(row).collect()
}

fn value(py: Python<'_>, fact: Fact) -> PyResult<Py<PyAny>> {
    match fact {
        Fact::None => Ok(py.None()),
        Fact::Number(number) => number.into_py_any(py),
        Fact::Text(text) => text.into_py_any(py),
        Fact::Truth(truth) => truth.into_py_any(py),
        Fact::Time(time) => time.as_secs_f64().into_py_any(py),
    }
}
