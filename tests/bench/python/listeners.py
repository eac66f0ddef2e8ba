"""Measures what those cost who hear of calls: `listeners.py URL CALLS` prints lines of JSON.

Each round makes some calls of each kind in turn, so that all kinds see the same machine.
"""

import json
import logging
import statistics
import sys
import time

from calls import UPDATE

ROUNDS = 20
LOG = logging.getLogger("ikcrm")


def kinds(url):
    """A client and the logger's level of each kind."""
    from ikcrm import Client

    def client(**options):
        return Client(token="bench-token", base_url=url, quota=None, **options)

    nobody = client()
    return {
        "nobody listens": (nobody, logging.CRITICAL),
        "the logger at WARNING": (nobody, logging.WARNING),
        "the logger at DEBUG, to nowhere": (nobody, logging.DEBUG),
        "on_event that does nothing": (client(on_event=lambda _: None), logging.WARNING),
    }


def main():
    url, calls = sys.argv[1], int(sys.argv[2]) // ROUNDS
    LOG.propagate = False
    measured = kinds(url)
    spent = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, (client, level) in measured.items():
            LOG.setLevel(level)
            client.update_opportunity(568587, **UPDATE)
            begun = time.process_time()
            for _ in range(calls):
                client.update_opportunity(568587, **UPDATE)
            spent[name].append((time.process_time() - begun) / calls * 1e6)
    for name, times in spent.items():
        print(json.dumps({"name": f"Python: {name}", "cpu_us": statistics.median(times)}))


if __name__ == "__main__":
    main()
