"""A list gives every row once, whatever ends the reading of a page."""

import asyncio
import json
import signal
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from support import LONG, Crm, Request, in_thread, wait

import ikcrm

ROWS = 61
PER_PAGE = 10


def page(request: Request) -> str:
    """The page that a request asks for, of a list of so many rows."""
    query = parse_qs(urlsplit(request.path).query)
    first = (int(query["page"][0]) - 1) * PER_PAGE
    rows = [{"id": id} for id in range(first + 1, min(first + PER_PAGE, ROWS) + 1)]
    data = {"opportunities": rows, "total_count": ROWS, "per_page": PER_PAGE}
    return json.dumps({"code": 0, "data": data})


def serve(crm: Crm) -> None:
    crm.answer_by(lambda request: request.answer(page(request)))


def ids(rows: ikcrm.OpportunityList) -> list[int | None]:
    return [row.id for row in rows]


ALL = list(range(1, ROWS + 1))
MAIN = threading.get_ident()


def test_a_loop_that_stopped_is_gone_on_with(crm: Crm) -> None:
    serve(crm)
    rows = crm.client().list_opportunities(per_page=PER_PAGE)
    seen = [row.id for row, _ in zip(rows, range(3), strict=False)]
    seen += ids(rows)
    assert sorted(set(ALL) - set(seen)) == [4]  # which zip took and gave to nobody
    assert len(seen) == ROWS - 1


def test_a_list_that_is_used_up_says_so(crm: Crm) -> None:
    serve(crm)
    rows = crm.client().list_opportunities(per_page=PER_PAGE)
    assert ids(rows) == ALL
    assert next(rows, None) is None
    with pytest.raises(RuntimeError, match=r"used up: call list_opportunities\(\) again"):
        ids(rows)


def test_an_async_list_goes_on_and_says_when_it_is_used_up(crm: Crm) -> None:
    serve(crm)

    async def main() -> None:
        rows = crm.async_client().list_opportunities(per_page=PER_PAGE)
        seen = []
        async for row in rows:
            seen.append(row.id)
            if row.id == 3:
                break
        assert seen + [row.id async for row in rows] == ALL
        with pytest.raises(RuntimeError, match="used up"):
            [row async for row in rows]

    asyncio.run(main())


def test_ctrl_c_ends_a_page_and_not_the_list(crm: Crm) -> None:
    rows = crm.client().list_opportunities(per_page=PER_PAGE)

    def interrupt() -> None:
        crm.arrived(1)
        signal.pthread_kill(MAIN, signal.SIGINT)

    with in_thread(interrupt), pytest.raises(KeyboardInterrupt) as raised:
        next(rows)
    assert isinstance(raised.value.__cause__, ikcrm.CancelledError)
    assert not raised.value.__cause__.may_have_been_applied
    serve(crm)
    assert ids(rows) == ALL


def test_a_signal_that_comes_with_a_page_loses_no_row(crm: Crm) -> None:
    rows = crm.client().list_opportunities(per_page=PER_PAGE)

    class Interrupting(deque[ikcrm.OpportunityRow]):
        def extend(self, page: Iterable[ikcrm.OpportunityRow]) -> None:
            super().extend(page)
            signal.raise_signal(signal.SIGINT)

    rows._rows = Interrupting()
    serve(crm)
    with pytest.raises(KeyboardInterrupt):
        next(rows)
    rows._rows = deque(rows._rows)
    assert ids(rows) == ALL


def test_a_cancelled_task_loses_no_row(crm: Crm) -> None:
    async def main() -> None:
        rows = crm.async_client().list_opportunities(per_page=PER_PAGE)
        task = asyncio.ensure_future(anext(rows))
        await asyncio.to_thread(crm.arrived, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        serve(crm)
        assert [row.id async for row in rows] == ALL

    asyncio.run(asyncio.wait_for(main(), LONG))


def test_threads_that_share_a_list_lose_no_row(crm: Crm) -> None:
    serve(crm)
    rows = crm.client().list_opportunities(per_page=PER_PAGE)
    taken = lambda: [row.id for row in iter(lambda: next(rows, None), None)]  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        parts = [pool.submit(taken) for _ in range(8)]
    assert sorted(id or 0 for part in parts for id in part.result()) == ALL


def test_tasks_that_share_a_list_get_a_row_each(crm: Crm) -> None:
    serve(crm)

    async def main() -> None:
        rows = crm.async_client().list_opportunities(per_page=PER_PAGE)
        found = await asyncio.gather(*(anext(rows) for _ in range(ROWS)))
        assert sorted(row.id or 0 for row in found) == ALL
        assert len(crm.requests) == 7  # a page is read once, however many tasks wait for it
        assert await anext(rows, None) is None

    asyncio.run(asyncio.wait_for(main(), LONG))


def test_a_list_is_a_table(crm: Crm) -> None:
    serve(crm)
    table = pd.DataFrame(crm.client().list_opportunities(per_page=PER_PAGE))
    assert table["id"].tolist() == ALL


def test_the_count_is_told_while_another_thread_reads_a_page(crm: Crm) -> None:
    rows = crm.client().list_opportunities(per_page=PER_PAGE)
    told = threading.Event()
    with in_thread(lambda: ids(rows)):
        first = crm.arrived(1)
        assert rows.total_count is None
        first.answer(page(first))
        second = crm.arrived(2)
        with in_thread(lambda: told.set() if rows.total_count == ROWS else None):
            wait(told)
        second.answer(page(second))
        serve(crm)
    assert rows.total_count == ROWS


def test_ctrl_c_ends_the_wait_for_another_threads_page(crm: Crm) -> None:
    rows = crm.client().list_opportunities(per_page=PER_PAGE)
    waiting = threading.Event()

    class Rows(deque[ikcrm.OpportunityRow]):
        def popleft(self) -> ikcrm.OpportunityRow:
            if threading.get_ident() == MAIN:
                waiting.set()
            return super().popleft()

    rows._rows = Rows()

    def interrupt() -> None:
        wait(waiting)
        signal.pthread_kill(MAIN, signal.SIGINT)

    with in_thread(lambda: ids(rows)):
        crm.arrived(1)
        with in_thread(interrupt), pytest.raises(KeyboardInterrupt):
            next(rows)
        serve(crm)
    assert len({request.path for request in crm.requests}) == 7
