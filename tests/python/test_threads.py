"""Calls under way leave other threads, signals and forks alone, and these leave calls alone."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from support import FIELDS, LONG, TOKEN, Crm, in_thread, python, wait

import ikcrm

PROMPTLY = 0.5
"""Seconds within which a signal ends a call."""


class AlarmError(Exception):
    """What a program's own signal handler raises."""


@contextmanager
def handling(number: signal.Signals, handler: Callable[..., None]) -> Iterator[None]:
    before = signal.signal(number, handler)
    yield
    signal.signal(number, before)


def kill(number: signal.Signals) -> float:
    """Sends this process a signal, and tells when."""
    os.kill(os.getpid(), number)
    return time.monotonic()


def test_other_threads_run_during_a_stalled_call(crm: Crm) -> None:
    def work() -> None:
        request = crm.arrived(1)
        assert sum(range(100_000)) == 4_999_950_000
        request.answer()

    with in_thread(work):
        assert crm.client().update_opportunity(568587, **FIELDS).id == 568587


def test_threads_share_a_client(crm: Crm) -> None:
    client = crm.client()
    with ThreadPoolExecutor(64) as pool:
        calls = [pool.submit(client.update_opportunity, 568587, **FIELDS) for _ in range(64)]
        crm.arrived(64)
        crm.answer_all()
        assert [call.result(LONG).id for call in calls] == [568587] * 64


def test_ctrl_c_ends_a_stalled_call_promptly(crm: Crm) -> None:
    sent_at: list[float] = []

    def interrupt() -> None:
        crm.arrived(1)
        sent_at.append(kill(signal.SIGINT))

    with in_thread(interrupt), pytest.raises(KeyboardInterrupt) as raised:
        crm.client().update_opportunity(1, **FIELDS)
    assert time.monotonic() - sent_at[0] < PROMPTLY
    cause = raised.value.__cause__
    assert isinstance(cause, ikcrm.CancelledError)
    assert cause.may_have_been_applied
    wait(crm.requests[0].hung_up)


def test_ctrl_c_ends_the_wait_before_another_attempt_promptly(crm: Crm) -> None:
    sent_at: list[float] = []

    def interrupt() -> None:
        crm.arrived(1).answer("busy", 503, retry_after="30")
        sent_at.append(kill(signal.SIGINT))

    with in_thread(interrupt), pytest.raises(KeyboardInterrupt):
        crm.client().update_opportunity(1, **FIELDS)
    assert time.monotonic() - sent_at[0] < PROMPTLY
    assert len(crm.requests) == 1


def test_ctrl_c_within_an_event_hook_ends_the_call_promptly(crm: Crm) -> None:
    raised_at: list[float] = []

    def on_event(event: ikcrm.Event) -> None:
        if event.name == "retry_planned":
            raised_at.append(time.monotonic())
            kill(signal.SIGINT)

    with in_thread(lambda: crm.arrived(1).answer("busy", 503, retry_after="30")):
        client = crm.client(on_event=on_event)
        with pytest.raises(KeyboardInterrupt):
            client.update_opportunity(1, **FIELDS)
    assert time.monotonic() - raised_at[0] < PROMPTLY
    assert len(crm.requests) == 1


def test_a_signal_ends_the_wait_for_a_slot_of_the_quota_promptly(crm: Crm) -> None:
    crm.answer_all()
    client = crm.client(quota=ikcrm.Quota(calls=1, per=3600))
    client.update_opportunity(1, **FIELDS)
    began, delay = time.monotonic(), 0.1
    with handling(signal.SIGALRM, signal.default_int_handler):
        signal.setitimer(signal.ITIMER_REAL, delay)
        with pytest.raises(KeyboardInterrupt):
            client.update_opportunity(1, **FIELDS)
    assert delay <= time.monotonic() - began < delay + PROMPTLY
    assert len(crm.requests) == 1


def test_what_a_signal_handler_raises_is_kept(crm: Crm) -> None:
    raised = AlarmError("mine")

    def handler(*_: object) -> None:
        raise raised from LookupError("its own cause")

    def alarm() -> None:
        crm.arrived(1)
        kill(signal.SIGALRM)

    with (
        handling(signal.SIGALRM, handler),
        in_thread(alarm),
        pytest.raises(AlarmError) as caught,
    ):
        crm.client().update_opportunity(1, **FIELDS)
    assert caught.value is raised
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_signal_handler_that_returns_leaves_the_call_going(crm: Crm) -> None:
    handled = threading.Event()

    def alarm() -> None:
        request = crm.arrived(1)
        kill(signal.SIGALRM)
        wait(handled)
        request.answer()

    with handling(signal.SIGALRM, lambda *_: handled.set()), in_thread(alarm):
        assert crm.client().update_opportunity(568587, **FIELDS).id == 568587
    assert len(crm.requests) == 1


def test_ctrl_c_leaves_calls_in_other_threads_alone(crm: Crm) -> None:
    ids: list[int | None] = []

    def call() -> None:
        ids.append(crm.client().update_opportunity(568587, **FIELDS).id)

    with in_thread(call):
        crm.arrived(1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        crm.answer_all()
    assert ids == [568587]


def in_fork(work: Callable[[], object]) -> None:
    """Does the work in a forked process; what it raises fails the test."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_makes_connections_of_its_own(crm: Crm) -> None:
    crm.answer_all()
    client = crm.client()
    client.update_opportunity(1, **FIELDS)
    in_fork(lambda: client.update_opportunity(2, **FIELDS))
    client.update_opportunity(3, **FIELDS)
    parent, child, again = [request.peer for request in crm.requests]
    assert child != parent
    assert again == parent


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_amid_calls_of_other_threads_can_call(crm: Crm) -> None:
    client = crm.client()
    with in_thread(lambda: client.update_opportunity(1, **FIELDS)):
        crm.arrived(1)
        crm.answer_all()
        in_fork(lambda: client.update_opportunity(2, **FIELDS))


@pytest.mark.parametrize("kind", [ikcrm.Client, ikcrm.AsyncClient])
@pytest.mark.parametrize("secret", [{"token": TOKEN}, {"login": "demo", "password": TOKEN}])
def test_a_client_is_not_pickled_with_its_secrets_unless_told_to(kind: Any, secret: Any) -> None:
    client = kind(**secret, base_url="http://127.0.0.1:9")
    with pytest.raises(TypeError, match="pickle_secrets=True") as raised:
        pickle.dumps(client)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("kind", [ikcrm.Client, ikcrm.AsyncClient])
def test_a_pickled_client_holds_its_settings(kind: Any) -> None:
    client = kind(token=TOKEN, base_url="http://127.0.0.1:9", timeout=5, pickle_secrets=True)
    pickled = pickle.dumps(client)
    assert TOKEN.encode() in pickled
    back = pickle.loads(pickled)
    assert type(back) is kind
    assert back._settings == client._settings


def test_a_client_of_the_environment_is_pickled_without_it(monkeypatch: Any) -> None:
    monkeypatch.setenv("IKCRM_TOKEN", TOKEN)
    pickled = pickle.dumps(ikcrm.Client.from_env())
    assert TOKEN.encode() not in pickled
    assert type(pickle.loads(pickled)) is ikcrm.Client
    monkeypatch.delenv("IKCRM_TOKEN")
    with pytest.raises(ikcrm.ConfigError):
        pickle.loads(pickled)


def test_a_pickled_client_calls_in_another_process(crm: Crm) -> None:
    crm.answer_all()
    code = """
import pickle, sys
client = pickle.loads(bytes.fromhex(sys.argv[1]))
print(client.update_opportunity(568587, title="ccc", customer_id=1).id)
"""
    with python(code, pickle.dumps(crm.client(pickle_secrets=True)).hex()) as child:
        assert child.communicate(timeout=LONG) == ("568587\n", "")
    assert TOKEN in crm.requests[0].headers["authorization"]


def test_a_closed_client_refuses_calls_and_lets_those_under_way_end(crm: Crm) -> None:
    client = crm.client()
    with in_thread(lambda: client.update_opportunity(1, **FIELDS)):
        request = crm.arrived(1)
        with in_thread(lambda: client.close(LONG)):
            request.answer()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.update_opportunity(1, **FIELDS)
    assert len(crm.requests) == 1


def test_closing_ends_what_does_not_end_in_time(crm: Crm) -> None:
    client = crm.client()

    def call() -> None:
        with pytest.raises(ikcrm.CancelledError) as raised:
            client.update_opportunity(1, **FIELDS)
        assert raised.value.may_have_been_applied

    with in_thread(call):
        crm.arrived(1)
        client.close(0)


def test_closing_hangs_up(crm: Crm) -> None:
    crm.answer_all()
    with crm.client() as client:
        client.update_opportunity(1, **FIELDS)
    with crm.client() as client:
        client.update_opportunity(1, **FIELDS)
    assert crm.requests[0].peer != crm.requests[1].peer


def test_the_free_function_takes_the_environments_settings(crm: Crm) -> None:
    crm.answer_all()
    code = f"""
import os, ikcrm
try:
    ikcrm.update_opportunity(568587, title="ccc", customer_id=1)
except ikcrm.ConfigError as error:
    print(error.fields[0].field)
os.environ.update(IKCRM_TOKEN={TOKEN!r}, IKCRM_BASE_URL={crm.url!r})
for _ in range(2):
    print(ikcrm.update_opportunity(568587, title="ccc", customer_id=1).id)
"""
    with python(code) as child:
        assert child.communicate(timeout=LONG) == ("token\n568587\n568587\n", "")
    assert crm.requests[0].peer == crm.requests[1].peer
