"""Calls, forks a pool and lets it call with the same client: `forks.py PROCESSES CALLS`."""

import multiprocessing
import sys
import warnings

from worker import call

import ikcrm

warnings.simplefilter("ignore", DeprecationWarning)  # the core's threads are no matter of a fork's
CLIENT = ikcrm.Client.from_env()


def once(_):
    call(CLIENT)


if __name__ == "__main__":
    call(CLIENT)
    with multiprocessing.get_context("fork").Pool(int(sys.argv[1])) as pool:
        pool.map(once, range(int(sys.argv[2])), chunksize=1)
    print("done")
