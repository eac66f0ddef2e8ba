"""
What the package's Python source is built on; import from `ikcrm` instead.
"""

from ikcrm.records import Opportunity
from typing import Any, Final, final
from typing_extensions import disjoint_base

__all__ = ["VERSION", "Cancel", "Client", "FieldMap", "Pages", "Record", "prepare_exit"]

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
    def from_env(environment: "object") -> Client:
        """
        A client with the settings of these variables.
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
    def read(self, /, rows: "object") -> bool:
        """
        Reads the next page, waits for it and appends its rows to `rows`; tells whether there was one.
        """
    def spawn_read(self, /, rows: "object", done: "object") -> Cancel:
        """
        Reads the next page on a thread of the core's, which appends it as above and calls `done`.
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

def prepare_exit() -> None:
    """
    To be called before Python ends: lets no more threads in, and waits until all are out.
    """
