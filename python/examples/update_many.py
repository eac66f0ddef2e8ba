"""Updates many opportunities: plans, shows the plan, applies it, and tells what became of each row.

Settings come from the environment: `IKCRM_TOKEN`, `IKCRM_BASE_URL`.
"""

import ikcrm


def main() -> None:
    rows = [{"id": id, "stage": "赢单"} for id in range(600_001, 600_004)]
    rows.append({"id": 600_004, "expect_amount": "12,000"})
    with ikcrm.Client.from_env() as client:
        job = client.plan_updates(rows)  # reads only
        print(job)
        client.apply_updates(job, skip_invalid=True, progress=True)
    for row in job.rows():
        print(f"  {row.number}  {row.id}  {row.state:<10}{row.message or ''}")


if __name__ == "__main__":
    main()
