"""
What the package's Python source is built on; import from `ikcrm` instead.
"""

from ikcrm.records import Opportunity
from typing import Any, Final, final
from typing_extensions import disjoint_base

__all__ = ["VERSION", "Cancel", "Client", "Record", "prepare_exit"]

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
    @staticmethod
    def from_env() -> Client:
        """
        A client with the environment's settings.
        """
    def quota(self, /) -> tuple[int, int, float] | None:
        """
        How much of the quota is used now; nothing when it is turned off.
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

def prepare_exit() -> None:
    """
    To be called before Python ends: lets no more threads in, and waits until all are out.
    """
