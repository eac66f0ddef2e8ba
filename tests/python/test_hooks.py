"""Token stores and `on_token`: what they raise, and that they keep no client alive."""

import asyncio
import gc
import signal
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from support import FIELDS, LONG, Crm, Request, in_thread, python, wait

import ikcrm

ACCOUNT = {"token": None, "login": "demo", "password": "test-password"}


def sign_in(request: Request) -> None:
    """Signs in, and answers updates."""
    login = request.path.endswith("/login")
    request.answer('{"code":0,"data":{"user_token":"new-1"}}' if login else None)


class Store:
    """A token store that raises, each time that it is asked or only when it is told."""

    def __init__(self, get: BaseException | None = None, set: BaseException | None = None) -> None:
        self.raises = {"get": get, "set": set}

    def get(self) -> str | None:
        self._raise("get")
        return None

    def set(self, _: str) -> None:
        self._raise("set")

    def _raise(self, name: str) -> None:
        error = self.raises[name]
        if error is not None:
            raise error


def blocking(crm: Crm, **options: Any) -> Any:
    return crm.client(**ACCOUNT, **options).update_opportunity(1, **FIELDS)


def awaited(crm: Crm, **options: Any) -> Any:
    return asyncio.run(crm.async_client(**ACCOUNT, **options).update_opportunity(1, **FIELDS))


@pytest.mark.parametrize("call", [blocking, awaited])
@pytest.mark.parametrize("step", ["get", "set"])
def test_what_a_store_raises_is_the_cause(call: Callable[..., Any], step: str, crm: Crm) -> None:
    crm.answer_by(sign_in)
    error = OSError("the disk is full")
    with pytest.raises(ikcrm.TokenStoreError, match="the disk is full") as raised:
        call(crm, token_store=Store(**{step: error}))
    assert raised.value.__cause__ is error
    assert traceback.extract_tb(error.__traceback__)[-1].name == "_raise"
    assert not raised.value.may_have_been_applied


@pytest.mark.parametrize("call", [blocking, awaited])
@pytest.mark.parametrize("error", [KeyboardInterrupt("mine"), SystemExit(3)], ids=repr)
@pytest.mark.parametrize("step", ["get", "set", "on_token"])
def test_what_ends_a_program_passes(
    call: Callable[..., Any], error: BaseException, step: str, crm: Crm
) -> None:
    crm.answer_by(sign_in)

    def on_token(_: str) -> None:
        raise error

    hooks = (
        {"on_token": on_token} if step == "on_token" else {"token_store": Store(**{step: error})}
    )
    with pytest.raises(type(error)) as raised:
        call(crm, **hooks)
    assert raised.value is error
    assert isinstance(error.__cause__, ikcrm.TokenStoreError)
    error.__cause__ = None


def test_ctrl_c_in_a_store_passes(crm: Crm) -> None:
    class Slow(Store):
        def get(self) -> str | None:
            signal.raise_signal(signal.SIGINT)
            return "not reached"

    with pytest.raises(KeyboardInterrupt):
        blocking(crm, token_store=Slow())
    assert crm.requests == []


def test_one_of_the_calls_that_wait_for_a_token_ends_the_program(crm: Crm) -> None:
    asked, go_on = threading.Event(), threading.Event()

    class Interrupted(Store):
        def get(self) -> str | None:
            asked.set()
            wait(go_on)
            raise KeyboardInterrupt

    client = crm.client(token=None, token_store=Interrupted())

    ends: list[BaseException] = []

    def call() -> None:
        try:
            client.get_opportunity(1)
        except BaseException as error:
            ends.append(error)

    # The handler runs when this thread looks for signals, which it does while it waits.
    before = signal.signal(signal.SIGALRM, lambda *_: go_on.set())
    with in_thread(call):
        wait(asked)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        call()
    signal.signal(signal.SIGALRM, before)
    (interrupt,) = (end for end in ends if isinstance(end, KeyboardInterrupt))
    (failure,) = (end for end in ends if isinstance(end, ikcrm.TokenStoreError))
    assert failure.__cause__ is interrupt


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_hook_raises_does_not_end_its_call(crm: Crm) -> None:
    crm.answer_by(sign_in)

    def on_token(_: str) -> None:
        raise OSError("mine")

    assert blocking(crm, on_token=on_token).id == 1


class Stuck(Store):
    """A token store that does not return before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def get(self) -> str | None:
        self.asked.set()
        wait(self.go_on)
        return None


def test_a_stuck_store_holds_no_call_beyond_its_end(crm: Crm) -> None:
    store = Stuck()
    client = crm.client(token=None, token_store=store)
    with pytest.raises(ikcrm.RequestTimeoutError, match="waiting for the token store"):
        client.get_opportunity(1, timeout=0.1)
    store.go_on.set()


def test_ctrl_c_ends_a_call_whose_store_is_stuck(crm: Crm) -> None:
    store = Stuck()
    client = crm.client(token=None, token_store=store)

    def interrupt() -> None:
        wait(store.asked)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with in_thread(interrupt), pytest.raises(KeyboardInterrupt):
        client.get_opportunity(1)
    store.go_on.set()


def test_a_stuck_store_holds_no_task(crm: Crm) -> None:
    store = Stuck()

    async def main() -> None:
        client = crm.async_client(token=None, token_store=store)
        task = asyncio.create_task(client.update_opportunity(1, **FIELDS))
        await asyncio.to_thread(wait, store.asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(main(), LONG / 2))
    store.go_on.set()


def test_a_stuck_store_does_not_hang_the_exit(crm: Crm) -> None:
    code = """
import sys, threading
import ikcrm
class Store:
    def get(self):
        threading.Event().wait()
    def set(self, token):
        pass
try:
    ikcrm.Client(base_url=sys.argv[1], token_store=Store(), timeout=0.1).get_opportunity(1)
except ikcrm.RequestTimeoutError:
    print("in time")
"""
    with python(code, crm.url) as child:
        assert child.communicate(timeout=LONG / 2) == ("in time\n", "")
    assert child.returncode == 0


class AsyncStore:
    """A token store that other tasks of its loop must let run."""

    def __init__(self, token: str | None = None, error: BaseException | None = None) -> None:
        self.token = token
        self.error = error
        self.loops: list[asyncio.AbstractEventLoop] = []

    async def get(self) -> str | None:
        await self._turn()
        return self.token

    async def set(self, token: str) -> None:
        await self._turn()
        self.token = token

    async def _turn(self) -> None:
        self.loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


def test_an_async_store_runs_on_the_loop_of_its_call(crm: Crm) -> None:
    crm.answer_by(sign_in)
    store = AsyncStore()

    async def main() -> None:
        client = crm.async_client(**ACCOUNT, token_store=store)
        assert (await client.update_opportunity(1, **FIELDS)).id == 1
        assert store.token == "new-1"
        assert store.loops == [asyncio.get_running_loop()] * 2

    asyncio.run(main())
    store.token = "other"
    client = crm.async_client(token=None, token_store=store)
    for _ in range(2):
        asyncio.run(client.update_opportunity(1, **FIELDS))
    assert "token=other," in crm.requests[-1].headers["authorization"]
    assert len(store.loops) == 3  # it was asked once


def test_what_an_async_store_raises_is_the_cause(crm: Crm) -> None:
    error = OSError("the disk is full")
    with pytest.raises(ikcrm.TokenStoreError) as raised:
        awaited(crm, token_store=AsyncStore(error=error))
    assert raised.value.__cause__ is error


def test_an_async_store_is_refused_by_a_client_that_cannot_await(crm: Crm) -> None:
    with pytest.raises(
        ikcrm.ConfigError, match=r"get\(\) is a coroutine function: use AsyncClient"
    ):
        blocking(crm, token_store=AsyncStore())

    class Hidden(Store):
        def get(self) -> Any:
            return Awaitable()

    class Awaitable:
        def __await__(self) -> Any:
            yield

    with pytest.raises(ikcrm.TokenStoreError, match="use AsyncClient"):
        blocking(crm, token_store=Hidden())


def test_a_store_of_a_loop_that_ends_holds_nothing_up(crm: Crm) -> None:
    code = """
import asyncio, sys, warnings
import ikcrm
warnings.simplefilter("ignore")
class Store:
    async def get(self):
        asked.set()
        await asyncio.sleep(3600)
    async def set(self, token):
        pass
client = ikcrm.AsyncClient(base_url=sys.argv[1], token_store=Store())
loop = asyncio.new_event_loop()
asked = asyncio.Event()
task = loop.create_task(client.update_opportunity(1, title="t", customer_id=1))
loop.run_until_complete(asked.wait())
"""
    with python(code, crm.url) as child:
        child.communicate(timeout=LONG / 2)
    assert child.returncode == 0


class Program:
    """A program whose client's hooks are its own methods."""

    def __init__(self, kind: Any, **options: Any) -> None:
        self.tokens: list[str] = []
        self.client = kind(**options, on_token=self.tokens_are, token_store=self)

    def tokens_are(self, token: str) -> None:
        self.tokens.append(token)

    def get(self) -> str | None:
        return None

    def set(self, token: str) -> None:
        self.tokens.append(token)


@pytest.mark.parametrize("kind", [ikcrm.Client, ikcrm.AsyncClient])
def test_a_client_whose_hooks_refer_to_it_is_collected(kind: Any, crm: Crm) -> None:
    program = Program(kind, **crm.options(**ACCOUNT))
    alive = weakref.ref(program)
    del program
    gc.collect()
    assert alive() is None


def test_a_client_that_was_used_and_closed_is_collected(crm: Crm) -> None:
    crm.answer_by(sign_in)
    program = Program(ikcrm.Client, **crm.options(**ACCOUNT))
    program.client.update_opportunity(1, **FIELDS)
    rows = program.client.list_opportunities()
    program.client.close()
    alive = weakref.ref(program)
    del program, rows
    gc.collect()
    assert alive() is None


def test_a_list_keeps_its_clients_hooks(crm: Crm) -> None:
    crm.answer_by(sign_in)
    tokens: list[str] = []

    def begin() -> ikcrm.OpportunityList:
        program = Program(ikcrm.Client, **crm.options(**ACCOUNT))
        tokens_of.append(program.tokens)
        rows: ikcrm.OpportunityList = program.client.list_opportunities()
        return rows

    tokens_of = [tokens]
    rows = begin()
    gc.collect()
    with pytest.raises(ikcrm.InvalidAnswerError):  # the sample is no list
        next(rows)
    assert tokens_of[-1] == ["new-1", "new-1"]


def test_a_call_under_way_keeps_its_clients_hooks(crm: Crm) -> None:
    told = threading.Event()

    def begin() -> None:
        program = Program(ikcrm.AsyncClient, **crm.options(**ACCOUNT))
        vars(program)["set"] = lambda _: told.set()
        program.client._native.update_opportunity(1, dict(FIELDS), lambda *_: None)

    begin()
    request = crm.arrived(1)
    gc.collect()
    sign_in(request)
    wait(told)
    crm.answer_by(sign_in)


def test_a_panic_of_a_hook_does_not_hang_the_exit(crm: Crm) -> None:
    crm.answer_by(sign_in)
    code = """
import asyncio, sys
import ikcrm
try:
    ikcrm.Client()
except ikcrm.ConfigError:
    pass
panic = next(c for c in BaseException.__subclasses__() if c.__name__ == "PanicException")
def on_token(token):
    raise panic("mine")
client = ikcrm.AsyncClient(login="demo", password="p", base_url=sys.argv[1], on_token=on_token)
async def main():
    try:
        await client.update_opportunity(1, title="t", customer_id=1)
    except BaseException as error:
        print(type(error).__name__)
asyncio.run(main())
"""
    with python(code, crm.url) as child:
        output, _ = child.communicate(timeout=LONG / 2)
    assert child.returncode == 0
    assert output == "TokenStoreError\n"


@pytest.mark.parametrize("hook", ["get", "set", "on_token", "on_event"])
def test_a_hook_may_close_its_client(hook: str, crm: Crm) -> None:
    crm.answer_by(sign_in)
    closed = threading.Event()

    def close(*_: object) -> None:
        if not closed.is_set():
            closed.set()
            client.close(timeout=0)

    class Closing:
        def get(self) -> None:
            if hook == "get":
                close()

        def set(self, _: str) -> None:
            if hook == "set":
                close()

    hooks: dict[str, Any] = {"token_store": Closing()}
    if hook.startswith("on_"):
        hooks[hook] = close
    client = crm.client(**ACCOUNT, **hooks)
    if hook == "on_event":  # told when the call has its answer
        assert client.update_opportunity(1, **FIELDS).id == 1
    else:
        with pytest.raises(ikcrm.CancelledError, match=r"^the client is closed$"):
            client.update_opportunity(1, **FIELDS)
    assert closed.is_set()
    with pytest.raises(RuntimeError, match=r"^the client is closed$"):
        client.update_opportunity(1, **FIELDS)
