"""Python's values as the CRM gets them, or as they are refused."""

import enum
import json
import re
from collections import OrderedDict, UserDict, UserList, deque
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
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

    def __format__(self, form: str) -> str:
        return "nor these"

    __repr__ = __str__


class Rounded(Decimal):
    def __str__(self) -> str:
        return format(self, ".2f")

    __repr__ = __str__


class Text(str):
    def __str__(self) -> str:
        return "not this text"


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
        (Decimal("-0.00"), "0.00"),
        (-0.0, "0"),
        (Decimal("1E-30"), "0." + "0" * 29 + "1"),
        (Decimal("-1.50E-3"), "-0.00150"),
        (Decimal(1000).normalize(), "1000"),
        (Decimal("12.5E+3"), "12500"),
        (Rounded("12.345"), "12.345"),
        (LongInt(10**25), "1" + "0" * 25),
        (np.float32(0.1), "0.1"),
        (np.float16(2.5), "2.5"),
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
        pd.NA,
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused_as_an_amount(amount: Any) -> None:
    assert fault(expect_amount=amount).code == "format"


@pytest.mark.parametrize(
    "amount",
    [True, Fraction(1, 2), 1j, np.longdouble(0.1), np.bool_(True), b"1", timedelta(1)],
    ids=repr,
)
def test_what_is_no_decimal_is_refused_as_an_amount(amount: Any) -> None:
    assert fault(expect_amount=amount).code == "type"


def test_an_amount_of_too_many_digits_is_refused_and_not_rounded() -> None:
    assert fault(expect_amount=10**28).code == "range"
    assert fault(expect_amount=Decimal("0." + "1" * 29)).code == "range"
    assert fault(expect_amount=Decimal("1E+30")).code == "range"
    assert "too small or too large" in fault(expect_amount=Decimal("1E-1000")).message
    assert fault(expect_amount=10**5000).code == "type"


@pytest.mark.parametrize(
    "id",
    [7, "7", np.int32(7), np.uint8(7), LongInt(7), np.array(7), Decimal(7), Text("7")],
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


def test_an_id_may_have_an_exponent(sent: Any) -> None:
    assert sent(Decimal(7000).normalize())["path"] == "/api/v2/opportunities/7000"


HALF = "合同已签\ud83d"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"note": HALF}, "note"),
        ({"title": HALF}, "title"),
        ({"stage": HALF}, "stage"),
        ({"expect_amount": HALF}, "expect_amount"),
        ({"get_time": HALF}, "get_time"),
        ({"user_id": HALF}, "user_id"),
        ({"custom": {"text_asset_1": HALF}}, "custom.text_asset_1"),
        ({"custom": {"text_asset_1": ["a", HALF]}}, "custom.text_asset_1"),
        ({"custom": {FREE_KEY: {"a": [HALF]}}}, f"custom.{FREE_KEY}"),
        ({"custom": {FREE_KEY: {HALF: 1}}}, f"custom.{FREE_KEY}"),
        ({"timeout": HALF}, "timeout"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_half_a_character_is_refused_where_it_stands(fields: Any, name: str) -> None:
    refused = fault(**fields)
    assert (refused.field, refused.code) == (name, "type")
    assert "lone surrogate" in refused.message


def test_half_a_character_is_refused_in_all_else_that_takes_text(crm: Crm) -> None:
    client = crm.client()
    options = [{"id": 1, "value": "赢单", "status": "enable"}]
    fields = {"opportunity": [{"field_name": "stage", "field_values": options}]}
    crm.answer_all(json.dumps({"code": 0, "data": fields}))
    field_map = client.field_map()
    assert field_map.id("stage", "赢单") == "1"
    for name, wrong in (("label", HALF), ("label", 5)):
        with pytest.raises(ikcrm.ValidationError, match=f"{name}: must be text, got a"):
            field_map.id("stage", wrong)  # type: ignore[arg-type]
    with pytest.raises(ikcrm.ValidationError, match="query: must be text, got a text with a lone"):
        client.list_opportunities(query=HALF)
    with pytest.raises(ikcrm.ValidationError, match=r"entity: .* a text with a lone surrogate"):
        client.field_map(HALF)
    with pytest.raises(ikcrm.ConfigError, match="login: must be text, got a text with a lone"):
        ikcrm.Client(login=HALF, password="p")
    record = ikcrm.Opportunity('{"id": 1}')
    assert HALF not in record
    assert record.get(HALF) is None
    with pytest.raises(KeyError):
        record[HALF]


@pytest.mark.parametrize("note", [float("nan"), pd.NA, pd.NaT, 5, b"x", ["x"]], ids=repr)
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


MISSING = [
    float("nan"),
    Decimal("NaN"),
    pd.NaT,
    pd.NA,
    np.nan,
    np.float32("nan"),
    np.datetime64("NaT"),
    np.ma.masked,
    pa.scalar(None),
    pa.scalar(None, pa.int64()),
]
LEAVE_OUT = "leave the field out to keep it, or give None to clear it"


@pytest.mark.parametrize("missing", MISSING, ids=lambda it: f"{type(it).__name__} {it}")
@pytest.mark.parametrize("field", ["get_time", "note", "stage", "user_id", "expect_amount"])
def test_a_missing_value_is_told_as_one(missing: Any, field: str) -> None:
    refused = fault(**{field: missing})
    assert refused.code == ("format" if field == "expect_amount" else "type")
    assert refused.message.startswith("is a missing value (")
    assert refused.message.endswith(f"); {LEAVE_OUT}")


@pytest.mark.parametrize("missing", MISSING, ids=lambda it: f"{type(it).__name__} {it}")
def test_a_missing_value_is_told_as_one_everywhere(missing: Any) -> None:
    for field in ("title", "customer_id"):
        assert fault(**{field: missing}).message == (
            "is a missing value; leave the field out and set fill to keep it as it is"
        )
    for key in ("text_asset_1", "numeric_asset_1", "user_field_asset_1", FREE_KEY):
        assert fault(custom={key: missing}).message.endswith(LEAVE_OUT)
    for value in ({"text_asset_1": ["a", missing]}, {FREE_KEY: [{"a": missing}]}):
        assert "missing" in fault(custom=value).message
    (only,) = faults(missing)
    assert "missing value" in only.message
    assert "None" not in only.message


def test_a_float_column_of_ids_is_refused_with_the_reason() -> None:
    column = pd.Series([254, None])
    assert "a table column with blanks turns ids into floats" in fault(user_id=column[0]).message


def test_a_row_of_a_table_is_sent_as_it_reads(sent: Any) -> None:
    table = pd.DataFrame({"user_id": [254], "expect_amount": [0.1], "note": ["x"]})
    (row,) = table.to_dict("records")
    fields = sent(**row)
    assert (fields["user_id"], fields["expect_amount"], fields["note"]) == (
        254,
        "0.1",
        "x",
    )


@pytest.mark.parametrize("kind", [list, tuple, UserList, deque])
def test_any_sequence_is_a_list(kind: Any, sent: Any) -> None:
    assert sent(custom={"text_asset_1": kind("ab")})["text_asset_1"] == ["a", "b"]


def test_a_range_and_numbers_of_numpy_are_lists_of_ids(sent: Any) -> None:
    fields = sent(custom={"user_field_asset_1": range(1, 4), FREE_KEY: [np.int64(1), np.uint8(2)]})
    assert fields["user_field_asset_1"] == ["1", "2", "3"]
    assert fields[FREE_KEY] == [1, 2]


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
    assert re.search(rf"must be JSON data, got an? {name}", refused.message)


def test_data_that_hold_themselves_are_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "nested too deep" in fault(custom={FREE_KEY: endless}).message
    circular: dict[str, Any] = {}
    circular["self"] = circular
    assert "nested too deep" in fault(custom={FREE_KEY: circular}).message


def test_data_that_hold_themselves_by_two_paths_are_refused() -> None:
    twice: list[Any] = []
    twice += [twice, twice]
    both: dict[str, Any] = {}
    both.update(a=both, b=[both, both])
    for value in (twice, both, (twice, both)):
        assert "got a value" in fault(custom={FREE_KEY: value}).message


@pytest.mark.parametrize(
    "value", [range(10**12), [range(10**12)], {"a": range(10**12)}, [[0] * 1000] * 1000]
)
def test_no_value_holds_more_than_a_call_can_send(value: Any) -> None:
    message = fault(custom={FREE_KEY: value}).message
    assert message == "must be JSON data, got a value that holds more than 100000 values"


def test_a_value_may_hold_a_lot(sent: Any) -> None:
    assert sent(custom={FREE_KEY: range(99_000)})[FREE_KEY][-1] == 98_999


@pytest.mark.parametrize(
    ("timeout", "got"),
    [
        (0, "the number 0"),
        (-1, "the number -1"),
        (-0.0, "the float -0.0"),
        (float("inf"), "the float inf"),
        (10**30, "the number 1" + "0" * 30),
        (Decimal("1E-300"), "the number 1E-300"),
        (Decimal("3600.001"), "the number 3600.001"),
    ],
)
def test_a_timeout_beyond_its_limits_is_refused_with_both(timeout: Any, got: str) -> None:
    refused = fault(timeout=timeout)
    assert refused.code == "range"
    assert refused.message == f"must be more than 0 and at most 3600 s, got {got}"


@pytest.mark.parametrize(
    "timeout", [5, 5.5, Decimal(5), Decimal("5E+1"), np.int8(5), np.float32(5)]
)
def test_a_timeout_is_any_number_within(timeout: Any, crm: Crm) -> None:
    crm.answer_all()
    crm.client(timeout=timeout).get_opportunity(1, timeout=timeout)


def test_a_deadline_beyond_its_limits_is_refused_with_both() -> None:
    for deadline, got in ((0, "the number 0"), (float("inf"), "the float inf")):
        message = fault(deadline=deadline).message
        assert message == f"must be more than 0 and at most 31622400 s, got {got}"


def test_whole_numbers_are_taken_as_they_are_written() -> None:
    assert "a whole number" in fault(max_retries=1.5).message
    assert fault(max_retries=10**30).message == "is too large, got the number 1" + "0" * 30
    assert fault(max_retries=Decimal("1E+1"), titel=1).field == "titel"
    with pytest.raises(
        ikcrm.ConfigError, match="must be more than 0 and at most 3600 s, got the f"
    ):
        ikcrm.Client(token=TOKEN, quota=ikcrm.Quota(per=float("inf")))


def test_what_a_value_raises_is_the_callers_to_catch() -> None:
    with pytest.raises(ZeroDivisionError):
        ikcrm.Client(token=TOKEN).update_opportunity(Broken(), **FIELDS)


def test_all_faults_are_told_at_once() -> None:
    refused = faults(0, titel="x", expect_amount="1,000", timeout=-1, partial="yes", max_retries=99)
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


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("partail", "partial"),
        ("time_out", "timeout"),
        ("max_retry", "max_retries"),
        ("fil", "fill"),
        ("if_unchange", "if_unchanged"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_nearest_name(slip: str, meant: str) -> None:
    refused = fault(**{slip: 5})
    assert (refused.field, refused.code) == (slip, "unknown")
    assert refused.message == f"no such option; did you mean {meant}?"


def test_misspelt_options_of_other_calls_are_refused_with_the_nearest_name(
    crm: Crm,
) -> None:
    client: Any = crm.client()
    with pytest.raises(ikcrm.ValidationError, match="refesh: no such option; did you mean refresh"):
        client.field_map(refesh=True)
    with pytest.raises(ikcrm.ValidationError, match="did you mean timeout"):
        client.get_opportunity(1, time_out=1)
    with pytest.raises(ikcrm.ValidationError, match="time_out: no such option; did you mean timeo"):
        client.list_opportunities(time_out=1)
    for call in (client.get_opportunity, client.update_opportunity):
        with pytest.raises(ikcrm.ValidationError, match=r"cancle: .*; did you mean cancel"):
            call(1, cancle=5)
    for call in (client.field_map, client.list_opportunities):
        with pytest.raises(ikcrm.ValidationError, match=r"cancle: .*; did you mean cancel"):
            call(cancle=5)
        with pytest.raises(
            ikcrm.ValidationError, match=r"cancel: must be an ikcrm\.Cancel, got an i"
        ):
            call(cancel=5)
    with pytest.raises(ikcrm.ValidationError, match="did you mean per_page"):
        client.list_opportunities(perpage=1)


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("tokn", "token"),
        ("token_stor", "token_store"),
        ("on_tokn", "on_token"),
        ("tiemout", "timeout"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_nearest_name(slip: str, meant: str) -> None:
    options: Any = {"token": TOKEN, slip: "x"}
    with pytest.raises(ikcrm.ConfigError, match=f"{slip}: no such option; did you mean {meant}?"):
        ikcrm.Client(**options)


def test_a_switch_that_is_none_is_refused_with_what_it_is(crm: Crm) -> None:
    client: Any = crm.client()
    for name in ("partial", "fill"):
        assert fault(**{name: "no"}).message == 'must be True or False, got the text "no"'
        crm.answer_all()
        client.update_opportunity(1, **{**FIELDS, name: None})
    told = 'refresh: must be True or False, got the text "no"'
    with pytest.raises(ikcrm.ValidationError, match=told):
        client.field_map(refresh="no")
    assert fault(if_unchanged=5).message.endswith("returned, got an int")


def test_a_long_name_is_cut_in_a_message() -> None:
    client: Any = ikcrm.Client(token=TOKEN)
    with pytest.raises(ikcrm.ValidationError) as raised:
        client.update_opportunity(1, **FIELDS, **{"x" * 10_000: 1})
    assert len(str(raised.value)) < 200
    assert raised.value.fields[0].field == "x" * 10_000


def test_a_path_may_be_any_path(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", str(tmp_path / "none.pem")):
        with pytest.raises(ikcrm.ConfigError, match=r"cannot read .*none\.pem"):
            ikcrm.Client(token=TOKEN, ca_bundle=path)
        with pytest.raises(ikcrm.ConfigError, match=r"cannot read .*none\.pem"):
            ikcrm.Client(token=TOKEN, client_cert=path)
        with pytest.raises(ikcrm.ConfigError, match=r"the certificate that the key is of"):
            ikcrm.Client(token=TOKEN, client_key=path)


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


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("on_token", 5, "must be a function that takes the token, got an int"),
        (
            "token_store",
            "crm.token",
            "must have get() and set(token), got a str without get()",
        ),
        (
            "token_store",
            {},
            "must have get() and set(token), got a dict without set(token)",
        ),
        ("token_store", UserDict, "must be an object, got the class UserDict: call it"),
        ("pickle_secrets", "no", 'must be True or False, got the text "no"'),
        ("edition", 5, "must be text, got a number"),
        ("quota", 5, "must be a quota's settings, got the number 5"),
    ],
)
def test_a_setting_of_a_wrong_type_is_refused(name: str, setting: Any, message: str) -> None:
    options: Any = {"token": TOKEN, name: setting}
    for kind in (ikcrm.Client, ikcrm.AsyncClient):
        with pytest.raises(ikcrm.ConfigError) as raised:
            kind(**options)
        (only,) = raised.value.fields
        assert (only.field, only.code, only.message) == (name, "type", message)
