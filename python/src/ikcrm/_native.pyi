"""
What the package's Python source is built on; import from `ikcrm` instead.
"""

from _typeshed import Incomplete, SupportsGetItem
from ikcrm.records import Opportunity
from typing import Any, Final, SupportsFloat, SupportsIndex, final
from typing_extensions import disjoint_base

__all__ = ["VERSION", "Cancel", "Client", "FieldMap", "Pages", "Record", "Sandbox", "prepare_exit"]

VERSION: Final[str]

@final
class Cancel:
    """
    Ends the call that it was given for.
    """
    def cancel(self, /) -> None:
        """
        Ends the call within about a tenth of a second.
        """

@final
class Client:
    """
    A client of the core, until it is closed.
    """
    def __new__(cls, /, options: "object") -> Client:
        """
        A client with these settings.
        """
    def close(self, /) -> None:
        """
        Closes idle connections; calls under way go on.
        """
    def field_map(self, /, entity: "object", refresh: "object", arguments: "object") -> FieldMap:
        """
        Reads the options of an entity's fields, and waits for them.
        """
    @staticmethod
    def from_env() -> Client:
        """
        A client with the environment's settings.
        """
    def get_opportunity(self, /, id: "object", arguments: "object") -> Opportunity:
        """
        Reads an opportunity and waits for the answer.
        """
    def list_opportunities(self, /, arguments: "object") -> Pages:
        """
        The list of a query, of which nothing is read yet.
        """
    def quota(self, /) -> tuple[int, int, float] | None:
        """
        How much of the quota is used now; nothing when it is turned off.
        """
    def spawn_field_map(self, /, entity: "object", refresh: "object", arguments: "object", done: "object") -> Cancel:
        """
        Starts reading the options on a thread of the core's; `done` is told.
        """
    def spawn_get_opportunity(self, /, id: "object", arguments: "object", done: "object") -> Cancel:
        """
        Starts reading an opportunity on a thread of the core's; `done` is told.
        """
    def spawn_quota(self, /, done: "object") -> Cancel:
        """
        Asks for the same on a thread of the core's.
        """
    def spawn_update_opportunity(self, /, id: "object", arguments: "object", done: "object") -> Cancel:
        """
        Starts an update on a thread of the core's, which calls `done` with an answer or an
        exception.
        """
    def update_opportunity(self, /, id: "object", arguments: "object") -> Opportunity:
        """
        Updates an opportunity and waits for the answer.
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
    def id(self, /, field: str, label: str) -> str:
        """
        The id of the option of a field that has this label and may be written.
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
    def next(self, /) -> Incomplete | None:
        """
        Reads the next page and waits for it; nothing when there is none.
        """
    def spawn_next(self, /, done: "object") -> Cancel:
        """
        Reads the next page on a thread of the core's, which calls `done` with it or an exception.
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
    def keys(self, /) -> list[str]:
        """
        The names of all keys, in the order they came.
        """
    @property
    def raw(self, /) -> str:
        """
        The object's JSON text, exactly as it came.
        """
    def raw_value(self, /, key: str) -> str | None:
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

def prepare_exit() -> None:
    """
    To be called before Python ends: lets no more threads in, and waits until all are out.
    """
