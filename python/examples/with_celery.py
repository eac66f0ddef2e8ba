"""Updates the opportunities of a table on many machines, with Celery.

    celery --app with_celery worker --concurrency 2     # on each machine
    python with_celery.py q3.csv q3-result.csv

`CELERY_BROKER_URL` and `CELERY_RESULT_BACKEND` are Redis servers. Each worker takes its settings
from its environment: `IKCRM_TOKEN`, `IKCRM_BASE_URL`, and `IKCRM_QUOTA_STORE=redis://…`, so that
all workers share the quota of the company.
"""

import csv
import sys
from collections import Counter
from typing import Any

from celery import Celery, Task, group

import ikcrm

app = Celery("with_celery")
app.conf.update(
    task_acks_late=True,  # a row leaves the queue when it is done, not when it is taken
    task_reject_on_worker_lost=True,  # if a process dies, its row goes back to the queue
    worker_prefetch_multiplier=1,  # a worker takes no rows in advance
    # If a machine dies, its rows go back after so many seconds. It must be longer than a row may
    # wait for the quota: some 2 s for each process of all workers.
    broker_transport_options={"visibility_timeout": 600},
)


@app.task(bind=True, name="update_row")
def update_row(task: Task, row: dict[str, Any]) -> dict[str, Any]:
    """Updates a row, and says what became of it."""
    try:
        ikcrm.update_opportunity(row["id"], expect_amount=row["expect_amount"], fill=True)
    except ikcrm.IkcrmError as error:
        if error.retryable:
            raise task.retry(exc=error, countdown=error.retry_after or 10, max_retries=5) from None
        if isinstance(error, ikcrm.AuthError | ikcrm.ConfigError):
            raise  # not the row's fault
        return row | {"state": error.code, "message": str(error)}
    return row | {"state": "updated", "message": ""}


def main(source: str, result: str) -> None:
    with open(source, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    done = group(update_row.s(row) for row in rows).apply_async().get()
    with open(result, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "state", "message"])
        writer.writeheader()
        writer.writerows(done)
    print(Counter(row["state"] for row in done))


if __name__ == "__main__":
    main(*sys.argv[1:])
