"""The lists of opportunities: iterators that read a page when they need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Self

    from ikcrm import _native
    from ikcrm.records import OpportunityRow


class _List:
    __slots__ = ("_pages", "_rows")

    def __init__(self, pages: _native.Pages) -> None:
        self._pages = pages
        self._rows: list[OpportunityRow] = []
        """The rows of the page at hand, the last one first."""

    @property
    def total_count(self) -> int | None:
        """How many rows the CRM says the whole list has; `None` before the first page."""
        return self._pages.total_count

    def _take(self, page: list[OpportunityRow] | None) -> None:
        self._rows = list(reversed(page or ()))


class OpportunityList(_List):
    """The rows of a list. Stopping early reads no further page.

    A list is no snapshot: what is made or deleted while it is read may move rows from page to page.
    """

    __slots__ = ()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> OpportunityRow:
        if not self._rows:
            self._take(self._pages.next())
        if not self._rows:
            raise StopIteration
        return self._rows.pop()


class AsyncOpportunityList(_List):
    """The same for `async for`."""

    __slots__ = ("_outcome",)

    def __init__(
        self,
        pages: _native.Pages,
        outcome: Callable[..., Awaitable[list[OpportunityRow] | None]],
    ) -> None:
        super().__init__(pages)
        self._outcome = outcome

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> OpportunityRow:
        if not self._rows:
            self._take(await self._outcome(self._pages.spawn_next))
        if not self._rows:
            raise StopAsyncIteration
        return self._rows.pop()
