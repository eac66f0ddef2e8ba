"""`AsyncClient`: the same calls for asyncio, which never block its loop."""

from __future__ import annotations

from atexit import register
from contextlib import suppress
from typing import TYPE_CHECKING

from ikcrm import _native
from ikcrm.client import BaseClient
from ikcrm.field_map import FieldMap
from ikcrm.lists import AsyncOpportunityList
from ikcrm.quota import QuotaStatus

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, TypeVar

    from typing_extensions import Self, Unpack

    from ikcrm.arguments import CallOptions, Id, OpportunityQuery, OpportunityUpdate
    from ikcrm.records import Opportunity

    T = TypeVar("T")
    Done = Callable[[T | None, BaseException | None], None]


class AsyncClient(BaseClient):
    """A client of one CRM with one token, for asyncio. It may serve several loops.

        async with ikcrm.AsyncClient(token="the open-API token") as client:
            opportunity = await client.update_opportunity(568587, title="ccc", customer_id=1)

    Its calls run on threads of the core's. Cancelling a task ends its call within about a tenth of
    a second; what had been sent by then may have been carried out.

    It can be pickled as `Client` can.
    """

    async def update_opportunity(self, id: Id, **fields: Unpack[OpportunityUpdate]) -> Opportunity:
        """Updates an opportunity: the awaitable twin of `Client.update_opportunity`."""
        return await _outcome(lambda done: self._native.spawn_update_opportunity(id, fields, done))

    async def get_opportunity(self, id: Id, **options: Unpack[CallOptions]) -> Opportunity:
        """Reads an opportunity: the awaitable twin of `Client.get_opportunity`."""
        return await _outcome(lambda done: self._native.spawn_get_opportunity(id, options, done))

    def list_opportunities(self, **query: Unpack[OpportunityQuery]) -> AsyncOpportunityList:
        """Lists opportunities, for `async for`: the twin of `Client.list_opportunities`.

        A task that is cancelled while it waits for a page ends the list.
        """
        return AsyncOpportunityList(self._native.list_opportunities(query), _outcome)

    async def field_map(
        self, entity: str = "opportunity", *, refresh: bool = False, **options: Unpack[CallOptions]
    ) -> FieldMap:
        """The options of an entity's fields: the awaitable twin of `Client.field_map`."""
        native: _native.FieldMap = await _outcome(
            lambda done: self._native.spawn_field_map(entity, refresh, options, done)
        )
        return FieldMap(native)

    async def quota(self) -> QuotaStatus | None:
        """How much of the quota is used now: the awaitable twin of `Client.quota`."""
        usage: tuple[int, int, float] | None = await _outcome(self._native.spawn_quota)
        return usage and QuotaStatus(*usage)

    async def close(self) -> None:
        """Closes idle connections. Calls under way go on; new ones raise a `RuntimeError`."""
        self._native.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


async def _outcome(spawn: Callable[[Done[T]], _native.Cancel]) -> T:
    """Starts a call, and waits for what its thread tells; whoever stops waiting ends the call."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    future: Future[T] = loop.create_future()

    def done(answer: T | None, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            loop.call_soon_threadsafe(_settle, future, answer, error)

    cancel = spawn(done)
    try:
        return await future
    finally:
        if future.cancelled() or not future.done():
            cancel.cancel()


def _settle(future: Future[Any], answer: object, error: BaseException | None) -> None:
    if future.done():
        return  # its task was cancelled
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)


register(_native.prepare_exit)
