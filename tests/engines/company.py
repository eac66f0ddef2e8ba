"""A company: its CRM, which counts calls, a Redis server, and the rows that are to be updated."""

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import parts

import ikcrm
from ikcrm.testing import Sandbox

FIRST, COUNT = 600_001, 30
ROWS = [{"id": str(FIRST + i), "expect_amount": f"{1000 + i}.50"} for i in range(COUNT)]
ROWS[7]["expect_amount"] = "1,000"  # no number
ROWS[21]["id"] = "404"  # not there
STATES = ["updated"] * COUNT
STATES[7], STATES[21] = "validation", "not_found"
CALLS_OF_A_ROW = 2  # it is read, then updated
HALF_WAY = COUNT * CALLS_OF_A_ROW // 2


class Company:
    """One CRM and one Redis server, which nobody else uses."""

    def __init__(self, sandbox, port, per):
        self.sandbox = sandbox
        self.redis = f"redis://127.0.0.1:{port}"
        self.redis_cli = partial(parts.redis_cli, port)
        self.crm = parts.Crm(sandbox.url)
        self.settings = parts.environment(self.crm, f"{self.redis}/0", IKCRM_QUOTA_PER=str(per))

    def check(self, done):
        """Each row is there once, in the right state, and right in the CRM; no call was refused."""
        assert [row["id"] for row in done] == [row["id"] for row in ROWS]
        assert [row["state"] for row in done] == STATES
        assert all(bool(row["message"]) == (row["state"] != "updated") for row in done)
        for row, state in zip(ROWS, STATES, strict=True):
            if state == "updated":
                stored = self.sandbox.opportunity(int(row["id"]))
                assert stored.expect_amount == Decimal(row["expect_amount"]), row
        stats = self.crm.stats()
        assert stats["refused"] == 0, stats
        assert stats["max_in_window"] <= parts.CALLS, stats


@contextmanager
def company(per):
    """A company that admits `parts.CALLS` calls in any `per` seconds."""
    port = parts.free_port()
    quota = ikcrm.Quota(calls=parts.CALLS, per=per)
    with (
        Sandbox(quota=quota, latency=parts.LATENCY) as sandbox,
        parts.redis_server("127.0.0.1", port),
    ):
        parts.long_up(port)
        yield Company(sandbox, port, per)


@contextmanager
def program(command, settings):
    """A program in a process group of its own, which is killed as a whole when this ends."""
    with subprocess.Popen(command, env=settings, start_new_session=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                kill(process)


def kill(process):
    """Kills a program and all its processes, as when a machine loses its power."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))
