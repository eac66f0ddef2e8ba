"""Updates one opportunity, and shows a refused input and an error of the CRM.

Settings come from the environment: `IKCRM_TOKEN`, `IKCRM_BASE_URL`.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import ikcrm


def main() -> None:
    update: ikcrm.OpportunityUpdate = {
        "title": "年度框架合同",
        "customer_id": 1,
        "stage": "谈判/合同",
        "expect_amount": Decimal("128000.50"),
        "expect_sign_date": date(2026, 12, 31),
    }
    print("sent: PUT /api/v2/opportunities/568587")
    for name, value in update.items():
        show(name, value)

    opportunity = ikcrm.update_opportunity(568587, **update)
    print("came back")
    show("stage", opportunity.stage)
    show("stage_mapped", opportunity.stage_mapped)
    show("expect_amount", opportunity.expect_amount)

    wrong: dict[str, Any] = {"titel": "x", "expect_amount": "128,000.50", "kind": "老客户续签"}
    try:
        ikcrm.update_opportunity(568587, **{**update, **wrong})
    except ikcrm.ValidationError as error:
        print("refused, all faults at once; nothing was updated")
        for fault in error.fields:
            show(fault.field, fault.message)
    try:
        ikcrm.update_opportunity(404, **update)
    except ikcrm.NotFoundError as error:
        print("refused by the CRM")
        show(error.code, f"{error.message} (code {error.api_code})")


def show(name: str, value: object) -> None:
    print(f"  {name:<18}{value}")


if __name__ == "__main__":
    main()
