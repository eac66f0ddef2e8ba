"""Python's values as the CRM gets them, or as they are refused."""

import enum
from collections import OrderedDict, UserDict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import FIELDS, TOKEN, Crm

import ikcrm

FREE_KEY = "subform_1"


class Stage(enum.IntEnum):
    WON = 3514
    HUGE = 10**20


class Note(str, enum.Enum):
    CALL = "call back"


class Plain(enum.Enum):
    WON = 3514


class Broken:
    def __index__(self) -> int:
        raise ZeroDivisionError


class LongInt(int):
    def __str__(self) -> str:
        return "not these digits"


@pytest.fixture
def sent(crm: Crm) -> Any:
    """Makes an update of fields, and returns what the CRM got of them."""
    crm.answer_all()

    def send(id: Any = 568587, **fields: Any) -> dict[str, Any]:
        crm.client().update_opportunity(id, **{**FIELDS, **fields})
        return {**crm.requests[-1].fields, "path": crm.requests[-1].path}

    return send


def faults(id: Any = 568587, **fields: Any) -> tuple[ikcrm.FieldError, ...]:
    """The faults of an update of fields, for which nothing is sent."""
    client = ikcrm.Client(token=TOKEN, base_url="http://127.0.0.1:9")
    with pytest.raises(ikcrm.ValidationError) as raised:
        client.update_opportunity(id, **{**FIELDS, **fields})
    return raised.value.fields


def fault(**fields: Any) -> ikcrm.FieldError:
    (only,) = faults(**fields)
    return only


def test_omitted_none_and_a_value_are_three_things(sent: Any) -> None:
    fields = sent(note=None, source=3521)
    assert fields["note"] is None
    assert fields["source"] == "3521"
    assert "kind" not in fields


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("20000.50"), "20000.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "-0.00"),
        (20000, "20000"),
        (10**25, "1" + "0" * 25),
        (0.1, "0.1"),
        ("20000.0", "20000.0"),
        (np.int64(5), "5"),
        (np.float64(0.1), "0.1"),
        (np.uint64(2**64 - 1), str(2**64 - 1)),
    ],
    ids=repr,
)
def test_an_amount_keeps_its_digits(amount: Any, text: str, sent: Any) -> None:
    assert sent(expect_amount=amount)["expect_amount"] == text


@pytest.mark.parametrize(
    "amount",
    [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        float("nan"),
        float("inf"),
        np.nan,
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused_as_an_amount(amount: Any) -> None:
    assert fault(expect_amount=amount).code == "format"


@pytest.mark.parametrize(
    "amount",
    [True, Fraction(1, 2), 1j, np.float32(0.1), np.bool_(True), b"1", timedelta(1)],
    ids=repr,
)
def test_what_is_no_decimal_is_refused_as_an_amount(amount: Any) -> None:
    assert fault(expect_amount=amount).code == "type"


def test_an_amount_of_too_many_digits_is_refused_and_not_rounded() -> None:
    assert fault(expect_amount=10**28).code == "range"
    assert fault(expect_amount=Decimal("0." + "1" * 29)).code == "range"
    assert fault(expect_amount=10**5000).code == "type"


@pytest.mark.parametrize(
    "id",
    [7, "7", np.int32(7), np.uint8(7), LongInt(7), np.array(7), Decimal(7)],
    ids=lambda id: type(id).__name__,
)
def test_whatever_stands_for_an_integer_is_an_id(id: Any, sent: Any) -> None:
    fields = sent(id, customer_id=id, stage=id)
    assert (fields["path"], fields["customer_id"], fields["stage"]) == (
        "/api/v2/opportunities/7",
        7,
        "7",
    )


@pytest.mark.parametrize(
    ("id", "code"),
    [
        (0, "range"),
        (-1, "range"),
        (2**53, "range"),
        (10**30, "range"),
        (LongInt(10**30), "range"),
        (True, "type"),
        (np.bool_(True), "type"),
        (7.0, "type"),
        (np.float64(7), "type"),
        (float("nan"), "type"),
        (Decimal("7.0"), "type"),
        (None, "type"),
        (b"7", "type"),
        ("", "format"),
        ("7/../8", "format"),
        (" 7", "format"),
        (np.array([7]), "type"),
    ],
    ids=repr,
)
def test_what_is_no_id_is_refused(id: Any, code: str) -> None:
    (only,) = faults(id)
    assert (only.field, only.code) == ("id", code)


def test_members_of_mixed_enums_are_their_values(sent: Any) -> None:
    fields = sent(stage=Stage.WON, note=Note.CALL, expect_amount=Stage.HUGE)
    assert (fields["stage"], fields["note"]) == ("3514", "call back")
    assert fields["expect_amount"] == "1" + "0" * 20


def test_members_of_plain_enums_are_refused() -> None:
    assert "got a Plain" in fault(stage=Plain.WON).message


def test_text_keeps_every_character(sent: Any) -> None:
    note = '谈判/合同 "quoted" \n 😀 \x00'
    assert sent(note=note)["note"] == note
    assert sent(note=np.str_(note))["note"] == note


def test_text_with_half_a_character_is_refused() -> None:
    assert "surrogate" in fault(note="\ud83d").message


@pytest.mark.parametrize(
    "note", [float("nan"), pd.NA, pd.NaT, 5, b"x", ["x"]], ids=repr
)
def test_what_is_no_text_is_refused_as_text(note: Any) -> None:
    assert fault(note=note).code == "type"


def test_dates_are_sent_as_they_are(sent: Any) -> None:
    fields = sent(get_time=date(2019, 2, 4), expect_sign_date="2026-12-31")
    assert (fields["get_time"], fields["expect_sign_date"]) == (
        "2019-02-04",
        "2026-12-31",
    )


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2019, 2, 14),
        datetime(2019, 2, 14, tzinfo=timezone.utc),
        pd.Timestamp("2019-02-14"),
    ],
    ids=repr,
)
def test_a_point_in_time_is_refused_as_a_date_with_the_reason(moment: Any) -> None:
    refused = fault(get_time=moment)
    assert refused.code == "type"
    name = type(moment).__name__
    assert f"got a {name}, whose time zone could move the day" in refused.message


@pytest.mark.parametrize("missing", [pd.NaT, pd.NA], ids=repr)
@pytest.mark.parametrize(
    "field",
    ["get_time", "note", "stage", "user_id", "expect_amount", "title", "customer_id"],
)
def test_missing_values_of_pandas_are_refused_by_name(missing: Any, field: str) -> None:
    refused = fault(**{field: missing})
    assert refused.code == "type"
    assert f"got a missing value ({missing})" in refused.message


def test_a_float_column_of_ids_is_refused_with_the_reason() -> None:
    column = pd.Series([254, None])
    assert (
        "a table column with blanks turns ids into floats"
        in fault(user_id=column[0]).message
    )


def test_a_row_of_a_table_is_sent_as_it_reads(sent: Any) -> None:
    table = pd.DataFrame({"user_id": [254], "expect_amount": [0.1], "note": ["x"]})
    (row,) = table.to_dict("records")
    fields = sent(**row)
    assert (fields["user_id"], fields["expect_amount"], fields["note"]) == (
        254,
        "0.1",
        "x",
    )


@pytest.mark.parametrize("kind", [dict, OrderedDict, MappingProxyType, UserDict])
def test_any_mapping_holds_custom_fields(kind: Any, sent: Any) -> None:
    custom = kind({"text_asset_1": ("a", "b"), "numeric_asset_2": Decimal("1.50")})
    fields = sent(custom=custom)
    assert (fields["text_asset_1"], fields["numeric_asset_2"]) == (["a", "b"], 1.5)


def test_plain_data_of_any_depth_arrives_as_it_is(sent: Any) -> None:
    data = {
        "list": [1, "x", None, True, [2.5]],
        "nested": {"empty": {}},
        "tuple": (1, 2),
    }
    expected = {**data, "tuple": [1, 2]}
    assert sent(custom={FREE_KEY: data})[FREE_KEY] == expected
    assert sent(custom={FREE_KEY: np.bool_(True)})[FREE_KEY] is True


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        ({1, 2}, "set"),
        (iter([1]), "list_iterator"),
        (Path("x"), "PosixPath"),
        (np.array([1, 2]), "ndarray"),
        ({1: "x"}, "mapping whose keys are not all text"),
        ([[b"x"]], "bytes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_spell_is_refused_by_its_name(value: Any, name: str) -> None:
    refused = fault(custom={FREE_KEY: value})
    assert (refused.field, refused.code) == (f"custom.{FREE_KEY}", "type")
    assert f"must be JSON data, got a {name}" in refused.message


def test_data_that_hold_themselves_are_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "nested too deep" in fault(custom={FREE_KEY: endless}).message
    circular: dict[str, Any] = {}
    circular["self"] = circular
    assert "nested too deep" in fault(custom={FREE_KEY: circular}).message


def test_what_a_value_raises_is_the_callers_to_catch() -> None:
    with pytest.raises(ZeroDivisionError):
        ikcrm.Client(token=TOKEN).update_opportunity(Broken(), **FIELDS)


def test_all_faults_are_told_at_once() -> None:
    refused = faults(
        0, titel="x", expect_amount="1,000", timeout=-1, partial="yes", max_retries=99
    )
    assert [(fault.field, fault.code) for fault in refused] == [
        ("id", "range"),
        ("titel", "unknown"),
        ("expect_amount", "format"),
        ("timeout", "range"),
        ("partial", "type"),
        ("max_retries", "range"),
    ]


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    assert fault(titel="x").message == "no such field; did you mean title?"


def test_a_path_may_be_any_path(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", str(tmp_path / "none.pem")):
        with pytest.raises(ikcrm.ConfigError, match=r"cannot read .*none\.pem"):
            ikcrm.Client(token=TOKEN, ca_bundle=path)


def test_options_of_wrong_types_are_refused_together() -> None:
    options: Any = {
        "token": 5,
        "timeout": timedelta(1),
        "max_retries": 0.5,
        "tokn": "x",
    }
    with pytest.raises(ikcrm.ConfigError) as raised:
        ikcrm.Client(**options)
    assert {(fault.field, fault.code) for fault in raised.value.fields} == {
        ("token", "type"),
        ("timeout", "type"),
        ("max_retries", "type"),
        ("tokn", "unknown"),
    }
