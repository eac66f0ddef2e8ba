"""Jobs: the cases of `tests/jobs` in both clients, and what only Python has."""

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support import LONG, TESTS, python, relay
from test_vectors import SPELT, ScriptedServer, server_path

import ikcrm
from ikcrm.testing import Sandbox

Case = dict[str, Any]
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['id']}")
    for file in sorted((TESTS / "jobs").iterdir())
    for case in json.loads(file.read_text(encoding="utf-8"))
]
ROWS = [{"id": id, "stage": "赢单"} for id in range(600_001, 600_005)]


class JobServer(ScriptedServer):
    """Speaks with the sandbox behind its wire."""

    def tell(self, request: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def server() -> Iterator[JobServer]:
    path = Path(server_path()).with_name("job-server")
    pipe = subprocess.PIPE
    process = subprocess.Popen([path], stdin=pipe, stdout=pipe, text=True)
    yield JobServer(process)
    process.communicate()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def client_of(sandbox: Sandbox) -> ikcrm.Client:
    return ikcrm.Client(token=sandbox.token, base_url=sandbox.url, quota=None)


def cell(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, inner),) = value.items()
        return ikcrm.CLEAR if kind == "$clear" else SPELT[kind](inner) if kind in SPELT else value
    return value


def rows_of(case: Case) -> list[dict[str, Any]]:
    return [{name: cell(value) for name, value in row.items()} for row in case["rows"]]


def play_blocking(options: Any, step: Case, rows: Any, path: Path, undo: Path) -> None:
    client = ikcrm.Client(**options)
    if "plan" in step:
        client.plan_updates(rows, **{"job": path, **step["plan"]})
    if "undo" in step:
        client.plan_undo(ikcrm.open_job(path), **{"job": undo, **step["undo"]})
    if "apply" in step:
        client.apply_updates(path, **step["apply"])


def play_async(options: Any, step: Case, rows: Any, path: Path, undo: Path) -> None:
    async def play() -> None:
        client = ikcrm.AsyncClient(**options)
        if "plan" in step:
            await client.plan_updates(rows, **{"job": path, **step["plan"]})
        if "undo" in step:
            await client.plan_undo(ikcrm.open_job(path), **{"job": undo, **step["undo"]})
        if "apply" in step:
            await client.apply_updates(path, **step["apply"])

    asyncio.run(play())


PACED = ikcrm.Quota(1000, per=5)
"""It paces a job's calls, and is never used up."""


@pytest.mark.parametrize("quota", [None, PACED], ids=["at once", "paced"])
@pytest.mark.parametrize("play", [play_blocking, play_async])
@pytest.mark.parametrize("case", CASES)
def test_the_case_ends_as_stated(
    case: Case, play: Any, quota: ikcrm.Quota | None, server: JobServer, tmp_path: Path
) -> None:
    address = server.tell({"start": case})
    options = {**address, "quota": quota, "max_retries": 0, "timeout": 0.4}
    path, undo = tmp_path / "job", tmp_path / "undo"
    for step in case["steps"]:
        error = None
        if "change" in step:
            server.tell({"change": step["change"]})
        try:
            play(options, step, rows_of(case), path, undo)
        except ikcrm.IkcrmError as failure:
            error = failure
        path = undo if "undo" in step else path
        check(step, error, server.tell("calls"), path)
    assert server.tell("finish") == {"problems": []}


def check(step: Case, error: ikcrm.IkcrmError | None, calls: list[str], path: Path) -> None:
    assert (error and error.code) == step.get("error"), error
    if "calls" in step:
        # Updates that are under way at once come in any order.
        assert sorted(calls) == sorted(step["calls"])
    if not path.exists():
        return
    job = ikcrm.open_job(path)
    rows = list(job.rows())
    if "states" in step:
        assert [row.state for row in rows] == step["states"]
    assert job.stop_reason == step.get("reason")
    if isinstance(error, ikcrm.JobStoppedError):
        assert (error.reason, error.job.path) == (job.stop_reason, str(path))
    if "ok" in step:
        assert job.ok == step["ok"]
    for number, part in step.get("messages", {}).items():
        assert part in (rows[int(number) - 1].message or "")
    assert sum(job.counts.values()) == len(rows)
    assert len(str(job).splitlines()) <= 10
    assert json.loads(json.dumps(job.to_records()))[: len(rows)] == job.to_records()
    assert json.loads(json.dumps(job.to_dict()))["counts"] == job.counts


def test_a_job_tells_all_that_its_file_does(sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    table = pd.DataFrame({"id": [600_001, 600_002], "stage": ["赢单", None], "no": ["a", "b"]})
    rows = table.to_dict("records")
    job = client.plan_updates(rows, job=tmp_path / "job", key="no", columns={"stage": "stage"})
    assert (job.status, job.stop_reason, job.ok) == ("ready", None, False)
    assert job.counts["planned"] == 1
    first = next(job.rows("planned"))
    assert (first.number, first.key, first.id) == (1, "a", 600_001)
    assert list(first.changes) == ["stage"]
    assert first.labels == {"stage": "赢单"}
    assert job.calls_to_go > 0
    assert job._repr_html_().startswith("<pre>2 rows")
    assert pickle.loads(pickle.dumps(job)).path == job.path
    assert job.skip(keys=["a"]) == 1
    assert client.apply_updates(job) is job
    assert job.status == "completed"
    assert job.calls["update"] == 0
    with pytest.raises(TypeError, match="either ids= or keys="):
        job.skip()
    with pytest.raises(ValueError, match='no state "lost"'):
        next(job.rows("lost"))  # type: ignore[arg-type]


@pytest.mark.parametrize("row", [5, "text", None, [("id", 1)], {1: "stage"}])
def test_a_row_that_is_none_is_told_by_its_number(
    row: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(ikcrm.ValidationError, match="row 2: must"):
        client_of(sandbox).plan_updates([ROWS[0], row], job=tmp_path / "job")
    assert list(tmp_path.iterdir()) == []


def test_what_the_rows_raise_passes_and_leaves_no_job(sandbox: Sandbox, tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        client_of(sandbox).plan_updates(rows(), job=tmp_path / "job")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["on_row", "on_progress"])
def test_what_a_callback_raises_stops_the_job_and_passes(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    def fails(_: object) -> None:
        raise LookupError("mine")

    client = client_of(sandbox)
    job = client.plan_updates(ROWS, job=tmp_path / "job")
    options: Any = {name: fails}
    with pytest.raises(LookupError, match="mine"):
        client.apply_updates(job, **options)
    assert (job.status, job.stop_reason) == ("stopped", "cancelled")
    assert client.apply_updates(job).ok


def test_callbacks_come_on_the_callers_thread(sandbox: Sandbox) -> None:
    threads, rows, lines = set(), [], []

    def on_row(row: ikcrm.JobRow) -> None:
        threads.add(threading.get_ident())
        rows.append((row.id, row.state))

    def on_progress(progress: ikcrm.JobProgress) -> None:
        threads.add(threading.get_ident())
        lines.append(progress.line)

    plans: list[str] = []

    def confirm(job: ikcrm.UpdateJob) -> bool:
        plans.append(job.status)
        return True

    job = client_of(sandbox).update_opportunities(
        ROWS, confirm=confirm, on_row=on_row, on_progress=on_progress
    )
    assert job.ok
    assert plans == ["ready"]
    assert threads == {threading.get_ident()}
    assert sorted(rows) == [(row["id"], "updated") for row in ROWS]
    assert lines[0].startswith("0/4 rows")


def test_callbacks_of_an_async_client_run_on_its_loop(sandbox: Sandbox) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        rows = []

        async def on_row(row: ikcrm.JobRow) -> None:
            assert asyncio.get_running_loop() is loop
            rows.append(row.id)

        async def confirm(job: ikcrm.UpdateJob) -> bool:
            assert asyncio.get_running_loop() is loop
            return job.status == "ready"

        client = ikcrm.AsyncClient(token=sandbox.token, base_url=sandbox.url, quota=None)
        job = await client.update_opportunities(ROWS, confirm=confirm, on_row=on_row)
        assert job.ok
        assert set(rows) == {row["id"] for row in ROWS}
        assert len(rows) == len(ROWS)

    asyncio.run(main())


def test_rows_of_an_async_iterable_come_from_the_loop(sandbox: Sandbox) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def rows() -> AsyncIterator[dict[str, Any]]:
            for number in range(1200):
                assert asyncio.get_running_loop() is loop
                await asyncio.sleep(0)
                yield {"id": 600_001 + number, "note": "x"}

        async def fails() -> AsyncIterator[dict[str, Any]]:
            yield ROWS[0]
            raise LookupError("mine")

        async def never() -> AsyncIterator[dict[str, Any]]:
            yield ROWS[0]
            asked.set()
            await asyncio.Event().wait()

        client = ikcrm.AsyncClient(token=sandbox.token, base_url=sandbox.url, quota=None)
        job = await client.plan_updates(rows(), compare="none", partial=True)
        assert [row.number for row in job.rows()] == list(range(1, 1201))
        with pytest.raises(LookupError, match="mine"):
            await client.plan_updates(fails())
        asked = asyncio.Event()
        waiting = asyncio.create_task(client.plan_updates(never()))
        await asyncio.wait_for(asked.wait(), LONG)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())


def test_a_job_counts_its_sign_ins() -> None:
    with Sandbox(accounts=[("me", "secret", ["7"])]) as sandbox:
        client = ikcrm.Client(login="me", password="secret", base_url=sandbox.url, quota=None)
        assert client.update_opportunities(ROWS).calls["sign_in"] == 1


def test_an_id_that_a_column_with_blanks_made_a_float_is_refused(
    sandbox: Sandbox,
) -> None:
    job = client_of(sandbox).plan_updates([{"id": 600_001.0, "stage": "赢单"}])
    assert "without a decimal point" in (next(job.rows("invalid")).message or "")


def test_a_cancelled_task_stops_its_job_well(sandbox: Sandbox, tmp_path: Path) -> None:
    async def main() -> None:
        client = ikcrm.AsyncClient(token=sandbox.token, base_url=sandbox.url, quota=None)
        job = await client.plan_updates(ROWS, job=tmp_path / "job")
        begun = asyncio.Event()
        applying = asyncio.create_task(client.apply_updates(job, on_row=lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), LONG)
        applying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await applying
        assert job.status in ("stopped", "completed")
        assert (await client.apply_updates(job)).ok

    asyncio.run(main())


def test_only_true_confirms(sandbox: Sandbox, tmp_path: Path) -> None:
    job = client_of(sandbox).update_opportunities(
        ROWS, confirm=lambda _: "yes", job=tmp_path / "job"
    )
    assert job.status == "ready"
    assert job.calls["update"] == 0


def test_ctrl_c_stops_a_job_which_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    job = client.plan_updates(ROWS, job=tmp_path / "job")
    with pytest.raises(KeyboardInterrupt) as raised:
        client.apply_updates(job, on_row=lambda _: signal.raise_signal(signal.SIGINT))
    told = getattr(raised.value, "__notes__", raised.value.args)
    assert f"make the same call again to continue {job.path}" in told[0]
    assert (job.status, job.stop_reason) == ("stopped", "cancelled")
    assert job.counts["updated"] >= 1
    assert client.apply_updates(job).ok


def test_ctrl_c_lets_a_call_under_way_end(sandbox: Sandbox, tmp_path: Path) -> None:
    seen = threading.Event()

    def interrupt(method: str, _: str) -> None:
        """Passes the first update on no sooner than the signal was met."""
        if method == "PUT" and not seen.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            assert seen.wait(LONG)

    def meet(*_: object) -> None:
        seen.set()
        raise KeyboardInterrupt

    with relay(sandbox, interrupt) as url:
        client = ikcrm.Client(token=sandbox.token, base_url=url, quota=None)
        job = client.plan_updates(ROWS, job=tmp_path / "job")
        before = signal.signal(signal.SIGINT, meet)
        try:
            with pytest.raises(KeyboardInterrupt):
                client.apply_updates(job, max_age=0)
        finally:
            signal.signal(signal.SIGINT, before)
        assert job.counts["updated"] == 1
        assert job.counts["unknown"] == job.counts["sending"] == 0
        assert client.apply_updates(job).ok


KILLED = """
import sys, ikcrm
token, url, path = sys.argv[1:]
client = ikcrm.Client(token=token, base_url=url, quota=None)
def on_row(row):
    print(row.number, flush=True)
    sys.stdin.read()
client.apply_updates(path, on_row=on_row)
"""


def test_a_killed_job_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    job = client.plan_updates(ROWS, job=tmp_path / "job")
    with python(KILLED, sandbox.token, sandbox.url, job.path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        assert job.status == "running"
        with pytest.raises(ikcrm.JobInUseError):
            client.apply_updates(job)
        process.kill()
        process.wait()
    assert (job.status, job.stop_reason) == ("stopped", "killed")
    assert client.apply_updates(job).ok
    assert job.calls["update"] == len(ROWS)


FORKED = """
import os, sys, ikcrm
token, url, path = sys.argv[1:]
client = ikcrm.Client(token=token, base_url=url, quota=None)
def on_row(row):
    if os.fork() == 0:
        print(row.number, flush=True)
        sys.stdin.read()
        os._exit(0)
    os.wait()
client.apply_updates(path, on_row=on_row)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_keeps_no_lock_of_a_killed_parent(sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    job = client.plan_updates(ROWS, job=tmp_path / "job")
    with python(FORKED, sandbox.token, sandbox.url, job.path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        process.kill()
        process.wait()
        # The child lives until the pipe is closed.
        assert (job.status, job.stop_reason) == ("stopped", "killed")
        assert client.apply_updates(job).ok


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_looks_at_a_job_and_leaves_the_lock_to_its_parent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    client = client_of(sandbox)
    job = client.plan_updates(ROWS, job=tmp_path / "job")
    ended = []

    def on_row(_: ikcrm.JobRow) -> None:
        child = os.fork()
        if child == 0:
            is_as_it_should = ikcrm.open_job(job.path).status == "running"
            os._exit(0 if is_as_it_should else 1)
        ended.append(os.waitpid(child, 0)[1])

    assert client.apply_updates(job, on_row=on_row, max_age=0).ok
    assert ended == [0] * len(ROWS)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_that_comes_back_leaves_the_job_to_its_parent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    client = client_of(sandbox)
    job = client.plan_updates(ROWS, job=tmp_path / "job")
    parent, ended = os.getpid(), []

    def on_row(_: ikcrm.JobRow) -> None:
        child = os.fork()
        if child != 0:
            ended.append(os.waitpid(child, 0)[1])

    try:
        client.apply_updates(job, on_row=on_row)
    except ikcrm.JobInUseError:
        os._exit(0 if os.getpid() != parent else 1)
    finally:
        if os.getpid() != parent:
            os._exit(2)
    assert ended == [0] * len(ROWS)
    assert job.ok
    assert sum(request.method == "PUT" for request in sandbox.requests) == len(ROWS)


def test_progress_is_a_line_on_stderr(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    client_of(sandbox).update_opportunities(ROWS, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("4/4 rows, 4 updated")


SHOWN = """
import sys, ikcrm
token, url = sys.argv[1:]
client = ikcrm.Client(token=token, base_url=url, quota=None)
rows = [{"id": id, "stage": "赢单"} for id in range(600_001, 600_005)]
client.update_opportunities(rows, progress=True, max_age=0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no pty")
def test_progress_is_rewritten_on_a_terminal(sandbox: Sandbox) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", SHOWN, sandbox.token, sandbox.url]
    with subprocess.Popen(command, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while chunk := read_terminal(ours):
            shown += chunk
        assert process.wait(LONG) == 0
    os.close(ours)
    assert shown.startswith(b"\r")
    assert shown.count(b"\n") == 2  # the ends of plan and apply
    assert b"\r4/4 rows, 4 updated" in shown


def read_terminal(terminal: int) -> bytes:
    """What was written next; nothing when nobody writes any more, which Linux tells by an error."""
    with suppress(OSError):
        return os.read(terminal, 4096)
    return b""


def test_errors_tell_the_job(sandbox: Sandbox, tmp_path: Path) -> None:
    client = client_of(sandbox)
    job = client.plan_updates([{"id": 404, "stage": "赢单"}], job=tmp_path / "job")
    client.apply_updates(job)
    with pytest.raises(ikcrm.JobStoppedError, match="1 not found") as raised:
        job.raise_for_failures()
    assert raised.value.job.path == job.path
    assert job.problems[0].examples[0].id == 404
    with pytest.raises(ikcrm.JobFileError):
        ikcrm.open_job(tmp_path / "none")
    options: Any = {"max_eror": 1}
    with pytest.raises(ikcrm.ValidationError, match="max_errors"):
        client.apply_updates(job, **options)


def test_a_job_that_lost_its_token_tells_what_ended_it(sandbox: Sandbox, tmp_path: Path) -> None:
    job = client_of(sandbox).plan_updates(ROWS, job=tmp_path / "job")
    dead = ikcrm.Client(token="dead", base_url=sandbox.url, quota=None)
    with pytest.raises(ikcrm.JobStoppedError) as raised:
        dead.apply_updates(job)
    assert raised.value.reason == "auth"
    assert isinstance(raised.value.__cause__, ikcrm.AuthError)


def test_an_as_of_is_in_chinas_time(sandbox: Sandbox, tmp_path: Path) -> None:
    from datetime import datetime, timezone

    client = client_of(sandbox)
    long_ago = datetime(2001, 1, 1, tzinfo=timezone.utc)
    job = client.plan_updates(ROWS, job=tmp_path / "job", as_of=long_ago)
    assert job.counts["conflict"] == len(ROWS)
    with pytest.raises(ikcrm.JobFileError):  # planned with another time
        client.plan_updates(ROWS, job=job.path, as_of="2001-01-01 09:00")
    assert client.plan_updates(ROWS, job=job.path, as_of="2001-01-01 08:00").path == job.path


def test_the_calls_of_a_job_are_told_as_others_are(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "ikcrm")
    events: list[ikcrm.Event] = []
    client = ikcrm.Client(
        token=sandbox.token, base_url=sandbox.url, quota=None, on_event=events.append
    )
    job = client.plan_updates(ROWS, job=tmp_path / "job")
    planned = [(it.method, it.route) for it in events if it.name == "call_finished"]
    assert ("GET", "/api/v2/field_maps/:entity") in planned
    events.clear()
    caplog.clear()
    client.apply_updates(job)
    updates = [it for it in events if it.name == "call_finished" and it.method == "PUT"]
    assert len(updates) == len(ROWS)
    assert len(caplog.records) == len(events)


def test_a_listener_that_is_interrupted_stops_the_job(sandbox: Sandbox, tmp_path: Path) -> None:
    client = ikcrm.Client(
        token=sandbox.token,
        base_url=sandbox.url,
        quota=None,
        on_event=lambda _: signal.raise_signal(signal.SIGINT),
    )
    with pytest.raises(KeyboardInterrupt):
        client.plan_updates(ROWS, job=tmp_path / "job")
