"""Runs the vectors of `tests/vectors` through the package against the scripted server."""

import asyncio
import json
import os
import re
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from support import TESTS, TOKEN, load, table

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
EVENTS = table("events")
SECRETS = (TOKEN, "test-password-0123456789", "hidden-secret")
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


def begin(client: Any, call: Case) -> Any:
    """Makes the call; of a list, begins it."""
    arguments = spell(call)
    method = arguments.pop("method", "update_opportunity")
    if method == "list_opportunities":
        arguments.pop("take", None)
        return client.list_opportunities(**arguments.pop("query", {}), **arguments)
    if method == "field_map":
        return client.field_map(arguments.pop("entity"), **arguments)
    if arguments.get("if_unchanged") is not None:
        arguments["if_unchanged"] = ikcrm.Opportunity(json.dumps(call["if_unchanged"]))
    return getattr(client, method)(arguments.pop("id"), **arguments.pop("fields", {}), **arguments)


def play_blocking(case: Case, options: Any) -> Any:
    client = ikcrm.Client(**options)

    def once() -> Any:
        outcome = begin(client, case["call"])
        if isinstance(outcome, ikcrm.OpportunityList):
            return outcome, list(islice(outcome, case["call"].get("take")))
        return outcome

    for _ in range(1, case.get("times", 1)):
        with suppress(ikcrm.IkcrmError):
            once()
    return once()


def play_async(case: Case, options: Any) -> Any:
    async def play() -> Any:
        client = ikcrm.AsyncClient(**options)

        async def once() -> Any:
            outcome = begin(client, case["call"])
            if isinstance(outcome, ikcrm.AsyncOpportunityList):
                return outcome, await taken(outcome, case["call"].get("take"))
            return await outcome

        for _ in range(1, case.get("times", 1)):
            with suppress(ikcrm.IkcrmError):
                await once()
        return await once()

    return asyncio.run(play())


async def taken(rows: ikcrm.AsyncOpportunityList, count: int | None) -> list[ikcrm.OpportunityRow]:
    found: list[ikcrm.OpportunityRow] = []
    while count is None or len(found) < count:
        row = await anext(rows, None)
        if row is None:
            break
        found.append(row)
    return found


@pytest.mark.parametrize("play", [play_blocking, play_async])
@pytest.mark.parametrize("case", CASES)
def test_the_vector_holds(
    case: Case,
    play: Callable[[Case, Any], Any],
    server: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "ikcrm")
    address = server.ask(start=case)
    options = spell({"token": TOKEN, "quota": None, **address, **case.get("client", {})})
    store = Store(**case["store"]) if "store" in case else None
    tokens: list[str] = []
    events: list[ikcrm.Event] = []
    options |= {
        "token_store": store,
        "on_token": tokens.append,
        "on_event": events.append,
    }
    try:
        outcome = play(case, options)
    except ikcrm.IkcrmError as error:
        outcome = error
    assert server.ask(finish=True)["problems"] == []
    if "meta" in case["outcome"]:
        check_meta(outcome, case["outcome"]["meta"])
    check_events(events, caplog)
    expected = dict(case["outcome"])
    expected.pop("meta", None)
    assert expected.pop("tokens", tokens) == tokens
    assert "stored" not in expected or expected.pop("stored") == (store and store.token)
    if "error" in expected:
        assert isinstance(outcome, ikcrm.IkcrmError), outcome
        check_error(outcome, **expected["error"])
    elif "field_map" in expected:
        assert isinstance(outcome, ikcrm.FieldMap), outcome
        for name, rows in expected["field_map"].items():
            assert [[*option] for option in outcome[name]] == rows
    elif "rows" in expected:
        check_list(*outcome, **expected)
    else:
        assert isinstance(outcome, ikcrm.Opportunity), outcome
        check_opportunity(outcome, **expected)


def check_events(events: list[ikcrm.Event], log: pytest.LogCaptureFixture) -> None:
    """The events and the lines of the log are one, and show no secret and no person."""
    assert [event.name for event in events if event.name not in EVENTS["events"]] == []
    assert len(log.messages) == len(events)
    # Times are left out: their digits may be those of a telephone number.
    shown = re.sub(r"\b\d+\.\d+(e-?\d+)?", "0", log.text + repr(events))
    assert [word for word in (*SECRETS, *EVENTS["never"]) if word in shown] == []
    for row in (event._asdict() for event in events):
        given = {name for name, value in row.items() if value is not None}
        assert given - {"name"} <= set(EVENTS["events"][row["name"]]["facts"]), row


def check_meta(outcome: Any, expected: dict[str, Any] | None) -> None:
    """What the call cost is as the vector says, and its text does not show the headers."""
    meta = (outcome[0] if isinstance(outcome, tuple) else outcome).meta
    if expected is None:
        assert meta is None
        return
    assert isinstance(meta, ikcrm.CallMeta)
    headers = expected.get("headers", {})
    assert {name: meta.headers.get(name) for name in headers} == headers
    assert [it for it in headers.values() if len(it or "") > 3 and it in repr(meta)] == []
    for name, value in expected.items():
        assert name == "headers" or getattr(meta, name) == value, name


def check_list(
    rows_of: ikcrm.OpportunityList | ikcrm.AsyncOpportunityList,
    found: list[ikcrm.OpportunityRow],
    rows: list[dict[str, Any]],
    **plain: object,
) -> None:
    assert len(found) == len(rows)
    for row, expected in zip(found, rows, strict=True):
        assert isinstance(row, ikcrm.OpportunityRow)
        check_opportunity(row, expected)
    for name, value in plain.items():
        assert getattr(rows_of, name) == value, name


class Store:
    """A token store of the test's own."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def get(self) -> str | None:
        return self.token

    def set(self, token: str) -> None:
        self.token = token


def check_opportunity(
    record: ikcrm.Record,
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
    body_excerpt_contains: str | None = None,
    **plain: object,
) -> None:
    for name, expected in plain.items():
        assert getattr(error, name) == expected, name
    assert message_contains in error.message
    # No message spells a name as another language does.
    for text in [error.message, *(fault.message for fault in error.fields)]:
        assert not re.search(r"\b(null|true|false|\w+Ms)\b", text), text
    assert enterprises is None or [[*choice] for choice in error.enterprises] == enterprises
    assert fields is None or [[fault.field, fault.code] for fault in error.fields] == fields
    if body_excerpt_contains is not None:
        assert body_excerpt_contains in (error.body_excerpt or "")
        shown = [
            str(error),
            repr(error),
            error.message,
            *traceback.format_exception(error),
        ]
        assert not any(body_excerpt_contains in text for text in shown)
    for fault, part in zip(error.fields, field_messages_contain or [], strict=False):
        assert part in fault.message


def test_there_are_many_vectors() -> None:
    assert len(CASES) >= 80
