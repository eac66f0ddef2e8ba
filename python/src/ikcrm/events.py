"""`Event`: what happens in a call, and who is told of it: the log and a function of the user's."""

from __future__ import annotations

import os
import sys
from contextvars import Context, copy_context
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from logging import Logger

    Rows = list[tuple[int, str, dict[str, Any]]]


class Event(NamedTuple):
    """Something that happened in a call. What says nothing about it is `None`.

    Times are in seconds. None of it tells a body, a token or a person.
    """

    name: str
    """What happened: `call_started`, `call_finished`, `quota_wait_began`, `quota_wait_long`,
    `quota_wait_ended`, `attempt_sent`, `attempt_answered`, `retry_planned`, `signed_in`,
    `lookup_made`, `quota_blocked`, `store_warning` or `token_store_asked`."""
    call_id: str
    """The call, among those of this machine."""
    at: float
    """When it happened, counted from the call's start."""
    method: str | None = None
    """The HTTP method of the call or the attempt."""
    route: str | None = None
    """The endpoint, such as `/api/v2/opportunities/:id`."""
    attempt: int | None = None
    """The number of the request in its call, from 1: of the call itself, a look-up, a sign-in."""
    attempts: int | None = None
    """How many requests the call made."""
    lookups: int | None = None
    """How many of them were look-ups of labels."""
    elapsed: float | None = None
    """How long it took."""
    wait: float | None = None
    """How long the call waited for the quota, or is to wait."""
    quota_wait: float | None = None
    """How long the call waited for the quota in all."""
    status: int | None = None
    """The answer's HTTP status."""
    api_code: int | None = None
    """The CRM's code, if it refused."""
    error_code: str | None = None
    """The `code` of the error, as in `IkcrmError.code`."""
    reused: bool | None = None
    """Whether an attempt went over a connection of an earlier one."""
    action: str | None = None
    """What the token store was asked: `get` or `set`."""
    warning: str | None = None
    """What is wrong with the quota's store: `stricter`, `evicts` or `lost`."""
    message: str | None = None
    """The same in a sentence."""


class Events:
    """Who is told of a client's events. Tools that print variables find nothing to print."""

    __slots__ = ("_log", "_on_event", "_reported", "hears")

    hears: Callable[[int], bool]
    """Whether events of this level may be of interest: the logger's own, for each call asks it."""

    def __init__(self, on_event: Callable[[Event], object] | None) -> None:
        self._log = _logger()
        self._on_event = on_event
        self._reported = False
        """Whether it was told already that `on_event` raises."""
        self.hears = self._log.isEnabledFor if on_event is None else _always

    def level(self) -> int:
        """From which level on a call that begins here is of interest, if not only its warnings are.

        Whether somebody hears a warning is asked when there is one: a handler may come meanwhile.
        """
        if self._on_event:
            return 10
        if not _is_heard(self._log):
            return 30
        return 10 if self._log.isEnabledFor(10) else 20

    def task(self) -> tuple[AbstractEventLoop, Context] | None:
        """Where the caller's task is: the loop that runs, if one does, and the context of now."""
        loop = _running_loop()()
        return None if loop is None else (loop, copy_context())

    def tell_task(self, loop: AbstractEventLoop, context: Context, rows: Rows) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self.tell, rows, context=context)

    def tell(self, rows: Rows) -> None:
        failure = None
        for level, name, facts in rows:
            event = Event(name, **facts)
            if self._log.isEnabledFor(level):
                self._log.log(level, "%s", _Text(event), extra={"event": event})
            try:
                if self._on_event:
                    self._on_event(event)
            except Exception as error:
                failure = error
        if failure and not self._reported:
            self._reported = True
            raise failure


class _Text:
    """An event as a line of a log, which is made only when it is wanted."""

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def __str__(self) -> str:
        name, call_id, *_ = self._event
        facts = zip(self._event._fields[2:], self._event[2:], strict=True)
        told = [f"{fact}={_shown(value)}" for fact, value in facts if value is not None]
        return " ".join([call_id, name, *told])


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _always(_level: int) -> bool:
    return True


@cache
def _running_loop() -> Callable[[], AbstractEventLoop | None]:
    """What tells the loop that runs; a program without one need not load asyncio for it."""
    from asyncio import _get_running_loop

    return _get_running_loop


def _is_heard(log: Logger) -> bool:
    """Whether somebody listens: the handler that keeps the logger silent is nobody."""
    from logging import NullHandler

    own = not log.handlers or any(type(handler) is not NullHandler for handler in log.handlers)
    return own or (log.propagate and log.parent is not None and bool(log.parent.handlers))


@cache
def _logger() -> Logger:
    """The logger `ikcrm`: silent until the program asks for it, or `IKCRM_LOG` does."""
    import logging

    log = logging.getLogger("ikcrm")
    log.addHandler(logging.NullHandler())
    level = os.environ.get("IKCRM_LOG", "").upper()
    if level in ("DEBUG", "INFO", "WARNING"):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        log.addHandler(handler)
        log.setLevel(level)
    elif level:
        log.addHandler(logging.StreamHandler(sys.stderr))
        log.warning("IKCRM_LOG must be debug, info or warning, got %r", level.lower())
    return log
