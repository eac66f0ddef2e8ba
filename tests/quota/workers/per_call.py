"""As `worker.py`, with a client made for each call: `per_call.py THREADS CALLS`."""

import sys
from concurrent.futures import ThreadPoolExecutor

from worker import call

import ikcrm


def once():
    with ikcrm.Client.from_env() as client:
        call(client)


def main(threads, calls):
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(once) for _ in range(threads * calls)]:
            done.result()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
