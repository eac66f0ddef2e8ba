"""`CallMeta`: what one call cost."""

from __future__ import annotations

from typing import NamedTuple


class CallMeta(NamedTuple):
    """What a call cost, whether it brought an answer or an error. Times are in seconds."""

    call_id: str
    """Names the call among those of this machine, as its events do."""
    attempts: int
    """How many requests it made: of its own, of look-ups, of sign-ins."""
    elapsed: float
    """How long it took."""
    quota_wait: float
    """How much of that it waited for the quota."""
    status: int | None
    """The HTTP status of the last answer, if one came."""
    lookups: int
    """How many look-ups of labels it made."""
    headers: dict[str, str]
    """The headers of the last answer, by lower-case names."""

    def __repr__(self) -> str:
        """Shows everything but the headers, which may hold a session's secret."""
        shown = ", ".join(f"{k}={v!r}" for k, v in self._asdict().items() if k != "headers")
        return f"CallMeta({shown})"
