"""The lists of opportunities: iterators that read a page when they need one."""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from typing import TYPE_CHECKING

from ikcrm._typing import Self
from ikcrm.records import OpportunityRow

if TYPE_CHECKING:
    from asyncio import Event
    from collections.abc import Awaitable, Callable

    from ikcrm import _native
    from ikcrm.meta import CallMeta

_GLANCE = 0.1
"""How many seconds a thread waits for another's page before it looks for signals."""


class _List:
    __slots__ = ("_ended", "_pages", "_rows")

    def __init__(self, pages: _native.Pages) -> None:
        self._pages = pages
        self._rows: deque[OpportunityRow] = deque()
        """The rows that were read and not yet given."""
        self._ended = False

    @property
    def total_count(self) -> int | None:
        """How many rows the CRM says the whole list has; `None` before the first page."""
        return self._pages.total_count

    @property
    def meta(self) -> CallMeta | None:
        """What the page cost that was read last; `None` before the first."""
        return self._pages.meta

    def _next(self) -> OpportunityRow | None:
        try:
            return self._rows.popleft()
        except IndexError:  # also when another thread was faster
            return None

    def _check_not_used_up(self) -> None:
        if self._ended and not self._rows:
            raise RuntimeError(
                "this list is used up: call list_opportunities() again, or keep its rows in a list"
            )


class OpportunityList(_List):
    """The rows of a list. Stopping early reads no further page, and reading again goes on there.

    When all rows were read, the list is used up, and another loop over it is a `RuntimeError`. What
    ends the reading of a page, such as Ctrl-C or a timeout, loses no row: the next one continues.

    A list is no snapshot: what is made or deleted while it is read may move rows from page to page.
    """

    __slots__ = ("_turn",)

    def __init__(self, pages: _native.Pages) -> None:
        super().__init__(pages)
        self._turn = allocate_lock()
        """Held by the thread that reads a page, for all that need it."""

    def __iter__(self) -> Self:
        self._check_not_used_up()
        return self

    def __next__(self) -> OpportunityRow:
        while (row := self._next()) is None:
            self._read()
            if self._ended and not self._rows:
                raise StopIteration
        return row

    def _read(self) -> None:
        while not self._turn.acquire(timeout=_GLANCE):
            pass  # signals are looked for
        try:
            if not self._rows:
                self._ended = not self._pages.read(self._rows)
        finally:
            self._turn.release()


class AsyncOpportunityList(_List):
    """The same for `async for`."""

    __slots__ = ("_outcome", "_reading")

    def __init__(self, pages: _native.Pages, outcome: Callable[..., Awaitable[bool]]) -> None:
        super().__init__(pages)
        self._outcome = outcome
        self._reading: Event | None = None
        """Set when the page that a task reads, for all that need it, is there."""

    def __aiter__(self) -> Self:
        self._check_not_used_up()
        return self

    async def __anext__(self) -> OpportunityRow:
        while (row := self._next()) is None:
            if self._reading is None:
                await self._read()
            else:
                await self._reading.wait()
            if self._ended and not self._rows:
                raise StopAsyncIteration
        return row

    async def _read(self) -> None:
        from asyncio import Event

        read = self._reading = Event()
        try:
            self._ended = not await self._outcome(
                lambda done: self._pages.spawn_read(self._rows, done)
            )
        finally:
            self._reading = None
            read.set()
