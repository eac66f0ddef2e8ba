//! `Teller`: tells Python what happens in a call.

use std::sync::Arc;

use ikcrm::contract::Fact;
use ikcrm::{Event, Level, Observer, PreparedCall};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{IntoPyObjectExt, intern};

use crate::cancel::{Raised, Signals};
use crate::exit;
use crate::hooks::Hook;

/// Takes the events of one call, from the level on that is of interest.
///
/// Most calls have no event that anybody hears of. So as little of Python as can be is asked before a
/// call, and whether somebody hears a warning when there is one.
pub(crate) struct Teller {
    /// The client's `Events`.
    events: Arc<Hook>,
    /// The loop and the context of the task that waits, if the caller goes on meanwhile.
    task: Option<(Py<PyAny>, Py<PyAny>)>,
    level: Level,
    /// Where what is to end the program goes, such as a `KeyboardInterrupt`, if anybody waits.
    raised: Option<Raised>,
}

impl Teller {
    /// That of a call which begins now on this thread.
    pub(crate) fn here(py: Python<'_>, events: &Arc<Hook>, signals: &Signals) -> PyResult<Self> {
        let (level, raised) = (level(&events.bind(py)?)?, Some(signals.raised()));
        Ok(Self { events: Arc::clone(events), task: None, level, raised })
    }

    /// That of a call whose caller goes on meanwhile.
    fn spawned(py: Python<'_>, events: &Arc<Hook>) -> PyResult<Self> {
        let bound = events.bind(py)?;
        let task = bound.call_method0(intern!(py, "task"))?.extract()?;
        Ok(Self { events: Arc::clone(events), task, level: level(&bound)?, raised: None })
    }

    fn tell(&self, py: Python<'_>, events: &[Event]) -> PyResult<()> {
        let (python, rows) = (self.events.bind(py)?, rows(py, events)?);
        let told = match &self.task {
            Some((the_loop, context)) => {
                python.call_method1(intern!(py, "tell_task"), (the_loop, context, rows))
            }
            None => python.call_method1(intern!(py, "tell"), (rows,)),
        };
        told.map(drop)
    }
}

/// From which level on a call that begins now is of interest.
fn level(events: &Bound<'_, PyAny>) -> PyResult<Level> {
    let py = events.py();
    if !events.call_method1(intern!(py, "hears"), (20,))?.is_truthy()? {
        return Ok(Level::Warning);
    }
    let level: u8 = events.call_method0(intern!(py, "level"))?.extract()?;
    Ok(match level {
        0..=10 => Level::Debug,
        11..=20 => Level::Info,
        _ => Level::Warning,
    })
}

/// The call, of whose events `events` tells Python. A call on this thread has `signals`.
pub(crate) fn observed<T: Send + 'static>(
    py: Python<'_>,
    events: &Arc<Hook>,
    call: PreparedCall<T>,
    signals: Option<&Signals>,
) -> PyResult<PreparedCall<T>> {
    Ok(call.observed_by(match signals {
        Some(signals) => Teller::here(py, events, signals)?,
        None => Teller::spawned(py, events)?,
    }))
}

impl Observer for Teller {
    fn observe(&self, events: &[Event]) {
        exit::attach_hook(|py| match self.tell(py, events) {
            Err(error) if error.is_instance_of::<PyException>(py) => {
                let tell = self.events.bind(py).and_then(|events| events.getattr("tell"));
                error.write_unraisable(py, tell.ok().as_ref());
            }
            Err(error) => self.raised.iter().for_each(|raised| raised.set(error.clone_ref(py))),
            Ok(()) => {}
        });
    }

    fn level(&self) -> Level {
        self.level
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
