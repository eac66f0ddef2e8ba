"""Token stores and `on_token`: what they raise, and that they keep no client alive."""

import asyncio
import gc
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from support import FIELDS, LONG, SAMPLE, Crm, Request, python, wait

import ikcrm

ACCOUNT = {"token": None, "login": "demo", "password": "test-password"}


def sign_in(request: Request) -> None:
    """Signs in, and answers updates."""
    login = request.path.endswith("/login")
    request.answer('{"code":0,"data":{"user_token":"new-1"}}' if login else SAMPLE)


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
    import signal

    class Slow(Store):
        def get(self) -> str | None:
            signal.raise_signal(signal.SIGINT)
            return "not reached"

    with pytest.raises(KeyboardInterrupt):
        blocking(crm, token_store=Slow())
    assert crm.requests == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_hook_raises_does_not_end_its_call(crm: Crm) -> None:
    crm.answer_by(sign_in)

    def on_token(_: str) -> None:
        raise OSError("mine")

    assert blocking(crm, on_token=on_token).id == 568587


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
        program.client._native.spawn_update_opportunity(1, dict(FIELDS), lambda *_: None)

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
    assert output.strip() in {"TransportError", "PanicException"}
