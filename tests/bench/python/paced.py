"""Calls whose pace pyrate-limiter sets: `paced.py SIDE_BY_SIDE CALLS`; refusals are left as they are."""

import sys
from concurrent.futures import ThreadPoolExecutor

import ikcrm
from pyrate_limiter import Duration, Limiter, Rate


def main(side_by_side, calls):
    limiter = Limiter(Rate(10, Duration.SECOND))
    client = ikcrm.Client.from_env()

    def call():
        limiter.try_acquire("crm")
        try:
            client.update_opportunity(568587, title="ccc", customer_id=1)
        except ikcrm.RateLimitedError:
            pass  # the sandbox counts what it refused

    with ThreadPoolExecutor(side_by_side) as pool:
        for done in [pool.submit(call) for _ in range(side_by_side * calls)]:
            done.result()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
