//! `PerProcess`: what belongs to one process and is of no use to its forks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often this process, or one that it was forked from, was told of a fork.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Takes note of a fork.
pub(super) fn count_fork() {
    FORKS.fetch_add(1, Ordering::AcqRel);
}

/// What tells processes apart.
fn process() -> (u32, u32) {
    (std::process::id(), FORKS.load(Ordering::Acquire))
}

/// A value for each process that uses it: sockets, threads and locks do not survive a fork.
///
/// A list that grows by one at each fork; reading it takes no lock that a fork could leave locked.
pub(crate) struct PerProcess<T>(Link<T>);

type Link<T> = OnceLock<Box<Node<T>>>;

struct Node<T> {
    process: (u32, u32),
    value: T,
    /// That of a child.
    forked: Link<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The running process's value; `make` makes it, of the parent's in a process that was forked.
    pub(crate) fn current(&self, make: impl Fn(Option<&T>) -> T) -> &T {
        let process = process();
        let (mut link, mut parent) = (&self.0, None);
        loop {
            match link.get() {
                Some(node) if node.process == process => return &node.value,
                Some(node) => (link, parent) = (&node.forked, Some(&node.value)),
                None => {
                    let value = make(parent);
                    // Another thread may have been first; then its value is taken.
                    link.set(Box::new(Node { process, value, forked: OnceLock::new() })).ok();
                }
            }
        }
    }

    /// The running process's value, if it has one yet.
    pub(crate) fn existing(&self) -> Option<&T> {
        let process = process();
        let mut link = &self.0;
        loop {
            match link.get()? {
                node if node.process == process => return Some(&node.value),
                node => link = &node.forked,
            }
        }
    }
}

/// What other processes made is let alone: its locks may be held by threads that are not here, and
/// its sockets are theirs.
impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let here = process();
        let mut link = self.0.take();
        while let Some(mut node) = link {
            link = node.forked.take();
            if node.process != here {
                std::mem::forget(node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_child_drops_nothing_of_its_parents() {
        let (parents, childs) = (Rc::new(()), Rc::new(()));
        let values = PerProcess::new();
        let value = |parent: Option<&Rc<()>>| Rc::clone(parent.map_or(&parents, |_| &childs));
        values.current(value);
        count_fork();
        values.current(value);
        drop(values);
        assert_eq!((Rc::strong_count(&parents), Rc::strong_count(&childs)), (2, 1));
    }

    #[test]
    fn a_child_with_its_parents_id_has_a_value_of_its_own() {
        let values = PerProcess::new();
        let value =
            |values: &PerProcess<u32>| *values.current(|parent| parent.map_or(1, |p| p + 1));
        assert_eq!((value(&values), value(&values)), (1, 1));
        count_fork();
        assert_eq!((value(&values), value(&values)), (2, 2));
    }
}
