"""What Python expects of exceptions, and that none of them tells the token."""

import copy
import json
import pickle
import traceback
from typing import Any

import pytest
from support import FIELDS, TOKEN, Crm

import ikcrm
from ikcrm import errors

FAULT = ikcrm.FieldError("title", "blank", "must not be blank")
DETAILS: dict[str, Any] = {
    "message": "m",
    "status": 200,
    "api_code": 100100,
    "fields": (FAULT,),
    "enterprises": (ikcrm.Enterprise("12", "甲公司"),),
    "retryable": True,
    "retry_after": 1.5,
    "may_have_been_applied": True,
    "body_excerpt": "b",
    "meta": ikcrm.CallMeta("1-2", 2, 0.5, 0.0, 200, 1, {"date": "today"}),
}


def failure(crm: Crm, body: str, status: int = 200) -> ikcrm.IkcrmError:
    crm.answer_all(body, status)
    with pytest.raises(ikcrm.IkcrmError) as raised:
        crm.client(max_retries=0).update_opportunity(1, **FIELDS)
    return raised.value


@pytest.mark.parametrize("error", errors.BY_CODE.values())
@pytest.mark.parametrize("again", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy])
def test_every_error_survives_a_pickle(error: type[ikcrm.IkcrmError], again: Any) -> None:
    one = error("text", **DETAILS)
    other = again(one)
    assert type(other) is error
    assert str(other) == "text"
    assert vars(other) == DETAILS
    assert other.code == error.code


def test_an_error_that_came_survives_a_pickle(crm: Crm) -> None:
    error = failure(crm, '{"code":100100,"message":"您没有权限查看该对象或该对象不存在。"}')
    other = pickle.loads(pickle.dumps(error))
    assert (str(other), vars(other)) == (str(error), vars(error))


def test_an_error_prints_what_is_needed_to_understand_it(crm: Crm) -> None:
    error = failure(crm, '{"code":100100,"message":"您没有权限查看该对象或该对象不存在。"}')
    assert error.message == "您没有权限查看该对象或该对象不存在。"
    assert str(error).endswith("您没有权限查看该对象或该对象不存在。 (code 100100, HTTP 200)")


def test_errors_are_what_python_programs_catch_already(crm: Crm) -> None:
    with pytest.raises(ValueError, match="title"):
        crm.client().update_opportunity(1)
    with pytest.raises(ValueError, match="token"):
        ikcrm.Client()
    with pytest.raises(ConnectionError):
        ikcrm.Client(token=TOKEN, base_url="http://127.0.0.1:9", max_retries=0).update_opportunity(
            1, **FIELDS
        )
    with pytest.raises(TimeoutError):
        crm.client(timeout=0.05).update_opportunity(1, **FIELDS)


def test_errors_can_be_made_in_the_tests_of_a_program() -> None:
    error = ikcrm.NotFoundError("gone", api_code=100100)
    assert (str(error), error.message, error.status) == ("gone", "gone", None)
    assert (error.fields, error.retryable, error.may_have_been_applied) == (
        (),
        False,
        False,
    )


def test_faults_unpack_like_rows() -> None:
    field, code, message = FAULT
    assert (field, code, message) == (FAULT.field, FAULT.code, FAULT.message)


def test_the_token_is_in_no_text(crm: Crm) -> None:
    client, async_client = crm.client(), crm.async_client()
    shown = [repr(client), repr(async_client), str(client)]
    for body, status in [
        ('{"code":100401,"data":null,"message":"下线"}', 200),
        ("not an answer", 200),
        ("Retry later\n", 429),
        ("{}", 500),
    ]:
        error = failure(crm, body, status)
        shown += [
            repr(error),
            str(error),
            repr(vars(error)),
            *traceback.format_exception(error),
        ]
    with pytest.raises(ikcrm.ConfigError) as raised:
        ikcrm.Client(token=f"{TOKEN},{TOKEN}")
    shown += [str(raised.value), repr(raised.value.fields)]
    assert not any(TOKEN in text for text in shown)


PERSONAL = "+8613801881465"


def test_no_error_prints_what_an_answer_holds(crm: Crm) -> None:
    answers = [
        '[{"tel":"%s"}]',
        '{"code":0,"data":["%s"]}',
        '{"code":0,"data":{"name":"%s"',
        "%s",
    ]
    for answer in answers:
        error = failure(crm, answer % PERSONAL)
        shown = [
            repr(error),
            str(error),
            error.message,
            *traceback.format_exception(error),
        ]
        assert not any(PERSONAL in text for text in shown), answer
        assert PERSONAL in str(error.body_excerpt)
    record = ikcrm.Address(json.dumps({"id": 1, "lat": f"{PERSONAL}?", "tel": [PERSONAL]}))
    for name in ("lat", "tel"):
        with pytest.raises(ikcrm.InvalidAnswerError) as raised:
            getattr(record, name)
        assert PERSONAL not in f"{raised.value} {raised.value!r}"
        assert PERSONAL in str(raised.value.body_excerpt)


ODD = '{"id": 1, "get_time": "soon", "customer": {"id": 5, "created_at": [1]}}'


def test_an_attribute_that_cannot_be_read_tells_whether_its_update_was_made(
    crm: Crm,
) -> None:
    data = f'{{"code":0,"data":{ODD}}}'
    page = f'{{"code":0,"data":{{"opportunities":[{ODD}],"total_count":1}}}}'
    crm.answer_by(lambda request: request.answer(page if "?" in request.path else data))
    client = crm.client()
    (row,) = client.list_opportunities()
    updated, read = client.update_opportunity(1, **FIELDS), client.get_opportunity(1)
    for record, applied in ((updated, True), (read, False), (row, False)):
        with pytest.raises(ikcrm.InvalidAnswerError) as raised:
            _ = record.get_time
        assert raised.value.may_have_been_applied is applied
    for opportunity, applied in ((updated, True), (read, False)):
        assert opportunity.customer is not None
        with pytest.raises(ikcrm.InvalidAnswerError) as raised:
            _ = opportunity.customer.created_at
        assert raised.value.may_have_been_applied is applied
