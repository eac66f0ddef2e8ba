"""Calls whose pace pyrate-limiter sets: `paced.py SIDE_BY_SIDE CALLS`; refusals stay refused."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from pyrate_limiter import Duration, Limiter, Rate

import ikcrm


def main(side_by_side, calls):
    limiter = Limiter(Rate(10, Duration.SECOND))
    client = ikcrm.Client.from_env()

    def call():
        limiter.try_acquire("crm")
        with suppress(ikcrm.RateLimitedError):  # the sandbox counts what it refused
            client.update_opportunity(568587, title="ccc", customer_id=1)

    with ThreadPoolExecutor(side_by_side) as pool:
        for done in [pool.submit(call) for _ in range(side_by_side * calls)]:
            done.result()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
