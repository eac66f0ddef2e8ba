"""Runs jobs of updates: takes their options apart, calls the callbacks, tells how to go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from os import PathLike, fspath
from time import monotonic
from typing import Any

from ikcrm import _native, arguments
from ikcrm.errors import CancelledError, IkcrmError, JobStoppedError
from ikcrm.tables import ArrowTable, LazyTable, Relation, table_of
from ikcrm.update_job import JobProgress, UpdateJob, job_row, open_job

_EVERY = 30.0
"""How many seconds pass between two lines of progress where there is no terminal."""


def plan(
    client: _native.Client,
    rows: JobRows,
    options: Mapping[str, Any],
    call: Callable[..., Any] | None = None,
) -> UpdateJob:
    """Plans a job; `call` calls the callbacks, where that is not to be done directly."""
    named = _plan_options(options)
    watch = _Watch(named, call)
    with watch:
        if isinstance(rows, (str, PathLike)):
            return UpdateJob(client.plan_sheet(fspath(rows), named, watch.on_progress))
        if (table := table_of(rows)) is not None:
            return UpdateJob(client.plan_table(*table, named, watch.on_progress))
        return UpdateJob(client.plan_updates(rows, named, watch.on_progress))


def undo(
    client: _native.Client,
    job: UpdateJob,
    options: Mapping[str, Any],
    call: Callable[..., Any] | None = None,
) -> UpdateJob:
    """Plans the undo of a job."""
    named = _plan_options(options)
    watch = _Watch(named, call)
    with watch:
        return UpdateJob(client.plan_undo(job._native, named, watch.on_progress))


def apply(
    client: _native.Client,
    job: UpdateJob | str | PathLike[str],
    options: Mapping[str, Any],
    call: Callable[..., Any] | None = None,
) -> UpdateJob:
    """Works a job off."""
    if not isinstance(job, UpdateJob):
        job = open_job(job)
    named = dict(options)
    on_row = _callback(named.pop("on_row", None), "on_row", call)
    watch = _Watch(named, call)
    tell_row = on_row and (lambda parts: on_row(job_row(parts)))
    try:
        with watch:
            client.apply_updates(job._native, named, watch.on_progress, tell_row)
    except JobStoppedError as error:
        error._job = job
        raise
    except BaseException as error:
        if isinstance(error, CancelledError) or not isinstance(error, IkcrmError):
            _tell_how_to_go_on(error, job.path)
        raise
    return job


APPLY_ONLY = frozenset(arguments.ApplyOnly.__annotations__)
"""The options of `apply_updates` that `plan_updates` does not take."""

PLAN_ONLY = frozenset(arguments.PlanOnly.__annotations__)
"""The options of `plan_updates` that `apply_updates` does not take."""

SHEET_ONLY = frozenset(arguments.SheetOnly.__annotations__)
"""The options of `plan_updates` that are for sheets and tables."""

JobRows = Iterable[Mapping[str, Any]] | str | PathLike[str] | ArrowTable | LazyTable | Relation
"""Where the rows of a job come from."""


def update(
    client: _native.Client,
    rows: JobRows,
    confirm: Callable[[UpdateJob], Any] | None,
    options: Mapping[str, Any],
    call: Callable[..., Any] | None = None,
) -> UpdateJob:
    """Plans and applies."""
    ask = _callback(confirm, "confirm", call)
    planning = {name: value for name, value in options.items() if name not in APPLY_ONLY}
    job = plan(client, rows, planning, call)
    if ask is not None and ask(job) is not True:
        return job
    planned = PLAN_ONLY | SHEET_ONLY
    applying = {name: value for name, value in options.items() if name not in planned}
    return apply(client, job, applying, call)


def _plan_options(options: Mapping[str, Any]) -> dict[str, Any]:
    named = dict(options)
    if hasattr(named.get("as_of"), "tzinfo"):
        named["as_of"] = _minute_in_china(named["as_of"])
    return named


def _minute_in_china(time: Any) -> str:
    """A `datetime` as the core takes it; one without a zone is in China's time."""
    from datetime import timedelta, timezone

    if time.tzinfo is not None:
        time = time.astimezone(timezone(timedelta(hours=8)))
    return str(time.strftime("%Y-%m-%d %H:%M"))


def _tell_how_to_go_on(error: BaseException, path: str) -> None:
    text = f"the job stopped; make the same call again to continue {path}"
    if hasattr(error, "add_note"):  # Python 3.11
        error.add_note(text)
    elif not error.args:
        error.args = (text,)


def _callback(
    function: Callable[..., Any] | None, name: str, call: Callable[..., Any] | None
) -> Callable[..., Any] | None:
    """What calls a caller's function."""
    if function is None:
        return None
    if not callable(function):
        raise TypeError(f"{name} must be a function, got {function!r}")
    if call is not None:
        return lambda told: call(function, told)

    def directly(told: Any) -> Any:
        returned = function(told)
        if hasattr(returned, "__await__"):
            raise TypeError(f"{name} is a coroutine function: use AsyncClient")
        return returned

    return directly


class _Watch:
    """Takes `on_progress` and `progress` out of options, and tells the progress there."""

    def __init__(self, options: dict[str, Any], call: Callable[..., Any] | None) -> None:
        self._callback = _callback(options.pop("on_progress", None), "on_progress", call)
        self._line = _Line() if options.pop("progress", False) else None
        asked = self._callback is not None or self._line is not None
        self.on_progress = self._tell if asked else None

    def _tell(
        self,
        counts: list[tuple[str, int]],
        calls_to_go: int,
        time_left: float | None,
        waiting: str | None,
        line: str,
    ) -> None:
        if self._line is not None:
            self._line.write(line)
        if self._callback is not None:
            self._callback(JobProgress(dict(counts), calls_to_go, time_left, waiting, line))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.end()


class _Line:
    """A line of progress on stderr: rewritten on a terminal, else written anew now and then."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        in_notebook = type(self._stream).__module__.startswith("ipykernel")
        self._rewrites = in_notebook or (self._stream is not None and self._stream.isatty())
        self._shown = ""
        self._last = ""
        self._next = 0.0

    def write(self, line: str) -> None:
        self._last = line
        if self._stream is None:  # a program without a console
            return
        if self._rewrites:
            self._stream.write("\r" + line.ljust(len(self._shown)))
            self._stream.flush()
            self._shown = line
        elif monotonic() >= self._next:
            self._plain()

    def _plain(self) -> None:
        self._stream.write(self._last + "\n")
        self._stream.flush()
        self._shown, self._next = self._last, monotonic() + _EVERY

    def end(self) -> None:
        if self._stream is None or not self._last:
            return
        if self._rewrites:
            self._stream.write("\n")
            self._stream.flush()
        elif self._shown != self._last:
            self._plain()
