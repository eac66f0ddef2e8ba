"""Ctrl-C, and a cancelled task, while the rows of a sheet are read and while they are compared."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from support import relay

import ikcrm
from ikcrm.testing import Sandbox

ROWS = 3000
"""More than are read between two looks at whether the job was cancelled."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        opportunities = ({"id": id, "stage": "3511"} for id in range(1, ROWS + 1))
        sandbox.seed(opportunities=opportunities)
        yield sandbox


def csv(path: Path) -> None:
    rows = "\n".join(f"{id},3515" for id in range(1, ROWS + 1))
    path.write_text(f"id,stage\n{rows}\n", encoding="utf-8")


def xlsx(path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["id", "stage"])
    for id in range(1, ROWS + 1):
        sheet.append([id, "3515"])
    book.save(path)


def ctrl_c(url: str, token: str, plan: Callable[[Any], Any], interrupted: list[Any]) -> None:
    """Plans in this thread, which gets the signal."""
    thread = threading.main_thread().ident or 0
    interrupted.append(lambda: signal.pthread_kill(thread, signal.SIGINT))
    with (
        pytest.raises(KeyboardInterrupt),
        ikcrm.Client(base_url=url, token=token, quota=None) as client,
    ):
        plan(client)


def cancelled_task(
    url: str, token: str, plan: Callable[[Any], Any], interrupted: list[Any]
) -> None:
    """Plans in a task, which is cancelled."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        client = ikcrm.AsyncClient(base_url=url, token=token, quota=None)
        task = asyncio.ensure_future(plan(client))
        interrupted.append(lambda: loop.call_soon_threadsafe(task.cancel))
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize("end", [ctrl_c, cancelled_task])
@pytest.mark.parametrize("write", [csv, xlsx])
@pytest.mark.parametrize("amid", ["reading", "comparing"])
def test_a_job_that_is_stopped_while_its_sheet_is_planned_starts_well(
    amid: str, write: Any, end: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    sheet, path = tmp_path / f"sheet.{write.__name__}", tmp_path / "job"
    write(sheet)
    asked_for = "/field_maps/" if amid == "reading" else "page=2"
    interrupted: list[Callable[[], object]] = []

    def interrupt(_: str, path: str) -> None:
        if asked_for in path and interrupted:
            interrupted.pop()()

    def plan(client: Any) -> Any:
        return client.plan_updates(sheet, job=path)

    with relay(sandbox, interrupt) as url:
        end(url, sandbox.token, plan, interrupted)
        assert not interrupted, "nothing was interrupted"
        kept = {"job", "job-lock"} if amid == "comparing" else set()
        assert {file.name for file in tmp_path.iterdir()} == {sheet.name, *kept}
        if kept:
            job = ikcrm.open_job(path)
            assert (job.status, job.stop_reason) == ("stopped", "cancelled")
            assert 0 < job.counts["planned"] < ROWS
        client = ikcrm.Client(base_url=url, token=sandbox.token, quota=None)
        job = plan(client)
        assert (job.status, job.counts["planned"]) == ("ready", ROWS)
