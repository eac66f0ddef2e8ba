"""Holds the package to the tables of the contract, `crates/ikcrm/contract`."""

import pydoc
import re
import subprocess
import sys
import typing
from typing import Any

import pytest
from support import Crm, table

import ikcrm
from ikcrm import arguments, errors, jobs, records

CLASSES = table("errors")
OPTIONS = table("options")
RECORDS = {
    name: {attribute: row["kind"] for attribute, row in record["attributes"].items()}
    for name, record in table("answer").items()
}
ANNOTATIONS = {
    "id": "int | None",
    "text": "str | None",
    "choice": "str | None",
    "percent": "str | None",
    "money": "Decimal | None",
    "number": "float | None",
    "bool": "bool | None",
    "date": "date | None",
    "datetime": "datetime | None",
}
TYPES = {"id": "Id", "text": "str", "money": "Amount", "option": "Id", "date": "Day"}


def annotations(typed_dict: Any) -> dict[str, str]:
    """The names and types of a `TypedDict`, with those it inherits."""
    return {
        name: getattr(kind, "__forward_arg__", kind)
        for name, kind in typed_dict.__annotations__.items()
    }


def test_the_fields_are_those_of_the_table() -> None:
    declared = annotations(ikcrm.OpportunityFields)
    assert declared.pop("custom") == "Mapping[str, CustomValue]"
    assert declared == {
        row["name"]: TYPES[row["kind"]] + (" | None" if row["nullable"] else "")
        for row in table("fields")
    }


def test_the_documentation_lists_the_fields_and_is_short() -> None:
    told = pydoc.plain(pydoc.render_doc(ikcrm.Client.update_opportunity))
    names = {row["name"] for row in table("fields")}
    assert names <= set(re.findall(r"\w+", told))
    assert len(pydoc.render_doc(ikcrm).splitlines()) < 100
    program = subprocess.run([sys.executable, "-m", "pydoc", "ikcrm"], capture_output=True)
    assert 50 < len(program.stdout.splitlines()) < 100


def test_the_client_options_are_those_of_the_table() -> None:
    rows = [*OPTIONS["client"], *OPTIONS["hooks"]]
    assert set(annotations(ikcrm.ClientOptions)) == {row["name"] for row in rows}


def test_the_settings_of_a_quota_are_those_of_the_table() -> None:
    assert list(vars(ikcrm.Quota)["__annotations__"]) == [row["name"] for row in OPTIONS["quota"]]


def test_the_facts_of_events_are_those_of_the_table() -> None:
    facts = {fact for row in table("events")["events"].values() for fact in row["facts"]}
    assert set(ikcrm.Event._fields) == {"name", *facts}


def test_what_a_call_cost_is_told_as_the_table_says() -> None:
    assert list(ikcrm.CallMeta._fields) == table("events")["meta"]


def test_the_call_options_are_those_of_the_table() -> None:
    beside_fields = set(annotations(ikcrm.OpportunityUpdate)) - set(
        annotations(ikcrm.OpportunityFields)
    )
    assert set(annotations(ikcrm.CallOptions)) == {row["name"] for row in OPTIONS["call"]}
    assert beside_fields == {row["name"] for row in [*OPTIONS["call"], *OPTIONS["update"]]}


def test_the_options_of_a_job_are_those_of_the_table() -> None:
    both = set(annotations(arguments.JobOptions))
    planning, applying = (
        set(annotations(kind)) - both for kind in (ikcrm.PlanOptions, ikcrm.ApplyOptions)
    )
    sheets = set(annotations(ikcrm.SheetOptions)) - set(annotations(ikcrm.PlanOptions))
    assert planning == jobs.PLAN_ONLY == {row["name"] for row in OPTIONS["plan"]}
    assert sheets == jobs.SHEET_ONLY == {row["name"] for row in OPTIONS["sheet"]}
    rows = [*OPTIONS["apply"], *OPTIONS["apply_hooks"]]
    assert applying == jobs.APPLY_ONLY == {row["name"] for row in rows}
    assert set(annotations(ikcrm.UpdatesOptions)) == both | planning | sheets | applying


def test_the_parts_of_a_query_are_those_of_the_table() -> None:
    beside_options = set(annotations(ikcrm.OpportunityQuery)) - set(annotations(ikcrm.CallOptions))
    assert beside_options == {row["name"] for row in table("query")}


@pytest.mark.parametrize(("name", "attributes"), RECORDS.items())
def test_the_attributes_are_those_of_the_table(name: str, attributes: dict[str, str]) -> None:
    expected = {
        attribute: f"tuple[{kind[1:-1]}, ...]"
        if kind.startswith("[")
        else ANNOTATIONS.get(kind, f"{kind} | None")
        for attribute, kind in attributes.items()
    }
    record = getattr(records, name)
    assert {k: v for k, v in record.__annotations__.items() if not k.startswith("_")} == expected
    empty = record("{}")
    for attribute, kind in attributes.items():
        assert getattr(empty, attribute) == (() if kind.startswith("[") else None)


@pytest.mark.parametrize("row", CLASSES["classes"], ids=lambda row: row["class"])
def test_the_class_is_as_the_table_has_it(row: dict[str, Any]) -> None:
    error = getattr(ikcrm, row["class"])
    assert error is getattr(errors, row["class"])
    assert error.code == (row["code"] or "error")
    parents = [base.__name__ for base in error.__bases__]
    assert parents == [row["parent"] or "Exception", *row["python_also"]]


def test_there_are_no_other_classes() -> None:
    declared = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert declared == {row["class"] for row in CLASSES["classes"]}


def test_every_error_has_the_attributes() -> None:
    error = ikcrm.IkcrmError("text")
    for row in CLASSES["attributes"]:
        assert hasattr(error, row["name"])
    assert set(vars(error)) | {"code"} == {row["name"] for row in CLASSES["attributes"]}


def test_the_field_codes_are_those_of_the_table() -> None:
    assert list(typing.get_args(errors.FieldErrorCode)) == CLASSES["field_codes"]


@pytest.mark.parametrize("row", CLASSES["api_codes"], ids=lambda row: str(row["api_code"]))
def test_the_code_raises_its_class(row: dict[str, Any], crm: Crm) -> None:
    crm.answer_all(f'{{"code":{row["api_code"]},"message":"m"}}')
    with pytest.raises(ikcrm.ApiError) as raised:
        crm.client().update_opportunity(1, title="t", customer_id=1)
    assert type(raised.value) is errors.BY_CODE[row["code"]]
    assert raised.value.api_code == row["api_code"]


def test_all_public_names_are_exported() -> None:
    names = ikcrm.__all__
    assert ["CLEAR", *sorted(set(names) - {"CLEAR"})] == names
    # pytest leaves names that begin with @ where it rewrites assertions.
    public = {name for name in vars(ikcrm) if not name.startswith(("_", "@"))}
    modules = {
        "arguments",
        "async_client",
        "client",
        "errors",
        "events",
        "jobs",
        "json_text",
        "field_map",
        "lists",
        "meta",
        "quota",
        "records",
        "sandbox",
        "testing",
        "settings",
        "tables",
        "update_job",
    }
    assert public - modules == set(names) - {"__version__"}
    assert arguments.OpportunityUpdate is ikcrm.OpportunityUpdate


def test_a_star_brings_these_names_and_no_modules() -> None:
    brought: dict[str, object] = {}
    exec("from ikcrm import *", brought)
    assert brought.keys() - {"__builtins__"} == set(ikcrm.__all__)


def test_a_name_that_is_not_there_is_told_as_any_other() -> None:
    with pytest.raises(AttributeError) as raised:
        ikcrm.Clent  # type: ignore[attr-defined]  # noqa: B018
    assert str(raised.value) == "module 'ikcrm' has no attribute 'Clent'"
    assert (raised.value.name, raised.value.obj) == ("Clent", ikcrm)
