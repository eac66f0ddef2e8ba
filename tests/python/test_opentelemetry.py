"""The guide's recipe for OpenTelemetry, with the real SDK: spans of calls and of their requests."""

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer
from support import FIELDS, TESTS, Crm

import ikcrm

PUT = "PUT /api/v2/opportunities/:id"


def recipe() -> Callable[[Tracer], Any]:
    """The guide's `Spans`."""
    guide = (TESTS.parent / "crates/ikcrm/docs/en/calls.md").read_text(encoding="utf-8")
    code = re.search(r'^```python title="telemetry.py"\n(.*?)^```', guide, re.DOTALL | re.MULTILINE)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    spans: Callable[[Tracer], Any] = names["Spans"]
    return spans


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test")


def parent_of(span: ReadableSpan, spans: tuple[ReadableSpan, ...]) -> str | None:
    ids = {it.context.span_id: it.name for it in spans if it.context}
    return ids[span.parent.span_id] if span.parent else None


def test_a_call_is_a_span_with_a_child_for_each_attempt(
    crm: Crm, tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    crm.answer_by(lambda it: it.answer(status=503 if it is crm.requests[0] else 200))
    client = crm.client(on_event=recipe()(tracer))
    with tracer.start_as_current_span("caller"):
        client.update_opportunity(1, **FIELDS)
    spans = exporter.get_finished_spans()
    first, second, call, caller = spans
    assert [parent_of(it, spans) for it in spans] == [PUT, PUT, "caller", None]
    assert [it.status.status_code for it in spans[:3]] == [
        StatusCode.ERROR,
        StatusCode.UNSET,
        StatusCode.UNSET,
    ]
    assert [it.attributes and it.attributes["http.response.status_code"] for it in spans[:3]] == [
        503,
        200,
        200,
    ]
    assert [event.name for event in call.events] == ["retry_planned"]
    times = [caller.start_time, call.start_time, first.start_time, first.end_time]
    times += [second.start_time, second.end_time, call.end_time]
    known = [time for time in times if time is not None]
    assert len(known) == len(times)
    # Spans are placed by the moment when the call's end was told, a little after it.
    assert known[1:] == sorted(known[1:])


def test_threads_have_parents_of_their_own(
    crm: Crm, tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    crm.answer_all()
    client = crm.client(on_event=recipe()(tracer))

    def call(name: str) -> None:
        with tracer.start_as_current_span(name):
            client.update_opportunity(1, **FIELDS)

    names = [f"thread {number}" for number in range(4)]
    threads = [threading.Thread(target=call, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_parents(names, exporter.get_finished_spans())


def test_tasks_have_parents_of_their_own(
    crm: Crm, tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    crm.answer_all()
    names = [f"task {number}" for number in range(4)]

    async def calls() -> None:
        client = crm.async_client(on_event=recipe()(tracer))

        async def call(name: str) -> None:
            with tracer.start_as_current_span(name):
                await client.update_opportunity(1, **FIELDS)

        await asyncio.gather(*map(call, names))

    asyncio.run(calls())
    check_parents(names, exporter.get_finished_spans())


def check_parents(names: list[str], spans: tuple[ReadableSpan, ...]) -> None:
    calls = [it for it in spans if it.name == PUT and parent_of(it, spans) != PUT]
    assert sorted(parent_of(it, spans) or "" for it in calls) == names
    attempts = [it for it in spans if parent_of(it, spans) == PUT]
    assert len(attempts) == len(names)
    traces = {it.context.trace_id for it in calls if it.context}
    assert len(traces) == len(names)


def test_a_call_that_fails_says_so(
    crm: Crm, tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    crm.answer_all('{"code":100100,"message":"m"}')
    with pytest.raises(ikcrm.NotFoundError):
        crm.client(on_event=recipe()(tracer)).update_opportunity(1, **FIELDS)
    assert [it.status.description for it in exporter.get_finished_spans()] == ["not_found"] * 2
