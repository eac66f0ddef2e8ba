"""`Quota`: how many calls an enterprise may make, with whom together, and how many it has made."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_P = ParamSpec("_P")


def _with_suggestions(init: Callable[_P, None]) -> Callable[_P, None]:
    """The same, refusing a misspelt setting with the one that may be meant, as Python 3.13 does."""

    @wraps(init)
    def checked(*args: _P.args, **settings: _P.kwargs) -> None:
        for name in settings:
            if name not in _NAMES:
                raise TypeError(_unknown(name))
        init(*args, **settings)

    return checked


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, _NAMES, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; available: {', '.join(_NAMES)}"
    return f"Quota has no setting {name!r}{hint}"


class Quota:
    """How many calls may be made in any stretch of time, by whom together.

    The CRM admits 10 calls in any 10 s for a whole enterprise, which is the default. A slot is
    taken before a call is sent and becomes free `per` seconds after its answer arrived, so no
    stretch of `per` on the CRM's side can hold more than `calls`. Calls wait for their turn; the
    wait does not count against `timeout`.

    It cannot be changed; it can be compared, hashed and pickled. It is no tuple, for the store's
    URL may hold a password, and what lists the items of a tuple would show it.
    """

    # <generated: settings>, by `make generate`
    __slots__ = ("calls", "fallback", "key", "max_wait", "password", "per", "store")

    calls: int
    """How many calls may be made in any stretch of `per`, 1 to 1000 (10)."""
    per: float
    """The seconds of this stretch, up to an hour (10)."""
    max_wait: float | None
    """The seconds to wait for a slot (as long as it takes). A call that cannot have one by then
    fails at once with a `QuotaExceededError`.
    """
    store: str | None
    """Where the slots are kept (in this process). `file:///absolute/path` shares them with the
    processes of this machine, `redis://user:password@host:6379/0` (`rediss://` for TLS) with
    those of other machines too.
    """
    key: str | None
    """Who counts together (clients of one host and `corp_id`, else login, else token). A shared
    store needs it when only a token store is given.
    """
    fallback: float | None
    """What part of the calls this process may make while the store is away, more than 0 and at
    most 1 (none). Without it such calls fail with a `QuotaStoreError`. It holds only while the
    store is away for all processes alike, and as far as their parts add up to no more than 1.
    """
    password: str | None
    """The password of the Redis server (none), so that it need not stand in the store's URL."""
    # </generated>

    # <generated: init>, by `make generate`
    @_with_suggestions
    def __init__(
        self,
        calls: int = 10,
        per: float = 10,
        max_wait: float | None = None,
        store: str | None = None,
        key: str | None = None,
        fallback: float | None = None,
        password: str | None = None,
    ) -> None:
        """The settings of a quota, which a client checks."""
        values = (calls, per, max_wait, store, key, fallback, password)
        # </generated>
        for name, value in zip(_NAMES, values, strict=True):
            object.__setattr__(self, name, value)

    def _asdict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _NAMES}

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Quota cannot be changed: make another one to set {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Quota cannot be changed: {name} stays")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quota) and self._asdict() == other._asdict()

    def __hash__(self) -> int:
        return hash(tuple(self._asdict().values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self._asdict().values())

    def __repr__(self) -> str:
        """Shows everything but the password and the store's URL, which may hold one."""
        scheme = self.store and f"{str(self.store).partition(':')[0]}:…"
        secret = {"store": scheme, "password": self.password and "***"}
        shown = ", ".join(f"{k}={v!r}" for k, v in {**self._asdict(), **secret}.items())
        return f"Quota({shown})"


_NAMES = tuple(Quota.__annotations__)


class QuotaStatus(NamedTuple):
    """How much of a quota is used."""

    calls: int
    """How many calls are admitted in any stretch of the quota's length."""
    used: int
    """How many slots are taken, by all who share the quota."""
    waiting: int
    """How many calls of this process wait for a slot."""
    next_free: float
    """The seconds until one more call can have a slot, at least; 0 when one is free."""

    @property
    def free(self) -> int:
        """How many slots are free."""
        return max(self.calls - self.used, 0)
