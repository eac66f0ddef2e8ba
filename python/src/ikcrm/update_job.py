"""`UpdateJob`: what a job tells of itself and of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike, fspath
from typing import Any, Final, Literal, NamedTuple

from ikcrm import _native

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


FLAT: Final = {
    "number": "int",
    "key": "text",
    "id": "int",
    "state": "text",
    "changes": "text",
    "error": "text",
    "attempts": "int",
    "message": "text",
    "not_taken": "texts",
    "given": "text",
}
"""The columns of a job's rows in a table."""


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
        """How many calls the job made: `list`, `get`, `update`, `lookup`, `sign_in`."""
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
            JobProblem(_state(state), cause, rows, tuple(map(job_row, examples)))
            for state, cause, rows, examples in self._native.problems()
        ]

    def rows(self, state: RowState | None = None) -> Iterator[JobRow]:
        """The rows, or those in one state, in the order given; they are read as they are needed."""
        number = 0
        while rows := self._native.rows(state, number):
            for parts in rows:
                yield job_row(parts)
            number = rows[-1][0]

    @property
    def columns(self) -> list[str]:
        """The columns that were given, in their order."""
        return self._native.columns()

    @property
    def coerced(self) -> dict[str, int]:
        """How many cells of a sheet were read otherwise than they were written, by how."""
        return dict(self._native.coerced())

    def write(
        self,
        path: str | PathLike[str],
        *,
        state: RowState | Sequence[RowState] | None = None,
        language: Literal["en", "zh"] | None = None,
        split: bool | None = None,
    ) -> list[str]:
        """Writes the rows to an `.xlsx` or `.csv` file, and tells which files it wrote.

        It has the columns as they were given, then the row's state, a message, what changes and
        when it was sent. It works on a plan, too, before anything is sent. `state` chooses rows,
        `language` the headers'; `split` makes three `.csv` files, whose names end in `-done`,
        `-wrong` and `-open`. A file that is there is written over, but never the sheet that the
        rows came from.
        """
        options = {"state": state, "language": language, "split": split}
        return self._native.write(fspath(path), options)

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

    def to_pandas(self) -> Any:
        """All rows as a pandas `DataFrame`; what they change and were given as JSON text."""
        from pandas import DataFrame

        return DataFrame(self._flat(), columns=list(FLAT))

    def to_polars(self) -> Any:
        """All rows as a polars `DataFrame`; what they change and were given as JSON text."""
        import polars

        kinds: dict[str, Any] = {
            "int": polars.Int64,
            "text": polars.String,
            "texts": polars.List(polars.String),
        }
        schema = {name: kinds[kind] for name, kind in FLAT.items()}
        return polars.DataFrame(self._flat(), schema=schema)

    def to_arrow(self) -> Any:
        """All rows as a pyarrow `Table`; what they change and were given as JSON text."""
        import pyarrow

        kinds = {"int": pyarrow.int64(), "text": pyarrow.string()}
        kinds["texts"] = pyarrow.list_(pyarrow.string())
        schema = pyarrow.schema([(name, kinds[kind]) for name, kind in FLAT.items()])
        return pyarrow.Table.from_pylist(self._flat(), schema=schema)

    def _flat(self) -> list[dict[str, Any]]:
        from json import dumps

        def flat(value: Any) -> Any:
            return dumps(value, ensure_ascii=False) if isinstance(value, dict) else value

        return [{name: flat(row[name]) for name in FLAT} for row in self.to_records()]

    def to_dict(self) -> dict[str, Any]:
        """What the job tells of itself, but for its rows, as a dict that JSON takes."""
        from json import loads

        told: dict[str, Any] = loads(self._native.to_json())
        return told

    def raise_for_failures(self) -> None:
        """Raises a `JobStoppedError` that tells the problems, unless the job is `ok`."""
        self._native.raise_for_failures()

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


def job_row(parts: tuple[Any, ...]) -> JobRow:
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
