"""How calls wait: without threads, for as long as they may, and until the client is closed."""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import FIELDS, LONG, Crm, in_thread, python
from test_hooks import ACCOUNT, AsyncStore, Stuck, sign_in
from test_threads import in_fork

import ikcrm

HOUR = 3600.0
ONE = ikcrm.Quota(calls=1, per=HOUR)
SOON = 4.0
"""Seconds within which must end what may take one."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def until_waiting(client: ikcrm.Client, count: int) -> None:
    while (status := client.quota()) is None or status.waiting < count:
        time.sleep(0)


def waiting(
    crm: Crm, pool: ThreadPoolExecutor, client: ikcrm.Client, count: int, **options: Any
) -> list[Future[Any]]:
    """So many calls that wait for a slot: the first one has it for an hour."""
    crm.answer_all()
    client.update_opportunity(1, **FIELDS)
    calls = [pool.submit(client.update_opportunity, 1, **FIELDS, **options) for _ in range(count)]
    until_waiting(client, count)
    return calls


MEASURED = """
import asyncio, json, os, sys
import ikcrm
COUNT = 10_000
FIELDS = {"title": "ccc", "customer_id": 1}
def megabytes():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
async def main():
    quota = ikcrm.Quota(calls=1, per=3600)
    client = ikcrm.AsyncClient(token="t", base_url=sys.argv[1], quota=quota)
    await client.update_opportunity(1, **FIELDS)
    before = megabytes()
    calls = [asyncio.create_task(client.update_opportunity(1, **FIELDS)) for _ in range(COUNT)]
    while (status := await client.quota()).waiting < COUNT:
        pass
    told = {"megabytes": megabytes() - before, "threads": len(os.listdir("/proc/self/task"))}
    told |= {"used": status.used, "waiting": status.waiting, "next_free": status.next_free}
    try:
        await client.update_opportunity(0, **FIELDS)
    except ikcrm.ValidationError as error:
        told["wrong"] = error.fields[0].field
    await client.close()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    told["cancelled"] = sum(type(end) is ikcrm.CancelledError for end in ends)
    print(json.dumps(told))
asyncio.run(main())
"""


@linux
def test_ten_thousand_tasks_wait_in_little_memory_and_without_threads(
    crm: Crm, capsys: pytest.CaptureFixture[str]
) -> None:
    crm.answer_all()
    with python(MEASURED, crm.url) as child:
        output, errors = child.communicate(timeout=LONG)
    assert (errors, child.returncode) == ("", 0)
    told = json.loads(output)
    with capsys.disabled():
        print(f"\n  10,000 waiting tasks: {told['megabytes']:.1f} MB, {told['threads']} threads")
    # 35 when this was written, in a debug build, Python's tasks and arguments among them.
    assert told["megabytes"] < 40
    assert told["threads"] < 16
    assert (told["used"], told["waiting"], told["wrong"]) == (1, 10_000, "id")
    assert told["next_free"] > HOUR * 9_999
    assert told["cancelled"] == 10_000
    assert len(crm.requests) == 1


def test_256_waiting_threads_leave_the_client_free(crm: Crm) -> None:
    client = crm.client(quota=ONE)
    with ThreadPoolExecutor(256) as pool:
        calls = waiting(crm, pool, client, 256)
        with pytest.raises(ikcrm.ValidationError):
            client.update_opportunity(0, **FIELDS)
        status = client.quota()
        assert status is not None
        assert (status.used, status.waiting) == (1, 256)
        client.close()
        assert {type(call.exception(LONG)) for call in calls} == {ikcrm.CancelledError}
    assert len(crm.requests) == 1


def test_ctrl_c_ends_a_pool_of_waiting_threads(crm: Crm) -> None:
    crm.answer_all()
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
import ikcrm
quota = ikcrm.Quota(calls=1, per=3600)
fields = {"title": "ccc", "customer_id": 1}
with ThreadPoolExecutor(16) as pool, ikcrm.Client(
    token="t", base_url=sys.argv[1], quota=quota
) as client:
    client.update_opportunity(1, **fields)
    calls = [pool.submit(client.update_opportunity, 1, **fields) for _ in range(64)]
    while client.quota().waiting < 16:
        pass
    print("waiting", flush=True)
    calls[0].result()
"""
    with python(code, crm.url) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=LONG / 2)
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert len(crm.requests) == 1


def test_closing_an_async_client_ends_what_waits_and_gives_time_to_what_is_under_way(
    crm: Crm,
) -> None:
    async def main() -> None:
        client = crm.async_client(quota=ONE)
        under_way = asyncio.create_task(client.update_opportunity(568587, **FIELDS))
        await asyncio.to_thread(crm.arrived, 1)
        waits = asyncio.create_task(client.update_opportunity(1, **FIELDS))
        closing = asyncio.create_task(client.close(timeout=LONG))
        with pytest.raises(ikcrm.CancelledError):
            await waits
        assert not closing.done()
        crm.answer_all()
        assert (await under_way).id == 568587
        await closing

    asyncio.run(main())


def test_closing_one_client_lets_another_of_the_same_quota_go_on(crm: Crm) -> None:
    quota = ikcrm.Quota(calls=1, per=0.05)
    client, other = crm.client(quota=quota), crm.client(quota=quota)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(client.update_opportunity, 1, **FIELDS)
        crm.arrived(1)
        ended = pool.submit(client.update_opportunity, 2, **FIELDS)
        goes_on = pool.submit(other.update_opportunity, 3, **FIELDS)
        until_waiting(other, 2)
        closing = pool.submit(client.close)
        assert type(ended.exception(LONG)) is ikcrm.CancelledError
        crm.answer_all()
        assert (first.result(LONG).id, goes_on.result(LONG).id) == (1, 3)
        closing.result(LONG)


def test_a_cancel_ends_calls_of_many_threads(crm: Crm) -> None:
    client, cancel = crm.client(quota=ONE), ikcrm.Cancel()
    with ThreadPoolExecutor(17) as pool:
        calls = waiting(crm, pool, client, 16, cancel=cancel)
        kept = pool.submit(client.update_opportunity, 1, **FIELDS)
        until_waiting(client, 17)
        cancel.cancel()
        assert {type(call.exception(LONG)) for call in calls} == {ikcrm.CancelledError}
        assert not kept.done()
        client.close()


@pytest.mark.parametrize("options", [{"max_wait": 10}, {"deadline": 10}])
def test_what_cannot_end_in_time_says_when_it_could(options: Any, crm: Crm) -> None:
    crm.answer_all()
    client = crm.client(quota=ONE)
    client.update_opportunity(1, **FIELDS)
    with pytest.raises(ikcrm.QuotaExceededError) as raised:
        client.update_opportunity(1, **FIELDS, **options)
    assert raised.value.retry_after is not None
    assert raised.value.retry_after > HOUR / 2
    assert len(crm.requests) == 1


def test_a_batch_stands_behind_those_who_come_later(crm: Crm) -> None:
    client = crm.client(quota=ikcrm.Quota(calls=1, per=0.02))
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(client.update_opportunity, 1, **FIELDS)]
        crm.arrived(1)
        calls.append(pool.submit(client.update_opportunity, 2, **FIELDS, priority="batch"))
        until_waiting(client, 1)
        calls.append(pool.submit(client.update_opportunity, 3, **FIELDS))
        until_waiting(client, 2)
        crm.answer_all()
        assert [call.result(LONG).id for call in calls] == [1, 2, 3]
    assert [request.path.rpartition("/")[2] for request in crm.requests] == [
        "1",
        "3",
        "2",
    ]


# --- token stores that do not return ----------------------------------------------------------


class NeverStore(AsyncStore):
    """An async token store that does not return."""

    async def _turn(self) -> None:
        await asyncio.get_running_loop().create_future()


def test_an_async_store_that_does_not_return_ends_by_timeout_cancel_and_close(
    crm: Crm,
) -> None:
    async def main() -> None:
        client = crm.async_client(token=None, token_store=NeverStore())
        with pytest.raises(ikcrm.RequestTimeoutError, match="waiting for the token store"):
            await client.get_opportunity(1, timeout=0.1)
        cancel = ikcrm.Cancel()
        cancelled = asyncio.create_task(client.get_opportunity(1, cancel=cancel))
        closed = asyncio.create_task(client.get_opportunity(1))
        await asyncio.sleep(0)
        cancel.cancel()
        with pytest.raises(ikcrm.CancelledError):
            await cancelled
        await client.close()
        with pytest.raises(ikcrm.CancelledError):
            await closed

    asyncio.run(asyncio.wait_for(main(), LONG / 2))


def test_an_on_token_that_does_not_return_holds_no_call_beyond_its_end(
    crm: Crm,
) -> None:
    crm.answer_by(sign_in)
    stuck = Stuck()
    client = crm.client(**ACCOUNT, on_token=lambda _: stuck.get())
    with pytest.raises(ikcrm.RequestTimeoutError, match="waiting for the token store") as raised:
        client.update_opportunity(1, **FIELDS, timeout=2)
    assert not raised.value.may_have_been_applied
    # The token is there, and needs no hook.
    assert client.update_opportunity(1, **FIELDS).id == 1
    stuck.go_on.set()


# --- stores that do not answer ----------------------------------------------------------------


@contextmanager
def held_file(folder: Path) -> Iterator[str]:
    """The URL of a quota's file whose lock somebody else has."""
    path = folder / "quota"
    path.touch()
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield path.as_uri()


@contextmanager
def stopped_redis(_: Path) -> Iterator[str]:
    """The URL of a Redis server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        while "Ready to accept connections" not in server.stdout.readline():
            pass
        server.send_signal(signal.SIGSTOP)
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.kill()


redis = pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
stalled_store = pytest.mark.parametrize(
    "stalled", [held_file, pytest.param(stopped_redis, marks=redis)]
)


@stalled_store
def test_a_stalled_store_is_probed_once_for_all_and_nothing_is_sent(
    stalled: Any, crm: Crm, tmp_path: Path
) -> None:
    with stalled(tmp_path) as store, ThreadPoolExecutor(16) as pool:
        quota = ikcrm.Quota(store=store, key="the company")
        client = crm.client(quota=quota, timeout=1)
        begun = time.monotonic()
        calls = [pool.submit(client.update_opportunity, 1, **FIELDS, max_wait=1) for _ in range(16)]
        ends = {type(call.exception(LONG)) for call in calls}
        took = time.monotonic() - begun
        # A client with a fallback waits until it may go on alone, and lends that to nobody.
        with_fallback = ikcrm.Quota(store=store, key="the company", fallback=0.5)
        with pytest.raises(ikcrm.QuotaExceededError):
            crm.client(quota=with_fallback).update_opportunity(1, **FIELDS, max_wait=2)
        with pytest.raises(ikcrm.QuotaStoreError):
            client.update_opportunity(1, **FIELDS)
        client.close()
    assert ends <= {ikcrm.QuotaStoreError, ikcrm.QuotaExceededError}
    assert took < SOON
    assert crm.requests == []


class SilentRedis:
    """Takes connections and says nothing; counts how many are open at a time."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}"
        self.probes, self.most_at_once = 0, 0
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        """Takes connections until it is stopped."""
        with self._server:
            while (connection := self._server.accept()[0]).recv(1, socket.MSG_PEEK) != b"Q":
                # Whoever hung up before this one came is gone.
                self._open = [other for other in self._open if not self._has_ended(other)]
                self._open.append(connection)
                self.probes += 1
                self.most_at_once = max(self.most_at_once, len(self._open))
                connection.setblocking(False)
        for left in (*self._open, connection):
            left.close()

    def stop(self) -> None:
        with socket.create_connection(self._server.getsockname()) as end:
            end.sendall(b"Q")

    @staticmethod
    def _has_ended(connection: socket.socket) -> bool:
        try:
            while connection.recv(4096):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        connection.close()
        return True


def test_16_threads_ask_a_silent_redis_one_at_a_time(crm: Crm) -> None:
    redis = SilentRedis()
    quota = ikcrm.Quota(store=redis.url, key="the company")
    clients = [crm.client(quota=quota, timeout=1) for _ in range(4)]
    barrier = threading.Barrier(16)

    def call(client: ikcrm.Client) -> None:
        barrier.wait(LONG)
        client.update_opportunity(1, **FIELDS, max_wait=1)

    with in_thread(redis.serve), ThreadPoolExecutor(16) as pool:
        begun = time.monotonic()
        calls = [pool.submit(call, client) for client in clients * 4]
        ends = {type(call.exception(LONG)) for call in calls}
        took = time.monotonic() - begun
        redis.stop()
    assert ends <= {ikcrm.QuotaStoreError, ikcrm.QuotaExceededError}
    assert took < SOON
    assert redis.most_at_once == 1
    # Each takes a second, and nobody waits for longer.
    assert redis.probes <= 3
    assert crm.requests == []


@stalled_store
def test_closing_and_cancelling_do_not_wait_for_a_stalled_store(
    stalled: Any, crm: Crm, tmp_path: Path
) -> None:
    with stalled(tmp_path) as store, ThreadPoolExecutor(2) as pool:
        quota = ikcrm.Quota(store=store, key="the company")
        client, cancel = crm.client(quota=quota), ikcrm.Cancel()
        cancelled = pool.submit(client.update_opportunity, 1, **FIELDS, cancel=cancel)
        closed = pool.submit(client.update_opportunity, 1, **FIELDS)
        cancel.cancel()
        client.close()
        ends = {type(call.exception(LONG)) for call in (cancelled, closed)}
        # It may have been told in the same moment that the store is away.
        assert ends <= {ikcrm.CancelledError, ikcrm.QuotaStoreError, RuntimeError}
        assert type(cancelled.exception()) is ikcrm.CancelledError
    assert crm.requests == []


@stalled_store
def test_ctrl_c_does_not_wait_for_a_stalled_store(stalled: Any, crm: Crm, tmp_path: Path) -> None:
    with stalled(tmp_path) as store:
        client = crm.client(quota=ikcrm.Quota(store=store, key="the company"))

        def interrupt() -> None:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        signal.signal(signal.SIGALRM, lambda *_: interrupt())
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            client.update_opportunity(1, **FIELDS)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert crm.requests == []


# --- forks ------------------------------------------------------------------------------------

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


def test_a_fork_is_told_to_the_core(crm: Crm) -> None:
    """A child with its parent's process id, as in a namespace of its own, has no other sign."""
    crm.answer_all()
    client = crm.client()
    client.update_opportunity(1, **FIELDS)
    ikcrm._native.forked()
    client.update_opportunity(1, **FIELDS)
    assert crm.requests[0].peer != crm.requests[1].peer


def test_forks_without_a_store_have_a_quota_each(crm: Crm) -> None:
    """As the guide says: who forks gives the quota a store."""
    crm.answer_all()
    client = crm.client(quota=ONE)
    client.update_opportunity(1, **FIELDS)
    for number in (2, 3):
        in_fork(partial(client.update_opportunity, number, **FIELDS))
    with pytest.raises(ikcrm.QuotaExceededError):
        client.update_opportunity(4, **FIELDS, max_wait=0)
    assert [request.path[-1] for request in crm.requests] == ["1", "2", "3"]


def test_a_fork_counts_its_own_calls(crm: Crm) -> None:
    crm.answer_all()
    client = crm.client(request_id=True)

    def call(id: int) -> str:
        meta = client.update_opportunity(id, **FIELDS).meta
        assert meta is not None
        assert (meta.attempts, meta.status) == (1, 200)
        assert meta.call_id.startswith(f"{os.getpid():x}-")
        return meta.call_id

    before = call(1)
    in_fork(lambda: call(2))
    after = call(3)
    sent = [request.headers["x-request-id"] for request in crm.requests]
    assert (sent[0], sent[2]) == (before, after)
    assert len(set(sent)) == 3


def test_a_child_that_drops_its_parents_clients_ends_at_once(crm: Crm, tmp_path: Path) -> None:
    clients = [crm.client(quota=ikcrm.Quota(store=(tmp_path / "quota").as_uri(), key="k"))]
    crm.answer_all()
    clients[0].update_opportunity(1, **FIELDS)
    child = os.fork()
    if child == 0:
        clients.clear()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert clients[0].update_opportunity(1, **FIELDS).id == 1


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is not installed")
def test_a_child_with_its_parents_id_uses_no_socket_of_its_parents(crm: Crm) -> None:
    code = """
import os, subprocess, sys
import ikcrm
client = ikcrm.Client(token="t", base_url=sys.argv[1], quota=None)
client.update_opportunity(1, title="ccc", customer_id=1)
if os.getpid() != 1:
    sys.exit("not the first process of its namespace")
import ctypes
CLONE_NEWPID = 0x20000000
if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWPID) != 0:
    sys.exit("no namespace")
child = os.fork()
if child == 0:
    assert os.getpid() == 1
    client.update_opportunity(2, title="ccc", customer_id=1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
client.update_opportunity(3, title="ccc", customer_id=1)
print("done")
"""
    crm.answer_all()
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", code, crm.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    if done.returncode != 0 and "unshare" in done.stderr:
        pytest.skip("this machine makes no process namespaces")
    assert done.stdout == "done\n", done.stderr
    parent, child, again = [request.peer for request in crm.requests]
    assert child != parent
    assert again == parent


def test_a_pool_of_forks_goes_on_with_its_parents_token(crm: Crm) -> None:
    crm.answer_by(sign_in)
    code = """
import multiprocessing, sys, warnings
import ikcrm
warnings.simplefilter("ignore")
client = ikcrm.Client(login="demo", password="p", base_url=sys.argv[1], quota=None)
def call(id):
    return client.update_opportunity(id, title="ccc", customer_id=1).id
call(1)
with multiprocessing.get_context("fork").Pool(4) as pool:
    assert pool.map(call, range(2, 82), chunksize=5) == list(range(2, 82))
print("done")
"""
    with python(code, crm.url) as child:
        assert child.communicate(timeout=LONG) == ("done\n", "")
    assert sum(request.path.endswith("/login") for request in crm.requests) == 1
    assert len(crm.requests) == 82


# --- sign-in ----------------------------------------------------------------------------------


def bad_gateway(request: Any) -> None:
    request.answer("<html>bad gateway</html>", 502)


@pytest.mark.parametrize("answer", [bad_gateway, lambda request: request.end()])
def test_an_endpoint_that_fails_gets_one_sign_in_an_interval(
    answer: Callable[[Any], None], crm: Crm
) -> None:
    crm.answer_by(answer)
    client = crm.client(**ACCOUNT)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.update_opportunity, 1, **FIELDS) for _ in range(40)]
        assert all(isinstance(call.exception(LONG), ikcrm.IkcrmError) for call in calls)
    assert len(crm.requests) == 1


def test_clients_made_for_each_call_sign_in_once(crm: Crm) -> None:
    crm.answer_by(sign_in)
    for number in range(20):
        with crm.client(**ACCOUNT) as client:
            assert client.update_opportunity(number + 1, **FIELDS).id == number + 1
    assert sum(request.path.endswith("/login") for request in crm.requests) == 1


def test_threads_with_a_client_each_sign_in_once(crm: Crm) -> None:
    with ThreadPoolExecutor(20) as pool:
        calls = [
            pool.submit(lambda: crm.client(**ACCOUNT).update_opportunity(1, **FIELDS))
            for _ in range(20)
        ]
        sign_in(crm.arrived(1))
        crm.answer_by(sign_in)
        assert [call.result(LONG).id for call in calls] == [1] * 20
    assert sum(request.path.endswith("/login") for request in crm.requests) == 1
