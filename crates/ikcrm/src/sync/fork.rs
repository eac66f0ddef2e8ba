//! What a process does that was just forked from another.

#[cfg(feature = "jobs")]
use super::locked_file;
use super::per_process;

/// Tells the library that this process was just forked from another.
///
/// A child is known by its process id, so that only a child with its parent's id needs this, as it is
/// when a container's first process forks into a namespace of its own; and a child that outlives a
/// parent that works on a job, for whose lock it would stand. Python calls it by itself; Node cannot
/// fork. It adds to a number and closes files, and waits for nothing, so it may be called at any time.
pub fn forked() {
    per_process::count_fork();
    #[cfg(feature = "jobs")]
    locked_file::forked();
}
