"""Runs the vectors of `tests/vectors` through the package against the scripted server."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support import TESTS, TOKEN, load

import ikcrm

Case = dict[str, Any]

ABSENT = object()
SPELT: dict[str, Callable[[Any], object]] = {
    "$decimal": Decimal,
    "$int": int,
    "$float": float,
    "$date": date.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$absent": lambda _: ABSENT,
}
CASES = [
    pytest.param(case, id=case["id"])
    for file in sorted((TESTS / "vectors").iterdir())
    for case in load(f"vectors/{file.name}")
]


class ScriptedServer:
    """Speaks with the scripted server: a line of JSON there, a line back."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **request: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    pipe = subprocess.PIPE
    process = subprocess.Popen([server_path()], stdin=pipe, stdout=pipe, text=True)
    yield ScriptedServer(process)
    process.communicate()  # it ends when its input does


def server_path() -> str:
    path = os.environ.get("IKCRM_SCRIPTED_SERVER")
    if path is not None:
        return path
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.check_output(command, cwd=TESTS))
    return str(Path(metadata["target_directory"], "debug/scripted-server"))


def spell(value: Any) -> Any:
    """The value as Python has it."""
    if isinstance(value, list):
        return [spell(item) for item in value]
    if not isinstance(value, dict):
        return value
    for name, inner in value.items():
        if name in SPELT:
            return SPELT[name](inner)
    spelt = {name: spell(inner) for name, inner in value.items()}
    return {name: inner for name, inner in spelt.items() if inner is not ABSENT}


def call(client: Any, call: Case) -> Any:
    arguments = spell(call)
    return client.update_opportunity(
        arguments.pop("id"), **arguments.pop("fields", {}), **arguments
    )


def play_blocking(case: Case, options: Any) -> Any:
    client = ikcrm.Client(**options)
    for _ in range(1, case.get("times", 1)):
        with suppress(ikcrm.IkcrmError):
            call(client, case["call"])
    return call(client, case["call"])


def play_async(case: Case, options: Any) -> Any:
    async def play() -> Any:
        client = ikcrm.AsyncClient(**options)
        for _ in range(1, case.get("times", 1)):
            with suppress(ikcrm.IkcrmError):
                await call(client, case["call"])
        return await call(client, case["call"])

    return asyncio.run(play())


@pytest.mark.parametrize("play", [play_blocking, play_async])
@pytest.mark.parametrize("case", CASES)
def test_the_vector_holds(
    case: Case, play: Callable[[Case, Any], Any], server: ScriptedServer
) -> None:
    address = server.ask(start=case)
    options = spell({"token": TOKEN, "quota": None, **address, **case.get("client", {})})
    store = Store(**case["store"]) if "store" in case else None
    tokens: list[str] = []
    options |= {"token_store": store, "on_token": tokens.append}
    try:
        outcome = play(case, options)
    except ikcrm.IkcrmError as error:
        outcome = error
    assert server.ask(finish=True)["problems"] == []
    expected = dict(case["outcome"])
    assert expected.pop("tokens", tokens) == tokens
    assert "stored" not in expected or expected.pop("stored") == (store and store.token)
    if "error" in expected:
        assert isinstance(outcome, ikcrm.IkcrmError), outcome
        check_error(outcome, **expected["error"])
    else:
        assert isinstance(outcome, ikcrm.Opportunity), outcome
        check_opportunity(outcome, **expected)


class Store:
    """A token store of the test's own."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def get(self) -> str | None:
        return self.token

    def set(self, token: str) -> None:
        self.token = token


def check_opportunity(
    record: ikcrm.Opportunity,
    opportunity: dict[str, Any] | None = None,
    raw: dict[str, Any] | None = None,
    keys: list[str] | None = None,
) -> None:
    for path, expected in (opportunity or {}).items():
        value = at(record, path)
        value = len(value) if isinstance(value, tuple) else value
        assert (value, type(value)) == (spell(expected), type(spell(expected))), path
    for key, expected in (raw or {}).items():
        assert record[key] == expected, key
    assert keys is None or list(record) == keys


def at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    return value


def check_error(
    error: ikcrm.IkcrmError,
    fields: list[list[str]] | None = None,
    enterprises: list[list[str]] | None = None,
    message_contains: str = "",
    field_messages_contain: list[str] | None = None,
    **plain: object,
) -> None:
    for name, expected in plain.items():
        assert getattr(error, name) == expected, name
    assert message_contains in error.message
    assert enterprises is None or [[*choice] for choice in error.enterprises] == enterprises
    assert fields is None or [[fault.field, fault.code] for fault in error.fields] == fields
    for fault, part in zip(error.fields, field_messages_contain or [], strict=False):
        assert part in fault.message


def test_there_are_many_vectors() -> None:
    assert len(CASES) >= 80
