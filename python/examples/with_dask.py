"""Updates the opportunities of a table on many machines, with Dask.

    python with_dask.py q3.csv q3-result.csv

`DASK_SCHEDULER_ADDRESS` names the cluster; without it, Dask starts workers on this machine. Each
worker takes its settings from its environment: `IKCRM_TOKEN`, `IKCRM_BASE_URL`, and
`IKCRM_QUOTA_STORE=redis://…`, so that all workers share the quota of the company.
"""

import sys

import dask.dataframe as dd
import pandas as pd
from dask.distributed import Client

import ikcrm

ROWS_EACH = 5  # a partition is small, since it is done again when its worker dies


def update_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Updates the rows of a partition, and says what became of each."""
    ends = [update_row(row.id, row.expect_amount) for row in rows.itertuples()]
    states, messages = zip(*ends, strict=True)
    return rows.assign(state=states, message=messages)


def update_row(id: str, amount: str) -> tuple[str, str]:
    try:
        ikcrm.update_opportunity(id, expect_amount=amount, fill=True)
    except ikcrm.IkcrmError as error:
        # These are not the row's fault. Dask does the partition again, then gives up.
        if error.retryable or isinstance(error, ikcrm.AuthError | ikcrm.ConfigError):
            raise
        return error.code, str(error)
    return "updated", ""


def main(source: str, result: str) -> None:
    table = dd.from_pandas(pd.read_csv(source, dtype=str), chunksize=ROWS_EACH)
    # Without `meta`, Dask would call update_rows with rows of its own to see what it returns.
    meta = {**table.dtypes, "state": str, "message": str}
    with Client():
        done = table.map_partitions(update_rows, meta=meta).compute(retries=3)
    done.to_csv(result, index=False)
    print(done["state"].value_counts().to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
