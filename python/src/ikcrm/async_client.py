"""`AsyncClient`: the same calls for asyncio, which never block its loop."""

from __future__ import annotations

from atexit import register
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from ikcrm import _native
from ikcrm._typing import Self, Unpack
from ikcrm.arguments import CallOptions, Id, OpportunityQuery, OpportunityUpdate
from ikcrm.client import BaseClient
from ikcrm.field_map import FieldMap
from ikcrm.lists import AsyncOpportunityList
from ikcrm.quota import QuotaStatus
from ikcrm.records import Opportunity

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, CancelledError, Future
    from collections.abc import Awaitable, Callable
    from typing import Any

T = TypeVar("T")

_PATIENCE = 0.5
"""How many seconds a cancelled task waits at most to hear whether its call went out."""

_GLANCE = 0.1
"""How many seconds a thread waits for a token store before it looks whether the loop still runs."""


class AsyncClient(BaseClient):
    """A client of one CRM with one token, for asyncio. It may serve several loops.

        async with ikcrm.AsyncClient(token="the open-API token") as client:
            opportunity = await client.update_opportunity(568587, title="ccc", customer_id=1)

    Its calls run on threads of the core's. Cancelling a task ends its call within about a tenth of
    a second; what had been sent by then may have been carried out: the `CancelledError` of asyncio
    tells by its attribute `may_have_been_applied`.

    Its token store may be async: its coroutines run on the loop of the call that came last.

    It can be pickled as `Client` can.
    """

    _loop: _LastLoop

    def _connect(self, wait: Callable[[Awaitable[Any]], Any] | None = None) -> None:
        self._loop = _LastLoop()
        super()._connect(wait or self._loop.wait)

    async def update_opportunity(self, id: Id, **fields: Unpack[OpportunityUpdate]) -> Opportunity:
        """Updates an opportunity: the awaitable twin of `Client.update_opportunity`."""
        return await self._loop.outcome(
            lambda done: self._native.update_opportunity(id, fields, done), updates=True
        )

    async def get_opportunity(self, id: Id, **options: Unpack[CallOptions]) -> Opportunity:
        """Reads an opportunity: the awaitable twin of `Client.get_opportunity`."""
        return await self._loop.outcome(
            lambda done: self._native.get_opportunity(id, options, done)
        )

    def list_opportunities(self, **query: Unpack[OpportunityQuery]) -> AsyncOpportunityList:
        """Lists opportunities, for `async for`: the twin of `Client.list_opportunities`.

        A task that is cancelled while it waits for a page loses no row: the next one goes on.
        """
        return AsyncOpportunityList(self._native.list_opportunities(query), self._loop.outcome)

    async def field_map(
        self, entity: str = "opportunity", *, refresh: bool = False, **options: Unpack[CallOptions]
    ) -> FieldMap:
        """The options of an entity's fields: the awaitable twin of `Client.field_map`."""
        native: _native.FieldMap = await self._loop.outcome(
            lambda done: self._native.field_map(entity, refresh, options, done)
        )
        return FieldMap(native)

    async def quota(self) -> QuotaStatus | None:
        """How much of the quota is used now: the awaitable twin of `Client.quota`."""
        usage: tuple[int, int, int, float] | None = await self._loop.outcome(self._native.quota)
        return usage and QuotaStatus(*usage)

    async def close(self, timeout: float = 5) -> None:
        """Ends the client: the awaitable twin of `Client.close`."""
        await self._loop.outcome(lambda done: self._native.spawn_close(timeout, done))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class _LastLoop:
    """Waits for calls on the loop that runs, and remembers it for a token store's coroutines."""

    __slots__ = ("_loop",)

    _loop: AbstractEventLoop

    async def outcome(
        self,
        spawn: Callable[[Callable[[T | None, BaseException | None], None]], _native.Cancel],
        *,
        updates: bool = False,
    ) -> T:
        """Starts a call and waits for its end; whoever stops waiting ends it."""
        from asyncio import CancelledError, get_running_loop

        self._loop = get_running_loop()
        call: _Call[T] = _Call(self._loop)
        cancel = spawn(call.done)
        try:
            return await call.answer
        except CancelledError as cancelled:
            cancel.cancel()
            _tell(cancelled, updates, updates and await call.may_have_been_applied())
            raise
        finally:
            if not call.answer.done():
                cancel.cancel()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Waits for a token store's coroutine, on a thread of the core's, while its loop runs."""
        from asyncio import run_coroutine_threadsafe
        from concurrent.futures import TimeoutError, wait

        loop = self._loop
        future = run_coroutine_threadsafe(_awaited(awaitable), loop)
        while not wait([future], timeout=_GLANCE).done:
            if not loop.is_running():
                raise TimeoutError("the loop ended before the token store did")
        return future.result()


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class _Call(Generic[T]):
    """A call that a task waits for, and that may end when the task no longer does."""

    __slots__ = ("_end", "_loop", "answer")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._end: Future[BaseException | None] | None = None
        """How the call ended, when nobody waited for its answer any more."""
        self.answer: Future[T] = loop.create_future()

    def done(self, answer: T | None, error: BaseException | None) -> None:
        """Takes the end of the call, on any thread."""
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            self._loop.call_soon_threadsafe(self._settle, answer, error)

    def _settle(self, answer: T | None, error: BaseException | None) -> None:
        if self.answer.done():  # its task was cancelled
            self._late_end().set_result(error)
        elif error is None:
            self.answer.set_result(answer)  # type: ignore[arg-type]
        else:
            self.answer.set_exception(error)

    def _late_end(self) -> Future[BaseException | None]:
        if self._end is None:
            self._end = self._loop.create_future()
        return self._end

    async def may_have_been_applied(self) -> bool:
        """Whether a cancelled update may have been carried out, as far as that is told in time."""
        from asyncio import CancelledError, wait

        end = self._late_end()
        with suppress(CancelledError):  # cancelled once more: no more waiting
            await wait([end], timeout=_PATIENCE)
        error = end.result() if end.done() else None
        return bool(getattr(error, "may_have_been_applied", True))


def _tell(cancelled: CancelledError, updates: bool, applied: bool) -> None:
    cancelled.may_have_been_applied = applied  # type: ignore[attr-defined]
    if updates and hasattr(cancelled, "add_note"):  # Python 3.11
        cancelled.add_note(
            "the CRM may have carried the update out"
            if applied
            else "the CRM did not get the update"
        )


register(_native.prepare_exit)
