"""Makes calls from many threads with the environment's settings: `worker.py THREADS CALLS`.

A call that failed because the quota's store was away is made again; any other error ends it.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import ikcrm


def call(client):
    while True:
        try:
            return client.update_opportunity(568587, title="ccc", customer_id=1)
        except ikcrm.QuotaStoreError as error:  # noqa: PERF203 (the try is what the loop is for)
            if not error.retryable:
                raise
            time.sleep(0.1)


def main(threads, calls):
    client = ikcrm.Client.from_env()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(call, client) for _ in range(threads * calls)]:
            done.result()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
