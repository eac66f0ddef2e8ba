"""
What the package's Python source is built on; import from `ikcrm` instead.
"""

from _typeshed import SupportsGetItem
from typing import Any, Final, SupportsFloat, SupportsIndex, final
from typing_extensions import disjoint_base

__all__ = ["VERSION", "Cancel", "Clear", "Client", "FieldMap", "Pages", "Record", "Sandbox", "UpdateJob", "forked", "prepare_exit"]

VERSION: Final[str]

@final
class Cancel:
    """
    Ends the calls that it was given to.
    """
    def __new__(cls, /) -> Cancel:
        """
        A flag that is not set.
        """
    def cancel(self, /) -> None:
        """
        Sets the flag: the calls end within about a tenth of a second.
        """
    @property
    def cancelled(self, /) -> bool:
        """
        Whether the flag is set.
        """

@final
class Clear:
    """
    In a row, what clears a field.
    """
    def __new__(cls, /) -> Clear: ...

@final
class Client:
    """
    A client of the core, until it is closed.
    """
    def __new__(cls, /, options: "object", wait: "object", events: "object") -> Client:
        """
        A client with these settings.

        `wait` waits for a coroutine of an async token store's, on a thread of the core's. `events`
        is told what happens in calls.
        """
    def apply_updates(self, /, job: UpdateJob, options: "object", on_progress: "object" = None, on_row: "object" = None) -> None:
        """
        Works a job off.
        """
    def close(self, /, timeout: SupportsFloat | SupportsIndex) -> None:
        """
        Ends calls that wait, and gives those under way so many seconds; new ones are refused.
        """
    def field_map(self, /, entity: "object", refresh: "object", arguments: "object", done: "object" = None) -> Any:
        """
        Reads the options of an entity's fields, in the same way as an opportunity.
        """
    @staticmethod
    def from_env(environment: "object", options: "object", wait: "object", events: "object") -> Client:
        """
        A client with the settings of these variables, and with these options in their place.
        """
    def get_opportunity(self, /, id: "object", arguments: "object", done: "object" = None) -> Any:
        """
        Reads an opportunity, in the same way.
        """
    def list_opportunities(self, /, arguments: "object") -> Pages:
        """
        The list of a query, of which nothing is read yet.
        """
    def plan_sheet(self, /, path: "str", options: "object", on_progress: "object" = None) -> UpdateJob:
        """
        Plans updates of the rows of a sheet.
        """
    def plan_table(self, /, names: "list[str]", rows: "object", options: "object", on_progress: "object" = None) -> UpdateJob:
        """
        Plans updates of the rows of a table, which an iterable of sequences gives.
        """
    def plan_undo(self, /, job: UpdateJob, options: "object", on_progress: "object" = None) -> UpdateJob:
        """
        Plans a job that brings back what another one changed.
        """
    def plan_updates(self, /, rows: "object", options: "object", on_progress: "object" = None) -> UpdateJob:
        """
        Plans updates of many rows, which an iterable of mappings gives.
        """
    def quota(self, /, done: "object" = None) -> Any:
        """
        How much of the quota is used now; nothing when it is turned off.
        """
    def spawn_close(self, /, timeout: "float", done: "object") -> Cancel:
        """
        The same on threads of the core's, which call `done`.
        """
    def summary(self, /) -> str | None:
        """
        What the client is for, without a secret; nothing when it is closed.
        """
    def update_opportunity(self, /, id: "object", arguments: "object", done: "object" = None) -> Any:
        """
        Updates an opportunity: waits for the answer, or starts the call and lets `done` be told.
        """

@final
class FieldMap:
    """
    The options of an entity's fields, as the client read them.
    """
    @property
    def entity(self, /) -> str:
        """
        The entity, such as `opportunity`.
        """
    def fields(self, /) -> list[tuple[str, list[tuple[str, str, bool]]]]:
        """
        Each field's name and options, in the CRM's order.
        """
    def id(self, /, field: "object", label: "object") -> str:
        """
        The id of the option of a field that has this label and may be written.
        """
    @property
    def meta(self, /) -> Any | None:
        """
        What the call cost that brought it.
        """
    @property
    def raw(self, /) -> str:
        """
        The CRM's answer as JSON text.
        """

@final
class Pages:
    """
    The pages of a list. One at a time is read, by whichever thread asks.
    """
    @property
    def meta(self, /) -> Any | None:
        """
        What the page cost that was read last; nothing before.
        """
    def read(self, /, rows: "object") -> bool:
        """
        Reads the next page, waits for it and appends its rows to `rows`; tells whether there was one.
        """
    def spawn_read(self, /, rows: "object", done: "object") -> Cancel:
        """
        Reads the next page without holding this thread, appends it as above and calls `done`.
        """
    @property
    def total_count(self, /) -> int | None:
        """
        How many rows the CRM says that the whole list has; nothing before the first page.
        """

@disjoint_base
class Record:
    """
    An object of an answer: JSON text, of which any key's value can be had.
    """
    def __contains__(self, key: Any, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __len__(self, /) -> int: ...
    def __new__(cls, /, source: Record | str) -> Record:
        """
        The object in a JSON text, as `raw` gave it.
        """
    def __reduce__(self, /) -> tuple[type, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def attribute(self, /, name: str) -> Any:
        """
        The value of a typed attribute.
        """
    def call_meta(self, /) -> Any | None:
        """
        What the call cost whose answer it is.
        """
    def names(self, /) -> list[str]:
        """
        The names of all keys, in the order they came.
        """
    @property
    def raw(self, /) -> str:
        """
        The object's JSON text, exactly as it came.
        """
    def raw_value(self, /, key: Any) -> str | None:
        """
        The JSON text of a key's value, or `None` when the key did not come.
        """

@final
class Sandbox:
    """
    A stand-in CRM, until it is closed.
    """
    def __new__(cls, /, token: str, accounts: SupportsGetItem[int, tuple[str, str, SupportsGetItem[int, str]]], port: SupportsIndex, quota: tuple[SupportsIndex, SupportsFloat | SupportsIndex] | None, latency: SupportsFloat | SupportsIndex) -> Sandbox:
        """
        Starts a stand-in CRM.
        """
    def close(self, /) -> None:
        """
        Stops it; in a fork, only forgets it.
        """
    def fail_next(self, /, status: SupportsIndex | None, code: SupportsIndex | None, fault: str | None, times: SupportsIndex, route: str | None) -> None:
        """
        Lets the next calls fail.
        """
    def latency(self, /) -> float:
        """
        How many seconds each answer takes.
        """
    def opportunity(self, /, id: SupportsIndex) -> str | None:
        """
        An opportunity as it is held now, as JSON.
        """
    def quota(self, /) -> tuple[int, float] | None:
        """
        How many calls are admitted in how many seconds; nothing when all are.
        """
    def requests(self, /) -> str:
        """
        The requests that came, as a JSON list.
        """
    def reset(self, /) -> None:
        """
        Makes all as it was at the start.
        """
    def seed(self, /, seed: str) -> None:
        """
        Puts in what a JSON object of lists says.
        """
    def set_latency(self, /, latency: SupportsFloat | SupportsIndex) -> None: ...
    def set_quota(self, /, quota: tuple[SupportsIndex, SupportsFloat | SupportsIndex] | None) -> None: ...
    def token(self, /) -> str:
        """
        The token that lives for ever.
        """
    @property
    def url(self, /) -> str: ...

@final
class UpdateJob:
    """
    A job's file.
    """
    def __new__(cls, /, path: "str") -> UpdateJob:
        """
        Opens the job that is there.
        """
    def calls(self, /) -> list[tuple[str, int]]:
        """
        The number of calls made, by kind.
        """
    def calls_to_go(self, /) -> int:
        """
        About how many calls are left.
        """
    def coerced(self, /) -> list[tuple[str, int]]:
        """
        How many cells were read otherwise than they were written, by how.
        """
    def columns(self, /) -> list[str]:
        """
        The columns that were given, in their order.
        """
    def counts(self, /) -> list[tuple[str, int]]:
        """
        The number of rows in each state, in the order in which states are told.
        """
    def ok(self, /) -> bool:
        """
        Whether every row is in the CRM as wanted.
        """
    @property
    def path(self, /) -> str:
        """
        The file's path.
        """
    def problems(self, /) -> list[tuple[str, str, int, list[Any]]]:
        """
        The causes for which rows are not as wanted.
        """
    def raise_for_failures(self, /) -> None:
        """
        Raises unless every row is in the CRM as wanted.
        """
    def rows(self, /, state: "object", number: "object") -> list[Any]:
        """
        Some of the rows after this number, in this state or in any.
        """
    def skip_ids(self, /, ids: SupportsGetItem[int, SupportsIndex]) -> int:
        """
        Takes the rows with these ids out; tells how many.
        """
    def skip_keys(self, /, keys: SupportsGetItem[int, str]) -> int:
        """
        Takes the rows with these keys out; tells how many.
        """
    def status(self, /) -> str:
        """
        How far the job is.
        """
    def stop_reason(self, /) -> str | None:
        """
        Why it stopped, if it did.
        """
    def summary(self, /) -> str:
        """
        The job in ten lines at most.
        """
    def time_left(self, /) -> float | None:
        """
        About how many seconds they take.
        """
    def to_json(self, /) -> str:
        """
        What it tells of itself, as JSON text.
        """
    def write(self, /, path: "str", options: "object") -> list[str]:
        """
        Writes the result; tells which files it wrote.
        """

def forked() -> None:
    """
    To be called in a forked process, whose parent's threads it has not.
    """

def prepare_exit() -> None:
    """
    To be called before Python ends: lets no more threads in, and waits until all are out, but not
    long for a user's function.
    """
