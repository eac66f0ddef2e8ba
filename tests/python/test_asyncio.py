"""The awaitable twins: a loop that never blocks, tasks that can be cancelled."""

import asyncio
import sys
import threading
from collections.abc import Coroutine
from typing import Any

import pytest
from support import FIELDS, LONG, Crm, wait

import ikcrm


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, LONG))


async def arrived(crm: Crm, count: int) -> None:
    await asyncio.to_thread(crm.arrived, count)


class Told:
    """Waits for what the core tells a loop of a call's end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.error: BaseException | None = None
        self.failure: RuntimeError | None = None
        self.event = threading.Event()
        self._call = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = self._spy  # type: ignore[method-assign, assignment]

    def _spy(self, callback: Any, *arguments: Any, **keywords: Any) -> Any:
        if callback.__module__ != "ikcrm.async_client":
            return self._call(callback, *arguments, **keywords)
        self.error = arguments[1]
        try:
            return self._call(callback, *arguments, **keywords)
        except RuntimeError as failure:
            self.failure = failure
            raise
        finally:
            self.event.set()


def test_the_loop_ticks_during_stalled_calls(crm: Crm) -> None:
    async def main() -> None:
        client = crm.async_client()
        calls = [
            asyncio.create_task(client.update_opportunity(568587, **FIELDS)) for _ in range(64)
        ]
        await arrived(crm, 64)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not any(call.done() for call in calls)
        crm.answer_all()
        assert [opportunity.id for opportunity in await asyncio.gather(*calls)] == [568587] * 64

    run(main())


def test_answers_come_in_the_order_in_which_the_crm_gives_them(crm: Crm) -> None:
    async def main() -> None:
        client = crm.async_client()
        first = asyncio.create_task(client.update_opportunity(1, **FIELDS))
        await arrived(crm, 1)
        second = asyncio.create_task(client.update_opportunity(2, **FIELDS))
        await arrived(crm, 2)
        crm.requests[1].answer()
        await second
        assert not first.done()
        crm.requests[0].answer()
        await first

    run(main())


def test_errors_are_raised_where_the_call_is_awaited(crm: Crm) -> None:
    async def main() -> None:
        client = crm.async_client()
        with pytest.raises(ikcrm.ValidationError) as raised:
            await client.update_opportunity(0, **FIELDS)
        assert raised.value.fields[0].field == "id"
        crm.answer_all('{"code":100100,"message":"gone"}')
        with pytest.raises(ikcrm.NotFoundError):
            await client.update_opportunity(1, **FIELDS)

    run(main())


def test_a_cancelled_task_tells_whether_its_update_may_have_been_applied(
    crm: Crm,
) -> None:
    async def main() -> None:
        call = asyncio.create_task(crm.async_client().update_opportunity(1, **FIELDS))
        await arrived(crm, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await call
        assert fate(raised.value) is True
        assert told_in(raised.value) == ["the CRM may have carried the update out"]

    run(main())


def test_a_cancelled_task_tells_that_nothing_was_sent(crm: Crm) -> None:
    crm.answer_all()

    async def main() -> None:
        client = crm.async_client(quota=ikcrm.Quota(calls=1, per=60))
        await client.update_opportunity(1, **FIELDS)
        call = asyncio.create_task(client.update_opportunity(1, **FIELDS))
        with pytest.raises(asyncio.TimeoutError) as raised:
            await asyncio.wait_for(call, 0.05)
        assert fate(raised.value) is False
        assert told_in(raised.value) == ["the CRM did not get the update"]

    run(main())


def test_a_cancelled_task_that_reads_changed_nothing(crm: Crm) -> None:
    async def main() -> None:
        call = asyncio.create_task(crm.async_client().get_opportunity(1))
        await arrived(crm, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await call
        assert fate(raised.value) is False

    run(main())


def test_a_task_that_is_cancelled_twice_ends_at_once(crm: Crm) -> None:
    async def main() -> None:
        call = asyncio.create_task(crm.async_client().update_opportunity(1, **FIELDS))
        await arrived(crm, 1)
        call.cancel()
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await call
        assert fate(raised.value) is True

    run(main())


def cancelled(error: BaseException | None) -> Any:
    """The error that the call itself raised; before Python 3.11 a task raises another after it."""
    while error is not None and not hasattr(error, "may_have_been_applied"):
        error = error.__cause__ or error.__context__
    assert isinstance(error, asyncio.CancelledError)
    return error


def fate(error: BaseException) -> Any:
    return cancelled(error).may_have_been_applied


def told_in(error: BaseException) -> list[str]:
    """The notes of an error; what is expected of Python before 3.11, which has none."""
    if sys.version_info >= (3, 11):
        return list(cancelled(error).__notes__)
    return [
        "the CRM may have carried the update out"
        if fate(error)
        else "the CRM did not get the update"
    ]


def test_a_cancelled_task_ends_its_call(crm: Crm) -> None:
    async def main() -> None:
        told = Told(asyncio.get_running_loop())
        call = asyncio.create_task(crm.async_client().update_opportunity(1, **FIELDS))
        await arrived(crm, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(wait, told.event)
        assert isinstance(told.error, ikcrm.CancelledError)
        await asyncio.to_thread(wait, crm.requests[0].hung_up)

    run(main())


def test_a_task_cancelled_before_another_attempt_sends_nothing_more(crm: Crm) -> None:
    async def main() -> None:
        told = Told(asyncio.get_running_loop())
        call = asyncio.create_task(crm.async_client().update_opportunity(1, **FIELDS))
        await arrived(crm, 1)
        crm.requests[0].answer("busy", 503, retry_after="30")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(wait, told.event)
        assert isinstance(told.error, ikcrm.CancelledError)
        assert len(crm.requests) == 1

    run(main())


def test_one_tasks_end_leaves_another_alone(crm: Crm) -> None:
    async def main() -> None:
        client = crm.async_client()
        kept = asyncio.create_task(client.update_opportunity(568587, **FIELDS))
        await arrived(crm, 1)
        ended = asyncio.create_task(client.update_opportunity(2, **FIELDS))
        await arrived(crm, 2)
        ended.cancel()
        crm.requests[0].answer()
        assert (await kept).id == 568587

    run(main())


def test_a_timeout_of_asyncio_ends_the_call(crm: Crm) -> None:
    async def main() -> None:
        told = Told(asyncio.get_running_loop())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(crm.async_client().update_opportunity(1, **FIELDS), 0.05)
        await asyncio.to_thread(wait, told.event)
        assert isinstance(told.error, ikcrm.CancelledError)

    run(main())


def test_the_calls_own_timeout_is_the_packages_error(crm: Crm) -> None:
    async def main() -> None:
        with pytest.raises(ikcrm.RequestTimeoutError):
            await crm.async_client(timeout=0.05).update_opportunity(1, **FIELDS)

    run(main())


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_loop_closed_amid_a_call_does_no_harm(crm: Crm) -> None:
    loop = asyncio.new_event_loop()
    told = Told(loop)
    call = loop.create_task(crm.async_client().update_opportunity(1, **FIELDS))
    loop.run_until_complete(arrived(crm, 1))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    crm.answer_all()
    wait(told.event)
    assert told.failure is not None
    assert not call.done()
    call._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_client_serves_one_loop_after_another(crm: Crm) -> None:
    crm.answer_all()
    client = crm.async_client()
    for _ in range(3):
        assert asyncio.run(client.update_opportunity(568587, **FIELDS)).id == 568587
    assert len({request.peer for request in crm.requests}) == 1


def test_a_client_closes_with_its_block(crm: Crm) -> None:
    crm.answer_all()

    async def main() -> None:
        async with crm.async_client() as client:
            await client.update_opportunity(1, **FIELDS)
        with pytest.raises(RuntimeError, match="closed"):
            await client.update_opportunity(1, **FIELDS)

    run(main())


def test_a_call_outside_a_loop_says_so(crm: Crm) -> None:
    call = crm.async_client().update_opportunity(1, **FIELDS)
    with pytest.raises(RuntimeError, match="no running event loop"):
        call.send(None)


def test_what_the_arguments_raise_is_raised_where_the_call_is_awaited(crm: Crm) -> None:
    class Broken:
        def __index__(self) -> int:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(crm.async_client().update_opportunity(Broken(), **FIELDS))


def test_contexts_stay_with_their_tasks(crm: Crm) -> None:
    from contextvars import ContextVar

    number: ContextVar[int] = ContextVar("number")
    crm.answer_all()

    async def call(client: ikcrm.AsyncClient, value: int) -> int:
        number.set(value)
        await client.update_opportunity(1, **FIELDS)
        return number.get()

    async def main() -> None:
        client = crm.async_client()
        assert await asyncio.gather(*(call(client, value) for value in range(8))) == list(range(8))

    run(main())
