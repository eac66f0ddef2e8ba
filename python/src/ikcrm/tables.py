"""Rows of data frames and other tables, by what their own libraries offer; it imports none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

CHUNK = 1000
"""How many rows are taken from a table at a time."""

Lines = Iterator[Sequence[Any]]


class ArrowTable(Protocol):
    """A table that hands out its columns by the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


class LazyTable(Protocol):
    """A query that is not run yet, such as polars' `LazyFrame`."""

    def collect(self) -> Any: ...


class Relation(Protocol):
    """A query's result, such as DuckDB's relations."""

    @property
    def columns(self) -> list[str]: ...

    def fetchmany(self, size: int = ...) -> list[Any]: ...


def table_of(rows: object) -> tuple[list[str], Lines] | None:
    """The names of a table's columns and its rows; `None` for what is no table."""
    if _is(rows, "pandas", "DataFrame"):
        return _pandas(rows)
    if _is(rows, "polars", "LazyFrame"):
        rows = _collected(rows)
    if _is(rows, "polars", "DataFrame"):
        return _polars(rows)
    if _is(rows, "pyarrow", "Table", "RecordBatch", "RecordBatchReader"):
        return _arrow(rows)
    if hasattr(rows, "fetchmany") and hasattr(rows, "columns"):
        return _fetched(rows)
    if hasattr(rows, "__arrow_c_stream__"):
        return _capsule(rows)
    return None


def _is(rows: object, library: str, *names: str) -> bool:
    """Whether it is of one of these classes, which only a program that imported them can have."""
    module = sys.modules.get(library)
    kinds = tuple(kind for name in names if isinstance(kind := getattr(module, name, None), type))
    return isinstance(rows, kinds)


def _pandas(frame: Any) -> tuple[list[str], Lines]:
    def lines() -> Lines:
        for start in range(0, len(frame), CHUNK):
            part = frame.iloc[start : start + CHUNK]
            columns = [part.iloc[:, place].tolist() for place in range(part.shape[1])]
            yield from zip(*columns, strict=True)

    return [str(name) for name in frame.columns], lines()


def _collected(frame: Any) -> Any:
    try:
        return frame.collect(engine="streaming")
    except TypeError:  # polars before 1.23
        return frame.collect()


def _polars(frame: Any) -> tuple[list[str], Lines]:
    def lines() -> Lines:
        for part in frame.iter_slices(CHUNK):
            yield from part.rows()

    return list(frame.columns), lines()


def _arrow(table: Any) -> tuple[list[str], Lines]:
    batches: Iterable[Any]
    if _is(table, "pyarrow", "Table"):
        batches = table.to_batches(max_chunksize=CHUNK)
    else:
        batches = [table] if _is(table, "pyarrow", "RecordBatch") else table

    def lines() -> Lines:
        for batch in batches:
            for start in range(0, batch.num_rows, CHUNK):
                part = batch.slice(start, CHUNK)
                yield from zip(*(column.to_pylist() for column in part.columns), strict=True)

    return list(table.schema.names), lines()


def _fetched(relation: Any) -> tuple[list[str], Lines]:
    def lines() -> Lines:
        while rows := relation.fetchmany(CHUNK):
            yield from rows

    return list(relation.columns), lines()


def _capsule(table: Any) -> tuple[list[str], Lines]:
    """The rows of another library's table, by one that reads Arrow and is imported already."""
    if arrow := sys.modules.get("pyarrow"):
        return _arrow(arrow.RecordBatchReader.from_stream(table))
    if polars := sys.modules.get("polars"):
        return _polars(polars.DataFrame(table))
    kind = type(table).__name__
    raise TypeError(f"to take the rows of a {kind}, import pyarrow or polars first")
