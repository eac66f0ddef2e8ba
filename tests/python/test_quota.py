"""The quota's settings and its status, as Python has them."""

import asyncio
import inspect
import pickle
from typing import Any

import pytest
from support import FIELDS, TOKEN, Crm

import ikcrm


def test_the_default_is_the_crms_quota(crm: Crm) -> None:
    with ikcrm.Client(token=TOKEN, base_url=crm.url) as client:
        assert client.quota() == ikcrm.QuotaStatus(calls=10, used=0, waiting=0, next_free=0.0)


def test_none_turns_it_off(crm: Crm) -> None:
    assert crm.client(quota=None).quota() is None


def test_the_status_tells_what_is_used_and_when_more_can_be_had(crm: Crm) -> None:
    crm.answer_all()
    client = crm.client(quota=ikcrm.Quota(calls=1, per=60))
    client.update_opportunity(1, **FIELDS)
    status = client.quota()
    assert status is not None
    assert (status.used, status.free) == (1, 0)
    assert 50 < status.next_free <= 60


def test_a_call_without_a_slot_in_time_tells_when_there_may_be_one(crm: Crm) -> None:
    crm.answer_all()
    client = crm.client(quota=ikcrm.Quota(calls=1, per=60, max_wait=0))
    client.update_opportunity(1, **FIELDS)
    with pytest.raises(ikcrm.QuotaExceededError) as raised:
        client.update_opportunity(1, **FIELDS)
    assert raised.value.retry_after is not None
    assert 50 < raised.value.retry_after <= 60
    assert len(crm.requests) == 1


def test_the_status_can_be_awaited(crm: Crm) -> None:
    assert asyncio.run(crm.async_client(quota=ikcrm.Quota(calls=3)).quota()) == (
        3,
        0,
        0,
        0.0,
    )


def test_a_cancelled_task_leaves_the_queue(crm: Crm) -> None:
    crm.answer_all()

    async def main() -> None:
        client = crm.async_client(quota=ikcrm.Quota(calls=1, per=60))
        await client.update_opportunity(1, **FIELDS)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.update_opportunity(1, **FIELDS), 0.05)

    asyncio.run(main())
    assert len(crm.requests) == 1


def test_faults_carry_the_names_of_the_settings(crm: Crm) -> None:
    with pytest.raises(ikcrm.ConfigError) as raised:
        crm.client(quota=ikcrm.Quota(calls=0, store="ftp://x"))
    assert [fault.field for fault in raised.value.fields] == [
        "quota.calls",
        "quota.store",
    ]


def test_a_stores_password_is_not_shown() -> None:
    quota = ikcrm.Quota(store="redis://user:hidden-secret@host/0")
    assert "hidden-secret" not in repr(quota)
    assert pickle.loads(pickle.dumps(quota)) == quota


def test_a_pickled_client_keeps_its_quota(crm: Crm) -> None:
    client = crm.client(quota=ikcrm.Quota(calls=7), pickle_secrets=True)
    status = pickle.loads(pickle.dumps(client)).quota()
    assert status.calls == 7


def test_a_misspelt_setting_is_refused_with_the_nearest_one() -> None:
    settings: dict[str, Any] = {"cals": 5}
    with pytest.raises(TypeError, match="no setting 'cals'; did you mean calls"):
        ikcrm.Quota(**settings)
    settings = {"xyz": 5}
    with pytest.raises(TypeError, match="available: calls, per, max_wait"):
        ikcrm.Quota(**settings)
    assert list(inspect.signature(ikcrm.Quota).parameters)[:2] == ["calls", "per"]
    assert ikcrm.Quota(5, per=1.0).calls == 5
