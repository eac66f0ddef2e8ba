"""What a call shows: `on_event`, the log, and where and when they are told."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from contextvars import ContextVar
from typing import Any

import pytest
from support import FIELDS, TOKEN, Crm, table

import ikcrm

CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")
COURSE = ["call_started", "attempt_sent", "attempt_answered", "call_finished"]


def failing_once(crm: Crm) -> None:
    """Answers the first request with a passing failure."""
    crm.answer_by(lambda it: it.answer(status=503 if it is crm.requests[0] else 200))


def test_events_come_in_order_in_the_callers_thread_and_context(crm: Crm) -> None:
    crm.answer_all()
    seen: list[Any] = []

    def tell(event: ikcrm.Event) -> None:
        seen.append((event.name, threading.current_thread(), CALLER.get()))

    client = crm.client(on_event=tell)

    def call() -> None:
        CALLER.set("a thread")
        client.update_opportunity(1, **FIELDS)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert seen == [(name, thread, "a thread") for name in COURSE]


def test_a_task_is_told_in_its_own_context(crm: Crm) -> None:
    crm.answer_all()
    seen: list[tuple[str, str]] = []

    async def call(client: ikcrm.AsyncClient, name: str) -> None:
        CALLER.set(name)
        await client.update_opportunity(1, **FIELDS)
        assert [event for event, caller in seen if caller == name] == COURSE

    async def calls() -> None:
        client = crm.async_client(on_event=lambda it: seen.append((it.name, CALLER.get())))
        await asyncio.gather(*(call(client, f"task {number}") for number in range(3)))

    asyncio.run(calls())


def test_pages_of_a_list_are_told_too(crm: Crm) -> None:
    crm.answer_all('{"code":0,"data":{"opportunities":[],"total_count":0}}')
    events: list[ikcrm.Event] = []
    assert list(crm.client(on_event=events.append).list_opportunities()) == []
    assert [event.name for event in events] == COURSE
    assert {event.route for event in events} == {"/api/v2/opportunities"}


def test_a_finished_call_tells_what_it_cost(crm: Crm) -> None:
    failing_once(crm)
    events: list[ikcrm.Event] = []
    crm.client(on_event=events.append).update_opportunity(1, **FIELDS)
    end = events[-1]
    assert (end.name, end.attempts, end.status, end.error_code) == (
        "call_finished",
        2,
        200,
        None,
    )
    assert (end.method, end.route) == ("PUT", "/api/v2/opportunities/:id")
    assert {event.call_id for event in events} == {end.call_id}
    [retry] = [event for event in events if event.name == "retry_planned"]
    assert (retry.attempt, retry.status, retry.error_code) == (1, 503, "server")
    assert retry.wait is not None
    assert end.elapsed is not None
    assert end.elapsed > retry.wait


def test_the_log_warns_of_retries_and_keeps_the_rest_to_itself(
    crm: Crm, caplog: pytest.LogCaptureFixture
) -> None:
    failing_once(crm)
    crm.client().update_opportunity(1, **FIELDS)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("ikcrm", logging.WARNING)
    assert " retry_planned " in record.message
    assert isinstance(vars(record)["event"], ikcrm.Event)


class Heard(logging.Handler):
    """Keeps the names of events, and whose they are."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.events.append((vars(record)["event"].name, CALLER.get()))


def silent_log(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """The logger as a program has it that set up no log: without pytest's handlers, which come when
    a test begins."""
    log = logging.getLogger("ikcrm")
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [logging.NullHandler()])
    return log


def test_a_handler_that_comes_amid_a_call_hears_its_warnings(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, heard = silent_log(monkeypatch), Heard()

    def answer(request: Any) -> None:
        first = request is crm.requests[0]
        if first:
            log.addHandler(heard)
        request.answer(status=503 if first else 200)

    crm.answer_by(answer)
    crm.client().update_opportunity(1, **FIELDS)
    assert heard.events == [("retry_planned", "nobody")]


def test_a_warning_of_a_task_is_logged_in_its_context(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_once(crm)
    log, heard = silent_log(monkeypatch), Heard()

    async def call() -> None:
        client = crm.async_client()
        CALLER.set("a task")
        calling = asyncio.create_task(client.update_opportunity(1, **FIELDS))
        CALLER.set("another")
        log.addHandler(heard)
        await calling

    asyncio.run(call())
    assert heard.events == [("retry_planned", "a task")]


def test_the_log_keeps_to_its_level_while_a_client_lives(
    crm: Crm, caplog: pytest.LogCaptureFixture
) -> None:
    crm.answer_all()
    client = crm.client()
    told = []
    for level in ("WARNING", "DEBUG", "INFO", "DEBUG", "CRITICAL"):
        caplog.clear()
        with caplog.at_level(level, logger="ikcrm"):
            client.update_opportunity(1, **FIELDS)
        told.append([vars(record)["event"].name for record in caplog.records])
    assert told == [[], COURSE, [], COURSE, []]


def test_a_function_that_raises_is_shown_once_and_fails_no_call(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm.answer_all()
    shown: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    error = ValueError("the user's own")

    def fail(_: ikcrm.Event) -> None:
        raise error

    client = crm.client(on_event=fail)
    for _ in range(2):
        client.update_opportunity(1, **FIELDS)
    assert [it.exc_value for it in shown] == [error]


def test_a_signal_amid_the_function_ends_the_call(crm: Crm) -> None:
    crm.answer_all()
    client = crm.client(on_event=lambda _: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        client.update_opportunity(1, **FIELDS)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ikcrm.ConfigError, match="a function that takes the event, got an int"):
        ikcrm.Client(token=TOKEN, on_event=1)  # type: ignore[arg-type]


CODE = """
import ikcrm, sys
client = ikcrm.Client(token="t", base_url=sys.argv[1], quota=None)
client.update_opportunity(568587, title="ccc", customer_id=1)
"""


@pytest.mark.parametrize(("level", "lines"), [("debug", 7), ("info", 1), ("", 0)])
def test_a_variable_prints_the_log(level: str, lines: int, crm: Crm) -> None:
    failing_once(crm)
    run = [sys.executable, "-c", CODE, crm.url]
    env = {**os.environ, "IKCRM_LOG": level}
    done = subprocess.run(run, env=env, stderr=subprocess.PIPE, text=True, check=True)
    told = done.stderr.splitlines()
    assert len(told) == lines, told
    assert [word for word in table("events")["never"] if word in done.stderr] == []


def test_the_id_of_the_call_is_sent_when_it_is_asked_for(crm: Crm) -> None:
    failing_once(crm)
    answer = crm.client(request_id=True).update_opportunity(1, **FIELDS)
    assert answer.meta is not None
    sent = [request.headers["x-request-id"] for request in crm.requests]
    assert sent == [answer.meta.call_id] * 2


def test_a_call_that_waits_for_the_quota_says_so_while_it_waits(crm: Crm) -> None:
    crm.answer_all()
    long = threading.Event()
    seen: list[str] = []

    def tell(event: ikcrm.Event) -> None:
        seen.append(event.name)
        if event.name == "quota_wait_long":
            long.set()

    quota = ikcrm.Quota(calls=1, per=3600, key=f"events of {crm.url}")
    client = crm.client(quota=quota, on_event=tell)
    client.update_opportunity(1, **FIELDS)
    seen.clear()
    cancel = ikcrm.Cancel()
    ended: list[ikcrm.IkcrmError] = []

    def call() -> None:
        try:
            client.update_opportunity(1, **FIELDS, cancel=cancel)
        except ikcrm.CancelledError as error:
            ended.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert long.wait(60)
    assert seen == ["call_started", "quota_wait_began", "quota_wait_long"]
    cancel.cancel()
    thread.join()
    assert seen[3:] == ["quota_wait_ended", "call_finished"]
    assert ended[0].meta is not None
    assert ended[0].meta.quota_wait >= 1
    assert ended[0].meta.attempts == 0


def test_a_block_of_the_quota_is_told(crm: Crm) -> None:
    crm.answer_all("Retry later\n", 429)
    events: list[ikcrm.Event] = []
    quota = ikcrm.Quota(calls=5, per=10, key=f"block of {crm.url}")
    client = crm.client(quota=quota, max_retries=0, on_event=events.append)
    with pytest.raises(ikcrm.RateLimitedError):
        client.update_opportunity(1, **FIELDS)
    [blocked] = [event for event in events if event.name == "quota_blocked"]
    assert blocked.wait


def test_a_warning_of_the_quotas_store_is_told_once(
    crm: Crm, caplog: pytest.LogCaptureFixture
) -> None:
    crm.answer_all()
    events: list[ikcrm.Event] = []
    key = f"warning of {crm.url}"
    crm.client(quota=ikcrm.Quota(calls=50, per=3600, key=key)).update_opportunity(1, **FIELDS)
    looser = ikcrm.Quota(calls=100, per=10, key=key)
    client = crm.client(quota=looser, on_event=events.append)
    for _ in range(2):
        client.update_opportunity(1, **FIELDS)
    [warning] = [event for event in events if event.name == "store_warning"]
    assert (warning.warning, warning.call_id) == ("stricter", events[0].call_id)
    assert warning.message is not None
    assert "only 50 in 3600s" in warning.message
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert warning.message in record.message
