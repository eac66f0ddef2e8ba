"""`Quota`: how many calls an enterprise may make, with whom together, and how many it has made."""

from __future__ import annotations

from typing import NamedTuple


class Quota(NamedTuple):
    """How many calls may be made in any stretch of time, by whom together.

    The CRM admits 10 calls in any 10 s for a whole enterprise, which is the default. A slot is
    taken before a call is sent and becomes free `per` seconds after its answer arrived, so no
    stretch of `per` on the CRM's side can hold more than `calls`. Calls wait for their turn; the
    wait does not count against `timeout`.
    """

    calls: int = 10
    """How many calls, 1 to 1000."""
    per: float = 10.0
    """The length of the stretch in seconds, up to an hour."""
    max_wait: float | None = None
    """How many seconds to wait for a slot (`None`: as long as it takes). A call that cannot have
    one in this time fails at once with `QuotaExceededError`."""
    store: str | None = None
    """Where the slots are kept (`None`: in this process). `file:///absolute/path` shares them
    with the processes of this machine, `redis://user:password@host:6379/0` (`rediss://` for TLS)
    with those of other machines too."""
    key: str | None = None
    """Who counts together (`None`: clients of one host and `corp_id`, else login, else token).
    A shared store needs it when only a token store is given."""
    fallback: float | None = None
    """What part of the calls this process may make while the store is away, more than 0 and at most
    1 (`None`: such calls fail with `QuotaStoreError`). It holds only while the store is away
    for all processes alike, and as far as their parts add up to no more than 1."""

    def __repr__(self) -> str:
        """Shows everything but the store's URL, which may hold a password."""
        scheme = self.store and f"{self.store.partition(':')[0]}:…"
        shown = ", ".join(f"{k}={v!r}" for k, v in self._replace(store=scheme)._asdict().items())
        return f"Quota({shown})"


class QuotaStatus(NamedTuple):
    """How much of a quota is used."""

    calls: int
    """How many calls are admitted in any stretch of the quota's length."""
    used: int
    """How many slots are taken, by all who share the quota."""
    next_free: float
    """The seconds until a slot can be had, at least; 0 when one is free."""

    @property
    def free(self) -> int:
        """How many slots are free."""
        return max(self.calls - self.used, 0)
