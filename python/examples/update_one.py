"""Updates one opportunity, and shows a refused input and an error of the CRM.

Settings come from the environment: `IKCRM_TOKEN`, `IKCRM_BASE_URL`.
"""

from datetime import date
from decimal import Decimal

import ikcrm


def main() -> None:
    update: ikcrm.OpportunityUpdate = {
        "title": "年度框架合同",
        "customer_id": 1,
        "expect_amount": Decimal("128000.50"),
        "expect_sign_date": date(2026, 12, 31),
    }
    print("  sent       PUT /api/v2/opportunities/568587", update)

    opportunity = ikcrm.update_opportunity(568587, **update)
    print(
        "  came back ",
        opportunity,
        opportunity.title,
        opportunity.stage_mapped,
        opportunity.expect_amount,
    )

    try:
        ikcrm.update_opportunity(568587, titel="x", expect_amount="128,000.50")  # type: ignore[call-arg]
    except ikcrm.ValidationError as error:
        print(f"  refused    [{error.code}] {error}")
    try:
        ikcrm.update_opportunity(404, **update)
    except ikcrm.NotFoundError as error:
        print(f"  CRM error  [{error.code}] {error}")


if __name__ == "__main__":
    main()
