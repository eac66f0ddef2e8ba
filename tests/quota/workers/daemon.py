"""Makes a client for each call, and a daemon that does so too: `daemon.py THREADS CALLS`."""

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

from per_call import once

warnings.simplefilter("ignore", DeprecationWarning)  # the core's threads are no matter of a fork's


def is_daemon():
    """Forks twice, away from the terminal; whether this is the last child."""
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    return True


def main(threads, calls):
    once()
    with ThreadPoolExecutor(threads) as pool:
        under_way = [pool.submit(once) for _ in range(threads * calls)]
        under_way[0].result()  # the others' clients come and go
        if is_daemon():
            for _ in range(calls):
                once()
            os._exit(0)
        for done in under_way:
            done.result()
    print("done")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
