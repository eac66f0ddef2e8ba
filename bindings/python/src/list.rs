//! `Pages`: a list of opportunities, page after page.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ikcrm::{Error, OpportunityList, OpportunityRow};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::answer::Rows;
use crate::cancel::{Cancel, Signals};
use crate::pending::{Pending, spawn};

/// How long a thread that waits for another's page sleeps before it looks whether it was cancelled.
const SLICE: Duration = Duration::from_millis(100);

/// The pages of a list. One at a time is read, by whichever thread asks.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Pages {
    client: ikcrm::Client,
    reader: Arc<Reader>,
    /// The client in Python, whose hooks must not be collected while its list is in use.
    owner: Py<PyAny>,
}

impl Pages {
    pub(crate) fn new(client: ikcrm::Client, list: OpportunityList, owner: Py<PyAny>) -> Self {
        let place = Mutex::new(Place { list: Some(list), turns: 0 });
        let reader = Reader { place, ..Reader::default() };
        Self { client, reader: Arc::new(reader), owner }
    }
}

#[pymethods]
impl Pages {
    /// How many rows the CRM says that the whole list has; nothing before the first page.
    #[getter]
    fn total_count(&self) -> Option<u64> {
        *lock(&self.reader.total_count)
    }

    /// Reads the next page, waits for it and appends its rows to `rows`; tells whether there may be
    /// more rows there.
    #[pyo3(signature = (rows: "object"))]
    fn read(&self, rows: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (py, signals) = (rows.py(), Signals::default());
        let cancel = signals.cancel();
        let read = py.detach(|| self.reader.next(&cancel));
        // A signal that comes with the page must not lose it, and nobody may find the list at its end
        // before the last page is there.
        let appended = read.map(|(page, turn)| {
            let appended = append(rows, page);
            py.detach(|| drop(turn));
            appended
        });
        signals.check(py, appended)?
    }

    /// Reads the next page on a thread of the core's, which appends it as above and calls `done`.
    #[pyo3(signature = (rows: "object", done: "object"))]
    fn spawn_read(&self, py: Python<'_>, rows: Py<PyAny>, done: Py<PyAny>) -> PyResult<Cancel> {
        let pending = Pending::new(done, self.owner.clone_ref(py));
        let (reader, cancel) = (Arc::clone(&self.reader), Cancel::default());
        let flag = cancel.0.clone();
        spawn(py, &self.client, &cancel, move || match reader.next(&flag) {
            Ok((page, turn)) => {
                pending.settle(Ok(Appended { page, rows }));
                drop(turn);
            }
            Err(error) => pending.settle(Err::<Appended, _>(error)),
        })?;
        Ok(cancel)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.owner)
    }
}

/// A list that threads take in turns.
#[derive(Default)]
struct Reader {
    place: Mutex<Place>,
    returned: Condvar,
    /// Of the page that was read last; apart from the list, so that it is told while one is read.
    total_count: Mutex<Option<u64>>,
}

#[derive(Default)]
struct Place {
    /// Nothing while a thread reads a page.
    list: Option<OpportunityList>,
    /// How many turns are over.
    turns: u64,
}

/// What a turn brings: a page, nothing when another thread has just brought one, or the list's end.
enum Page {
    Rows(Vec<OpportunityRow>),
    Brought,
    End,
}

impl Reader {
    fn next(&self, cancel: &ikcrm::Cancel) -> Result<(Page, Turn<'_>), Error> {
        let (mut turn, waited) = self.turn(cancel)?;
        let Some(list) = turn.list.as_mut().filter(|_| !waited) else {
            return Ok((Page::Brought, turn));
        };
        list.set_cancel(cancel.clone());
        let page = list.next_page()?.map_or(Page::End, |page| Page::Rows(page.rows));
        *lock(&self.total_count) = list.total_count();
        Ok((page, turn))
    }

    /// Waits until no other thread reads, and tells whether one did meanwhile.
    fn turn(&self, cancel: &ikcrm::Cancel) -> Result<(Turn<'_>, bool), Error> {
        let mut place = lock(&self.place);
        let begun = place.turns;
        loop {
            if let Some(list) = place.list.take() {
                return Ok((Turn { reader: self, list: Some(list) }, place.turns != begun));
            }
            if cancel.poll() {
                return Err(Error::Cancelled { may_have_been_applied: false });
            }
            let waited = self.returned.wait_timeout(place, SLICE);
            place = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A thread's turn to read, which ends when this is dropped, even by a panic. That must not be while
/// the thread is in Python: one that waits for its turn looks there for signals.
struct Turn<'a> {
    reader: &'a Reader,
    list: Option<OpportunityList>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut place = lock(&self.reader.place);
        place.list = self.list.take();
        place.turns += 1;
        drop(place);
        self.reader.returned.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A page, which is appended on its way into Python, whether or not somebody still waits for it.
struct Appended {
    page: Page,
    rows: Py<PyAny>,
}

impl<'py> IntoPyObject<'py> for Appended {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let appended = append(self.rows.bind(py), self.page)?;
        Ok(appended.into_pyobject(py)?.to_owned().into_any())
    }
}

fn append(rows: &Bound<'_, PyAny>, page: Page) -> PyResult<bool> {
    match page {
        Page::Rows(page) => {
            rows.call_method1(intern!(rows.py(), "extend"), (Rows(page),))?;
            Ok(true)
        }
        Page::Brought => Ok(true),
        Page::End => Ok(false),
    }
}
