"""`AsyncClient`: the same calls for asyncio, which never block its loop."""

from __future__ import annotations

from atexit import register
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import suppress
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ikcrm import _native, jobs
from ikcrm._typing import Self, Unpack
from ikcrm.arguments import (
    ApplyOptions,
    CallOptions,
    Id,
    OpportunityQuery,
    OpportunityUpdate,
    PlanOptions,
    SheetOptions,
    UpdatesOptions,
)
from ikcrm.client import BaseClient
from ikcrm.field_map import FieldMap
from ikcrm.jobs import JobRows
from ikcrm.lists import AsyncOpportunityList
from ikcrm.quota import QuotaStatus
from ikcrm.records import Opportunity
from ikcrm.update_job import UpdateJob

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, CancelledError, Future
    from collections.abc import Awaitable

T = TypeVar("T")

_PATIENCE = 0.5
"""How many seconds a cancelled task waits at most to hear whether its call went out."""

_GLANCE = 0.1
"""How many seconds a thread waits for a token store before it looks whether the loop still runs."""

_ROWS = 500
"""How many rows of an async iterable are taken on the loop at a time."""


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
        outcome: Coroutine[Any, Any, Opportunity] = self._loop.outcome(
            self._native.update_opportunity, id, fields, updates=True
        )
        del fields  # thousands may wait here
        return await outcome

    async def get_opportunity(self, id: Id, **options: Unpack[CallOptions]) -> Opportunity:
        """Reads an opportunity: the awaitable twin of `Client.get_opportunity`."""
        answer: Opportunity = await self._loop.outcome(self._native.get_opportunity, id, options)
        return answer

    def list_opportunities(self, **query: Unpack[OpportunityQuery]) -> AsyncOpportunityList:
        """Lists opportunities, for `async for`: the twin of `Client.list_opportunities`.

        A task that is cancelled while it waits for a page loses no row: the next reading continues.
        """
        return AsyncOpportunityList(self._native.list_opportunities(query), self._loop.outcome)

    async def field_map(
        self, entity: str = "opportunity", *, refresh: bool = False, **options: Unpack[CallOptions]
    ) -> FieldMap:
        """The options of an entity's fields: the awaitable twin of `Client.field_map`."""
        native: _native.FieldMap = await self._loop.outcome(
            self._native.field_map, entity, refresh, options
        )
        return FieldMap(native)

    async def plan_updates(
        self,
        rows: JobRows | AsyncIterable[Mapping[str, Any]],
        **options: Unpack[SheetOptions],
    ) -> UpdateJob:
        """Plans updates of many opportunities: the awaitable twin of `Client.plan_updates`.

        The rows are taken on a thread of the job's, those of an async iterable on the loop;
        callbacks run on the loop, and may be coroutine functions. Cancelling the task gives a call
        under way two seconds to end.
        """
        return await self._loop.job(
            options,
            lambda named, call: jobs.plan(self._native, _taken(rows, call), named, call),
        )

    async def apply_updates(
        self, job: UpdateJob | str | PathLike[str], **options: Unpack[ApplyOptions]
    ) -> UpdateJob:
        """Carries out a job: the awaitable twin of `Client.apply_updates`."""
        return await self._loop.job(
            options, lambda named, call: jobs.apply(self._native, job, named, call)
        )

    async def update_opportunities(
        self,
        rows: JobRows | AsyncIterable[Mapping[str, Any]],
        *,
        confirm: Callable[[UpdateJob], object] | None = None,
        **options: Unpack[UpdatesOptions],
    ) -> UpdateJob:
        """Plans and applies: the awaitable twin of `Client.update_opportunities`."""
        return await self._loop.job(
            options,
            lambda named, call: jobs.update(self._native, _taken(rows, call), confirm, named, call),
        )

    async def plan_undo(self, job: UpdateJob, /, **options: Unpack[PlanOptions]) -> UpdateJob:
        """Plans a job that brings another one back: the awaitable twin of `Client.plan_undo`."""
        return await self._loop.job(
            options, lambda named, call: jobs.undo(self._native, job, named, call)
        )

    async def quota(self) -> QuotaStatus | None:
        """How much of the quota is used now: the awaitable twin of `Client.quota`."""
        usage: tuple[int, int, int, float] | None = await self._loop.outcome(self._native.quota)
        return usage and QuotaStatus(*usage)

    async def close(self, timeout: float = 5) -> None:
        """Ends the client: the awaitable twin of `Client.close`."""
        await self._loop.outcome(self._native.spawn_close, timeout)

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
        self, start: Callable[..., _native.Cancel], *given: object, updates: bool = False
    ) -> Any:
        """Starts a call of what is given, and waits for its end; whoever stops waiting ends it."""
        from asyncio import CancelledError, get_running_loop

        self._loop = get_running_loop()
        call: _Call[Any] = _Call(self._loop)
        cancel = start(*given, call.done)
        del start, given
        try:
            return await call.answer
        except CancelledError as cancelled:
            cancel.cancel()
            _tell(cancelled, updates, updates and await call.may_have_been_applied())
            raise
        finally:
            if not call.answer.done():
                cancel.cancel()

    async def job(
        self,
        options: Mapping[str, Any],
        work: Callable[[dict[str, Any], Callable[..., Any]], UpdateJob],
    ) -> UpdateJob:
        """Runs a job on a thread of its own; whoever stops waiting cancels it, and waits for it to
        end well."""
        from asyncio import CancelledError, get_running_loop, shield, wait
        from threading import Thread

        self._loop = get_running_loop()
        call: _Call[UpdateJob] = _Call(self._loop)
        cancel = _native.Cancel()
        named = {**options, "_task": cancel}

        def ask(function: Callable[..., Any], told: Any) -> Any:
            """Calls something on the loop, for a thread that waits for it."""
            return self.wait(_called(function, told), cancel)

        Thread(target=_run, args=(call, lambda: work(named, ask)), daemon=True).start()
        try:
            return await shield(call.answer)
        except CancelledError:
            if not call.answer.done():
                cancel.cancel()
                await wait([call.answer])
            if not call.answer.cancelled():
                call.answer.exception()  # nobody else asks for it
            raise

    def wait(self, awaitable: Awaitable[T], cancel: _native.Cancel | None = None) -> T:
        """Waits for a coroutine of the user's, on a thread of the core's, while its loop runs and
        nobody cancels it."""
        from asyncio import run_coroutine_threadsafe
        from concurrent.futures import CancelledError, TimeoutError, wait

        loop, coroutine = self._loop, _awaited(awaitable)
        try:
            future = run_coroutine_threadsafe(coroutine, loop)
            while not wait([future], timeout=_GLANCE).done:
                if not loop.is_running():
                    raise TimeoutError("the loop ended before the token store did")
                if cancel is not None and cancel.cancelled and future.cancel():
                    raise CancelledError
        except CancelledError:
            raise
        except BaseException:
            _close(coroutine, awaitable)
            raise
        return future.result()


def _run(call: _Call[T], work: Callable[[], T]) -> None:
    """Does the work on this thread, and tells how it ended."""
    try:
        answer = work()
    except BaseException as error:
        call.done(None, error)
    else:
        call.done(answer, None)


async def _called(function: Callable[..., Any], told: Any) -> Any:
    returned = function(told)
    return await returned if hasattr(returned, "__await__") else returned


def _taken(rows: Any, call: Callable[..., Any]) -> Iterable[Mapping[str, Any]]:
    """The rows, for a thread of the job's; those of an async iterable come from the loop."""
    taken: Iterable[Mapping[str, Any]] = rows
    return _from_loop(rows.__aiter__(), call) if hasattr(rows, "__aiter__") else taken


def _from_loop(
    rows: AsyncIterator[Mapping[str, Any]], call: Callable[..., Any]
) -> Iterator[Mapping[str, Any]]:
    while some := call(_some, rows):
        yield from some


async def _some(rows: AsyncIterator[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The next rows, so many that the way from thread to thread does not count."""
    some: list[Mapping[str, Any]] = []
    with suppress(StopAsyncIteration):
        while len(some) < _ROWS:
            some.append(await rows.__anext__())
    return some


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _close(*awaitables: Awaitable[Any]) -> None:
    """Ends coroutines that no loop will run to their end."""
    for awaitable in awaitables:
        with suppress(ValueError):  # it runs in this very moment after all
            getattr(awaitable, "close", lambda: None)()


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
