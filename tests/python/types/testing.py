"""What the types of `ikcrm.testing` admit and what they refuse."""

from typing import Any

from typing_extensions import assert_type

import ikcrm
from ikcrm.testing import Sandbox, SentRequest


def admits(ikcrm_sandbox: Sandbox) -> None:
    account = ("me", "secret", ["7"])
    with Sandbox(token="t", accounts=[account], quota=ikcrm.Quota(), latency=0.5) as sandbox:
        assert_type(sandbox, Sandbox)
        sandbox.seed(opportunities=[{"id": 1}], stages=["x", {"id": 1, "label": "y"}])
        sandbox.seed(opportunities=[ikcrm.Opportunity.from_dict({"id": 1})])
        sandbox.fail_next(status=503, times=2, route="PUT /api/v2/opportunities/:id")
        sandbox.fail_next(code=100401, route="PUT /api/v2/opportunities/7")
        sandbox.fail_next(fault="hang")
        sandbox.latency = 1
        sandbox.quota = None
        assert_type(sandbox.requests, list[SentRequest])
        assert_type(sandbox.requests[0].body, Any)
        assert_type(sandbox.opportunity(1), ikcrm.Opportunity | None)
        assert_type(sandbox.env, dict[str, str])
    assert_type(ikcrm.Customer.from_dict({"id": 1}), ikcrm.Customer)
    ikcrm.reset_client()


def refuses(sandbox: Sandbox) -> None:
    sandbox.fail_next()  # type: ignore[call-overload]
    sandbox.fail_next(status=500, code=1)  # type: ignore[call-overload]
    sandbox.fail_next(fault="crash")  # type: ignore[call-overload]
    sandbox.seed(customers=[7])  # type: ignore[list-item]
    sandbox.quota = 10  # type: ignore[assignment]
