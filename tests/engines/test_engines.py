"""The examples for Dask, Celery and BullMQ do every row while workers are killed half-way."""

import csv
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest
from company import COUNT, HALF_WAY, ROWS, company, kill, program, read_json
from dask.distributed import LocalCluster

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "python/examples"
NODE = Path(__file__).with_name("node")

pytestmark = pytest.mark.skipif(
    not shutil.which("redis-server"), reason="redis-server is not installed"
)


def write_csv(path):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ROWS[0])
        writer.writeheader()
        writer.writerows(ROWS)


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ends_well(process):
    assert process.wait(timeout=120) == 0


# --- Dask -------------------------------------------------------------------------------------


def test_dask_does_every_row_though_two_workers_are_killed(tmp_path, monkeypatch):
    source, result = tmp_path / "q3.csv", tmp_path / "q3-result.csv"
    write_csv(source)
    with company(per=0.5) as firm:
        for name, value in firm.settings.items():
            monkeypatch.setenv(name, value)
        options = {"n_workers": 3, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(**options, processes=True) as cluster:
            workers = [nanny.pid for nanny in cluster.workers.values()]
            cluster_address = {"DASK_SCHEDULER_ADDRESS": cluster.scheduler_address}
            command = [sys.executable, EXAMPLES / "with_dask.py", source, result]
            with program(command, os.environ | cluster_address) as main:
                firm.crm.stats(calls=HALF_WAY)
                for pid in workers[:2]:
                    os.kill(pid, signal.SIGKILL)
                ends_well(main)
        firm.check(read_csv(result))


# --- Celery -----------------------------------------------------------------------------------


def test_celery_does_every_row_though_a_process_and_a_machine_are_killed(tmp_path):
    source, result = tmp_path / "q3.csv", tmp_path / "q3-result.csv"
    write_csv(source)
    with company(per=0.5) as firm:
        settings = firm.settings | {
            "CELERY_BROKER_URL": f"{firm.redis}/1",
            "CELERY_RESULT_BACKEND": f"{firm.redis}/2",
        }
        main = [sys.executable, EXAMPLES / "with_celery.py", source, result]
        with (
            program(celery_worker("one"), settings) as one,
            program(celery_worker("two"), settings),
            program(main, settings) as sender,
        ):
            firm.crm.stats(calls=HALF_WAY // 2)
            psutil.Process(one.pid).children()[0].kill()
            firm.crm.stats(calls=HALF_WAY - 10)
            kill(one)
            # The rows of a dead machine wait for their time, 1 s, and then for a look at them: each
            # worker takes one when it starts, and every 100 s. Here, so many calls take over 1 s.
            firm.crm.stats(calls=HALF_WAY + 15)
            with program(celery_worker("three"), settings):
                ends_well(sender)
        firm.check(read_csv(result))


def celery_worker(name):
    command = [sys.executable, "-m", "celery", "--app", "hurried_celery", "--workdir"]
    return [*command, Path(__file__).parent, "worker", "--concurrency", "2", "--hostname", name]


# --- BullMQ -----------------------------------------------------------------------------------


@pytest.fixture
def bullmq():
    """The example, beside the packages that it imports."""
    copy = NODE / "node_modules/.example/with-bullmq.mjs"
    copy.parent.mkdir(exist_ok=True)
    return ["node", shutil.copy(ROOT / "node/examples/with-bullmq.mjs", copy)]


def test_bullmq_does_every_row_though_a_worker_is_killed(tmp_path, bullmq):
    source, result = tmp_path / "rows.json", tmp_path / "result.json"
    source.write_text(json.dumps(ROWS), encoding="utf-8")
    with company(per=1.5) as firm:
        # A wait for the quota may be longer than a lock lasts, and some are longer than may be.
        wait = {"LOCK_MS": "750", "IKCRM_QUOTA_MAX_WAIT": "1.4"}
        settings = firm.settings | wait | {"REDIS_URL": firm.redis}
        with (
            program([*bullmq, "work"], settings) as one,
            program([*bullmq, "work"], settings),
            program([*bullmq, "add", source, result], settings) as sender,
        ):
            firm.crm.stats(calls=HALF_WAY)
            assert "stalled" not in events(firm), "a lock was lost while a call waited"
            kill(one)
            ends_well(sender)
        firm.check(read_json(result))
        told = events(firm)
        assert told.count("completed") == COUNT
        assert told.count("delayed") > 0, "no call waited too long"
        assert 1 <= told.count("stalled") <= 5, "only the jobs of the killed worker"


def events(firm):
    """What BullMQ tells of its jobs."""
    stream = json.loads(firm.redis_cli("--json", "XRANGE", "bull:updates:events", "-", "+"))
    return [fields[fields.index("event") + 1] for _, fields in stream]
