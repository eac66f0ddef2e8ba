"""What the types admit and what they refuse: mypy fails when an expected error does not come."""

from collections.abc import Awaitable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from typing_extensions import assert_type

import ikcrm

client = ikcrm.Client(token="t", edition="wecom", timeout=1.5, max_retries=0)
from_environment: ikcrm.Client = ikcrm.Client.from_env()
options: ikcrm.ClientOptions = {
    "token": "t",
    "base_url": "https://x",
    "ca_bundle": Path("c"),
    "client_cert": Path("c"),
    "client_key": "k",
}
version: str = ikcrm.__version__


def admits() -> None:
    update: ikcrm.OpportunityUpdate = {
        "user_id": 254,
        "title": "ccc",
        "customer_id": "1",
        "expect_amount": Decimal("20000.50"),
        "stage": 3514,
        "expect_sign_date": "2026-12-31",
        "get_time": date(2019, 2, 14),
        "note": None,
        "custom": {
            "text_asset_8b1eeedd": "x",
            "text_asset_4a1eb9": ["a", "b"],
            "numeric_asset_1": 12.5,
            "user_field_asset_1": [254, "255"],
            "file_asset_1": [{"id": 1}],
            "subform_1": None,
        },
    }
    opportunity = client.update_opportunity(568587, **update)
    assert_type(opportunity, ikcrm.Opportunity)
    ikcrm.update_opportunity("568587", title="t", customer_id=1, timeout=5, max_retries=None)
    custom: Mapping[str, str] = {"text_asset_1": "x"}
    client.update_opportunity(1, note="x", partial=True, custom=custom)
    assert_type(opportunity.id, int | None)
    assert_type(opportunity.expect_amount, Decimal | None)
    if opportunity.customer is not None:
        assert_type(opportunity.customer.contacts, tuple[ikcrm.Contact, ...])
        assert_type(opportunity.customer.contacts[0].address, ikcrm.Address | None)
    assert_type(opportunity["text_asset_8b1eeedd"], Any)
    assert_type(opportunity.to_dict(), dict[str, Any])
    assert_type(list(opportunity), list[str])
    assert_type(ikcrm.Opportunity("{}"), ikcrm.Opportunity)


async def admits_awaiting() -> None:
    async with ikcrm.AsyncClient(**options) as async_client:
        assert_type(async_client, ikcrm.AsyncClient)
        call: Awaitable[ikcrm.Opportunity] = async_client.update_opportunity(1, note="x")
        assert_type(await call, ikcrm.Opportunity)


def admits_errors(error: Exception) -> None:
    if isinstance(error, ikcrm.AuthError):
        assert_type(error.api_code, int | None)
        assert_type(error.code, str)
    if isinstance(error, ikcrm.ValidationError):
        assert_type(error.fields, tuple[ikcrm.FieldError, ...])
        for field, code, message in error.fields:
            assert_type(field + message, str)
            assert code != "blnk"  # type: ignore[comparison-overlap]


def refuses() -> None:
    client.update_opportunity()  # type: ignore[call-arg]
    client.update_opportunity(None, title="t")  # type: ignore[arg-type]
    client.update_opportunity(1.5, title="t")  # type: ignore[arg-type]
    client.update_opportunity(1, titel="t")  # type: ignore[call-arg]
    client.update_opportunity(1, title=None)  # type: ignore[arg-type]
    client.update_opportunity(1, title=5)  # type: ignore[arg-type]
    client.update_opportunity(1, customer_id=None)  # type: ignore[arg-type]
    client.update_opportunity(1, expect_amount=b"1")  # type: ignore[arg-type]
    client.update_opportunity(1, get_time=20190214)  # type: ignore[arg-type]
    client.update_opportunity(1, custom={"text_asset_1": object()})  # type: ignore[dict-item]
    client.update_opportunity(1, text_asset_1="x")  # type: ignore[call-arg]
    client.update_opportunity(1, partial="yes")  # type: ignore[arg-type]
    client.update_opportunity(1, timeout="5")  # type: ignore[arg-type]
    client.updateOpportunity(1)  # type: ignore[attr-defined]
    ikcrm.update_opportunity(1, titel="t")  # type: ignore[call-arg]
    ikcrm.Client("token")  # type: ignore[call-arg, arg-type]
    ikcrm.Client(token="t", edition="cloud")  # type: ignore[arg-type]
    ikcrm.Client(token="t", tiemout=5)  # type: ignore[call-arg]
    ikcrm.Client(token=b"t")  # type: ignore[arg-type]
    wrong: ikcrm.OpportunityUpdate = {"titel": "t"}  # type: ignore[typeddict-unknown-key]
    opportunity = client.update_opportunity(1, **wrong)
    _ = opportunity.titel  # type: ignore[attr-defined]
    _ = opportunity.customer.name  # type: ignore[union-attr]


async def refuses_awaiting(async_client: ikcrm.AsyncClient) -> None:
    async_client.update_opportunity(1, title="t")  # type: ignore[unused-coroutine]
    await async_client.update_opportunity(1, titel="t")  # type: ignore[call-arg]


def admits_jobs() -> None:
    rows = [{"id": 1, "stage": "赢单", "note": ikcrm.CLEAR}]
    job = client.plan_updates(rows, job=Path("q3.job"), empty={"note": "clear"}, timeout=5)
    assert_type(client.apply_updates(job, retry=["failed"], max_errors="5%"), ikcrm.UpdateJob)
    client.update_opportunities(rows, confirm=lambda plan: plan.calls_to_go < 10, limit=3)
    assert_type(next(job.rows("updated")).changes["stage"], ikcrm.Change)
    assert_type(job.counts, dict[str, int])
    client.apply_updates(job, on_conflict="ask")  # type: ignore[arg-type]
    job.rows("lost")  # type: ignore[arg-type]
