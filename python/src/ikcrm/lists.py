"""The lists of opportunities: iterators that read a page when they need one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ikcrm._typing import Self
from ikcrm.records import OpportunityRow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ikcrm import _native


class _List:
    __slots__ = ("_ended", "_pages", "_rows")

    def __init__(self, pages: _native.Pages) -> None:
        self._pages = pages
        self._rows: deque[OpportunityRow] = deque()
        """The rows that were read and not yet given. Threads may read pages side by side."""
        self._ended = False

    @property
    def total_count(self) -> int | None:
        """How many rows the CRM says the whole list has; `None` before the first page."""
        return self._pages.total_count

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
    ends the reading of a page, such as Ctrl-C or a timeout, loses no row: the next one goes on.

    A list is no snapshot: what is made or deleted while it is read may move rows from page to page.
    """

    __slots__ = ()

    def __iter__(self) -> Self:
        self._check_not_used_up()
        return self

    def __next__(self) -> OpportunityRow:
        while (row := self._next()) is None:
            if not self._pages.read(self._rows):
                self._ended = True
                raise StopIteration
        return row


class AsyncOpportunityList(_List):
    """The same for `async for`."""

    __slots__ = ("_outcome",)

    def __init__(self, pages: _native.Pages, outcome: Callable[..., Awaitable[bool]]) -> None:
        super().__init__(pages)
        self._outcome = outcome

    def __aiter__(self) -> Self:
        self._check_not_used_up()
        return self

    async def __anext__(self) -> OpportunityRow:
        while (row := self._next()) is None:
            if not await self._outcome(lambda done: self._pages.spawn_read(self._rows, done)):
                self._ended = True
                raise StopAsyncIteration
        return row
