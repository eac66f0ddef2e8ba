"""The answer: typed attributes, every key, and what Python expects of a value."""

import copy
import pickle
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter, ValidationError
from support import SAMPLE, load

import ikcrm

DATA: dict[str, Any] = load("contract/sample_answer.json")["data"]
PERSONAL = ("+8613801881465", "申江路")


def record(json: str) -> ikcrm.Opportunity:
    return ikcrm.Opportunity(json)


@pytest.fixture
def sample() -> ikcrm.Opportunity:
    start = SAMPLE.index('"data"')
    return record(SAMPLE[SAMPLE.index("{", start) : SAMPLE.rindex("}")].rstrip())


def test_attributes_have_pythons_types(sample: ikcrm.Opportunity) -> None:
    assert sample.id == 568587
    assert sample.expect_amount == Decimal("20000.0")
    assert str(sample.expect_amount) == "20000.0"
    assert sample.customer is not None
    assert sample.customer.created_at == datetime(2016, 7, 29, 13, 44)
    assert sample.customer.is_own is True
    assert isinstance(sample.customer, ikcrm.Customer)
    assert [type(contact) for contact in sample.customer.contacts] == [ikcrm.Contact] * 2
    address = sample.customer.address
    assert address is not None
    assert isinstance(address.lat, float)
    day = record('{"id": 1, "get_time": "2019-02-14"}').get_time
    assert (day, type(day)) == (date(2019, 2, 14), date)


def test_missing_objects_and_choices_are_none_and_missing_lists_are_empty() -> None:
    opportunity = record('{"id": 1, "user": {}, "creator": "", "customer": {}, "stage": ""}')
    for name in ("user", "creator", "customer", "stage", "note"):
        assert getattr(opportunity, name) is None
    assert ikcrm.Customer('{"contacts": []}').contacts == ()
    assert ikcrm.Customer("{}").contacts == ()


def test_every_key_is_there_in_order_as_it_came(sample: ikcrm.Opportunity) -> None:
    assert list(sample) == list(sample.keys()) == list(DATA)
    assert len(sample) == len(DATA)
    assert sample.to_dict() == dict(sample) == DATA
    assert list(sample.to_dict()) == list(DATA)
    assert record('{"id": 1, "user": {}}').to_dict() == {"id": 1, "user": {}}


def test_any_key_is_had_as_json_has_it() -> None:
    opportunity = record('{"id": 1, "x": [1, {"y": null}], "big": 123456789012345678901}')
    assert opportunity["x"] == opportunity.get("x") == [1, {"y": None}]
    assert opportunity["big"] == 123456789012345678901
    assert "x" in opportunity
    assert "y" not in opportunity
    assert 5 not in opportunity  # type: ignore[comparison-overlap]
    assert opportunity.get("y") is None
    assert opportunity.get("y", 7) == 7
    with pytest.raises(KeyError, match="y"):
        opportunity["y"]


def test_raw_is_the_text_that_came() -> None:
    text = '{ "id":1 ,"expect_amount" : "20000.0" }'
    assert record(text).raw == text


def test_a_value_of_another_type_is_told_and_stays_reachable() -> None:
    opportunity = record('{"id": 1, "get_time": "14.2.2019", "customer": [1]}')
    with pytest.raises(
        ikcrm.InvalidAnswerError, match=r"Opportunity\.get_time came in an unexpected"
    ):
        _ = opportunity.get_time
    with pytest.raises(ikcrm.InvalidAnswerError):
        _ = opportunity.customer
    assert opportunity["get_time"] == "14.2.2019"
    assert "14.2.2019" in opportunity._repr_html_()


def test_a_record_cannot_be_changed(sample: ikcrm.Opportunity) -> None:
    for name in ("title", "raw", "new"):
        with pytest.raises(AttributeError):
            setattr(sample, name, "x")
    with pytest.raises(TypeError):
        sample["title"] = "x"  # type: ignore[index]


def test_an_attribute_that_is_none_of_its_kind_is_refused(
    sample: ikcrm.Opportunity,
) -> None:
    with pytest.raises(AttributeError, match="titel"):
        _ = sample.titel  # type: ignore[attr-defined]


def test_editors_see_the_attributes(sample: ikcrm.Opportunity) -> None:
    assert {"title", "customer", "expect_amount", "to_dict"} <= set(dir(sample))


def test_equal_texts_of_one_kind_are_equal(sample: ikcrm.Opportunity) -> None:
    same, other = record(sample.raw), record('{"id": 2}')
    assert sample == same
    assert hash(sample) == hash(same)
    assert sample != other
    assert sample != sample.to_dict()
    assert ikcrm.User('{"id": 2}') != ikcrm.Department('{"id": 2}')
    assert len({sample, same, other}) == 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_records_can_be_pickled(sample: ikcrm.Opportunity, protocol: int) -> None:
    back = pickle.loads(pickle.dumps(sample, protocol))
    assert back == sample
    assert type(back) is ikcrm.Opportunity
    customer = pickle.loads(pickle.dumps(sample.customer, protocol))
    assert customer == sample.customer
    assert type(customer) is ikcrm.Customer


def test_records_can_be_copied(sample: ikcrm.Opportunity) -> None:
    assert copy.copy(sample) == copy.deepcopy(sample) == sample


def test_the_repr_is_short_and_shows_nothing_personal(
    sample: ikcrm.Opportunity,
) -> None:
    assert repr(sample) == str(sample) == f"<Opportunity 568587: {len(DATA)} keys>"
    assert repr(record("{}")) == "<Opportunity: 0 keys>"
    assert sample.customer is not None
    assert repr(sample.customer.contacts).startswith("(<Contact ")


def test_a_notebook_shows_a_table_and_nothing_personal(
    sample: ikcrm.Opportunity,
) -> None:
    assert sample.customer is not None
    records = [
        sample,
        sample.customer,
        *sample.customer.contacts,
        sample.customer.address,
    ]
    assert "<th>expect_amount</th><td>20000.0</td>" in sample._repr_html_()
    for shown in records:
        assert shown is not None
        html = shown._repr_html_()
        assert html.startswith("<table>")
        assert not any(text in html for text in PERSONAL)


def test_a_notebook_escapes_what_came() -> None:
    assert "<td>&lt;b&gt;</td>" in record('{"id": 1, "title": "<b>"}')._repr_html_()


def test_only_an_object_makes_a_record() -> None:
    for text in ("[]", "1", "", "{"):
        with pytest.raises(ValueError, match=r"line 1 column|expected"):
            record(text)
    with pytest.raises(TypeError, match="make one of its subclasses"):
        ikcrm.Record("{}")


class Mine(ikcrm.Opportunity):
    """A program's own kind of opportunity."""

    @property
    def label(self) -> str:
        return f"{self.title} ({self.id})"


def test_a_program_may_extend_a_record() -> None:
    mine = Mine('{"id": 1, "title": "t"}')
    assert mine.label == "t (1)"
    assert pickle.loads(pickle.dumps(mine)) == mine
    assert "<th>title</th>" in mine._repr_html_()


def test_a_record_is_a_mapping(sample: ikcrm.Opportunity) -> None:
    assert isinstance(sample, Mapping)
    assert {**sample} == dict(sample.items()) == DATA
    assert list(sample.values()) == list(DATA.values())
    assert sample.keys() >= {"id", "title"}
    match sample:
        case {"id": id}:
            assert id == 568587
        case _:
            pytest.fail("no mapping")


ROW = '{"id": 1, "title": "t", "expect_amount": "20000.0", "text_asset_1": null}'


@pytest.mark.parametrize("kind", [ikcrm.Opportunity, ikcrm.OpportunityRow])
def test_tables_of_records_have_their_keys_for_columns(kind: Any) -> None:
    rows = [kind(ROW), kind(ROW)]
    for table in (
        pd.DataFrame(rows),
        pd.DataFrame(iter(rows)),
        pd.DataFrame.from_records(rows),
    ):
        assert table.to_dict("records") == [dict(row) for row in rows]
    for frame in (pl.DataFrame(rows), pl.from_dicts(rows)):
        assert frame.to_dicts() == [dict(row) for row in rows]


class Won(BaseModel):
    """A program's own model."""

    opportunity: ikcrm.Opportunity
    rows: list[ikcrm.OpportunityRow] = []


def test_pydantic_takes_and_gives_records(sample: ikcrm.Opportunity) -> None:
    won = Won(opportunity=sample, rows=[ikcrm.OpportunityRow(ROW)])
    assert won.opportunity is sample
    assert won.model_dump()["opportunity"] == DATA
    back = Won.model_validate_json(won.model_dump_json())
    assert dict(back.opportunity) == DATA
    assert type(back.rows[0]) is ikcrm.OpportunityRow
    assert Won.model_json_schema()["properties"]["opportunity"]["type"] == "object"
    with pytest.raises(ValidationError):
        TypeAdapter(ikcrm.Opportunity).validate_python([1])
    with pytest.raises(ValidationError):
        TypeAdapter(ikcrm.Opportunity).validate_json("[1]")


def test_fastapi_takes_and_gives_records() -> None:
    app = FastAPI()

    @app.post("/opportunities")
    def echo(opportunity: ikcrm.Opportunity) -> ikcrm.Opportunity:
        return opportunity

    (operation,) = app.openapi()["paths"]["/opportunities"].values()
    assert operation["requestBody"]["content"]["application/json"]["schema"]["type"] == "object"
