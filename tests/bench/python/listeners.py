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


class Nowhere(logging.Handler):
    """A handler that does nothing: measured is what a call pays because somebody listens."""

    def emit(self, record):
        pass


def kinds(url):
    """A client, the logger's level, and whether it has a handler, of each kind.

    The first asks the logger as the others do, and hears nothing.
    """
    from ikcrm import Client

    def client(**options):
        return Client(token="bench-token", base_url=url, quota=None, **options)

    nobody = client()
    return {
        "the logger at CRITICAL": (nobody, logging.CRITICAL, False),
        "the logger at WARNING, no handler": (nobody, logging.WARNING, False),
        "the logger at WARNING, a handler": (nobody, logging.WARNING, True),
        "the logger at DEBUG, a handler": (nobody, logging.DEBUG, True),
        "on_event that does nothing": (client(on_event=lambda _: None), logging.WARNING, False),
    }


def main():
    url, calls = sys.argv[1], int(sys.argv[2]) // ROUNDS
    LOG.propagate = False
    handler = Nowhere()
    measured = kinds(url)
    spent = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, (client, level, has_handler) in measured.items():
            LOG.setLevel(level)
            if has_handler:
                LOG.addHandler(handler)
            client.update_opportunity(568587, **UPDATE)
            begun = time.process_time()
            for _ in range(calls):
                client.update_opportunity(568587, **UPDATE)
            spent[name].append((time.process_time() - begun) / calls * 1e6)
            LOG.removeHandler(handler)
    for name, times in spent.items():
        print(json.dumps({"name": f"Python: {name}", "cpu_us": statistics.median(times)}))


if __name__ == "__main__":
    main()
