"""Jobs: updates of many opportunities, in a file that can be gone on with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike, fspath
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ikcrm import _native
from ikcrm.errors import CancelledError, IkcrmError, JobStoppedError

if TYPE_CHECKING:
    from ikcrm.client import BaseClient

CLEAR: Final = _native.Clear()
"""In a row, clears the field, whatever `empty` says."""

RowState = Literal[
    "pending",
    "planned",
    "sending",
    "updated",
    "unchanged",
    "invalid",
    "duplicate",
    "not_found",
    "conflict",
    "refused",
    "failed",
    "unknown",
    "skipped",
]
"""The states of a row. Every row is in exactly one."""

_EVERY = 30.0
"""How many seconds pass between two lines of progress where there is no terminal."""


class Change(NamedTuple):
    """What a row changes in a field."""

    before: Any
    """What the CRM had; `None` also when that is not known: see `JobRow.unread`."""
    after: Any
    """What is sent."""


class JobRow(NamedTuple):
    """A row of a job."""

    number: int
    """Its place in the order given, from 1."""
    key: str | None
    """What you know it by."""
    id: int | None
    """The opportunity's id."""
    state: RowState
    """Its state."""
    changes: dict[str, Change]
    """What it changes, by field. Numbers with a fraction are `Decimal`."""
    error: str | None
    """What is wrong, in a word or two."""
    attempts: int
    """How often it was sent."""
    message: str | None
    """What is wrong, and what to do."""
    not_taken: tuple[str, ...]
    """The fields that the CRM answered with another meaning than was sent."""
    given: dict[str, Any]
    """What was given and is not sent: other columns, the values of an invalid row."""
    unread: tuple[str, ...]
    """The fields of which it is not known what the CRM had."""
    labels: dict[str, str]
    """The labels that were given for options, by field."""


class JobProblem(NamedTuple):
    """A cause for which rows are not as wanted."""

    state: RowState
    """The state of the rows."""
    cause: str
    """The cause, in a word or two."""
    rows: int
    """How many rows have it."""
    examples: tuple[JobRow, ...]
    """Three of them at most."""


class JobProgress(NamedTuple):
    """How far a job is."""

    counts: dict[str, int]
    """The number of rows in each state."""
    calls_to_go: int
    """About how many calls are left."""
    time_left: float | None
    """About how many seconds they take, where that is known."""
    waiting: str | None
    """Why the job waits just now, if it does."""
    line: str
    """All that in one line of text."""


class UpdateJob:
    """Updates of many opportunities: the plan, the progress and the result, in one SQLite file.

    All that it tells is read from the file when it is asked, so it is right even while another
    process works on the job. What cannot be read is a `JobFileError`.

    A job without a path of its own is deleted with this object once it is completed, or if nothing
    of it was sent.
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _native.UpdateJob) -> None:
        """Use `plan_updates` of a client, or `open_job`."""
        self._native = native

    @property
    def path(self) -> str:
        """The job's file."""
        return self._native.path

    @property
    def status(self) -> Literal["planning", "ready", "running", "stopped", "completed"]:
        """How far the job is; `running` while somebody applies it."""
        status: Any = self._native.status()
        return status  # type: ignore[no-any-return]

    @property
    def stop_reason(self) -> str | None:
        """Why it stopped, if it did, such as `cancelled`, `max_errors`, `outage` or `killed`."""
        return self._native.stop_reason()

    @property
    def ok(self) -> bool:
        """Whether the job is completed, and every row is in the CRM as wanted."""
        return self._native.ok()

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows in each state. They add up to the rows that were given."""
        return dict(self._native.counts())

    @property
    def calls(self) -> dict[str, int]:
        """How many calls the job made: `list`, `get`, `update`, `lookup`."""
        return dict(self._native.calls())

    @property
    def calls_to_go(self) -> int:
        """About how many calls are left."""
        return self._native.calls_to_go()

    @property
    def time_left(self) -> float | None:
        """About how many seconds they take, where that is known."""
        return self._native.time_left()

    @property
    def problems(self) -> list[JobProblem]:
        """The causes for which rows are not as wanted, the most frequent first."""
        return [
            JobProblem(_state(state), cause, rows, tuple(map(_row, examples)))
            for state, cause, rows, examples in self._native.problems()
        ]

    def rows(self, state: RowState | None = None) -> Iterator[JobRow]:
        """The rows, or those in one state, in the order given; they are read as they are needed."""
        number = 0
        while rows := self._native.rows(state, number):
            for parts in rows:
                yield _row(parts)
            number = rows[-1][0]

    def skip(self, *, ids: Iterable[int] | None = None, keys: Iterable[str] | None = None) -> int:
        """Takes the rows with these ids, or these keys, out, unless they were sent.

        Tells how many it took out. Raises `JobInUseError` while somebody works on the job.
        """
        if (ids is None) == (keys is None):
            raise TypeError("skip() takes either ids= or keys=")
        if ids is not None:
            return self._native.skip_ids(list(ids))
        return self._native.skip_keys(list(keys or ()))

    def to_records(self) -> list[dict[str, Any]]:
        """All rows as dicts that JSON and DataFrames take; amounts with a fraction are text."""
        return [_record(row) for row in self.rows()]

    def to_dict(self) -> dict[str, Any]:
        """What the job tells of itself, but for its rows, as a dict that JSON takes."""
        from json import loads

        told: dict[str, Any] = loads(self._native.to_json())
        return told

    def raise_for_failures(self) -> None:
        """Raises a `JobStoppedError` that tells the problems, unless the job is `ok`."""
        try:
            self._native.raise_for_failures()
        except JobStoppedError as error:
            error._job = self
            raise

    def __str__(self) -> str:
        return self._native.summary()

    def __repr__(self) -> str:
        return f"<UpdateJob {self.path!r}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def __reduce__(self) -> tuple[Any, ...]:
        return open_job, (self.path,)


def open_job(path: str | PathLike[str]) -> UpdateJob:
    """Opens a job, even while another process works on it.

    Raises `JobFileError` when there is no such file, or it is no job.
    """
    return UpdateJob(_native.UpdateJob(fspath(path)))


def _state(word: str) -> RowState:
    state: Any = word
    return state  # type: ignore[no-any-return]


def _row(parts: tuple[Any, ...]) -> JobRow:
    """A row of its native parts."""
    from decimal import Decimal
    from json import loads

    number, key, id, state, changes, error, attempts, message, not_taken, given = parts

    def value(text: str | None) -> Any:
        return None if text is None else loads(text, parse_float=Decimal)

    return JobRow(
        number,
        key,
        id,
        state,
        {field: Change(value(before), value(after)) for field, before, after, _ in changes},
        error,
        attempts,
        message,
        tuple(not_taken),
        value(given) or {},
        tuple(field for field, before, _, _ in changes if before is None),
        {field: label for field, _, _, label in changes if label is not None},
    )


def _record(row: JobRow) -> dict[str, Any]:
    from json import loads

    from ikcrm.json_text import json_text

    record: dict[str, Any] = loads(json_text(row._asdict()))
    changes = {
        name: dict(zip(Change._fields, change, strict=True))
        for name, change in record["changes"].items()
    }
    return {**record, "changes": changes}


def plan(
    client: BaseClient,
    rows: Iterable[Mapping[str, Any]],
    options: Mapping[str, Any],
    call: Callable[..., Any] | None = None,
) -> UpdateJob:
    """Plans a job; `call` calls the callbacks, where that is not to be done directly."""
    named = _plan_options(options)
    watch = _Watch(named, call)
    with watch:
        return UpdateJob(client._native.plan_updates(rows, named, watch.on_progress))


def undo(
    client: BaseClient,
    job: UpdateJob,
    options: Mapping[str, Any],
    call: Callable[..., Any] | None = None,
) -> UpdateJob:
    """Plans the undo of a job."""
    named = _plan_options(options)
    watch = _Watch(named, call)
    with watch:
        return UpdateJob(client._native.plan_undo(job._native, named, watch.on_progress))


def apply(
    client: BaseClient,
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
    tell_row = on_row and (lambda parts: on_row(_row(parts)))
    try:
        with watch:
            client._native.apply_updates(job._native, named, watch.on_progress, tell_row)
    except JobStoppedError as error:
        error._job = job
        raise
    except BaseException as error:
        if isinstance(error, CancelledError) or not isinstance(error, IkcrmError):
            _tell_how_to_go_on(error, job.path)
        raise
    return job


APPLY_ONLY = frozenset(
    (
        "skip_invalid",
        "on_conflict",
        "retry",
        "max_errors",
        "max_updates",
        "max_duration",
        "max_age",
        "limit",
        "quota_share",
        "on_row",
    )
)
"""The options of `apply_updates` that `plan_updates` does not take."""

PLAN_ONLY = frozenset(
    (
        "job",
        "id",
        "key",
        "columns",
        "empty",
        "compare",
        "on_duplicate",
        "as_of",
        "partial",
    )
)
"""The options of `plan_updates` that `apply_updates` does not take."""


def update(
    client: BaseClient,
    rows: Iterable[Mapping[str, Any]],
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
    applying = {name: value for name, value in options.items() if name not in PLAN_ONLY}
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
    text = f"the job stopped; the same call goes on with {path}"
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
