"""The quota kept for real: threads, processes and hosts against a CRM that counts for itself.

The window is scaled: 10 calls in any 1 s. Each test prints how much of the quota was used.
"""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import hosts
import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKERS = Path(__file__).with_name("workers")
CALLS, PER, LATENCY = 10, 1.0, 0.02


def target_folder():
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = subprocess.check_output(command, cwd=ROOT, text=True)
    return Path(json.loads(metadata)["target_directory"]) / "debug"


BINARIES = target_folder()
COMMANDS = {
    "python": [sys.executable, WORKERS / "worker.py"],
    "node": ["node", WORKERS / "worker.mjs"],
    "rust": [BINARIES / "quota-worker"],
}


class Crm:
    """The sandbox, and what it counted."""

    def __init__(self, url):
        self.url = url

    def stats(self, calls=0):
        """What was counted, as soon as so many calls have come."""
        with urllib.request.urlopen(f"{self.url}/sandbox/stats?calls={calls}") as answer:
            return json.load(answer)

    def check(self, capsys, name):
        """Nobody was refused; tells the ideal time of so many calls as a part of theirs."""
        stats = self.stats()
        windows = math.ceil(stats["calls"] / CALLS) - 1
        share = windows * (PER + LATENCY) / stats["seconds"]
        with capsys.disabled():
            print(f"\n  {name}: {stats['calls']} calls, {stats['refused']} refused, ", end="")
            print(f"{share:.1%} of the ideal", end="")
        assert stats["refused"] == 0, stats
        assert stats["max_in_window"] <= CALLS, stats
        return share


@pytest.fixture
def crm():
    command = [BINARIES / "ikcrm-sandbox", "--until-stdin-closes"]
    settings = {"quota-calls": CALLS, "quota-window-ms": PER * 1000, "latency-ms": LATENCY * 1000}
    for name, value in settings.items():
        command += [f"--{name}", f"{value:.0f}"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([str(part) for part in command], **pipes) as process:
        yield Crm(process.stdout.readline().strip())
        process.stdin.close()


def environment(crm, store=None):
    settings = {
        "IKCRM_TOKEN": "sandbox-token",
        "IKCRM_BASE_URL": crm.url,
        "IKCRM_TIMEOUT": "2",
        "IKCRM_QUOTA_CALLS": str(CALLS),
        "IKCRM_QUOTA_PER": str(PER),
        "IKCRM_QUOTA_KEY": "the company",
    }
    return os.environ | settings | ({"IKCRM_QUOTA_STORE": store} if store else {})


def start(language, threads, calls, variables, host=None):
    """Starts a worker."""
    command = [str(part) for part in [*COMMANDS[language], threads, calls]]
    return (host or hosts.Host(None)).popen(command, env=variables)


def end_well(workers):
    assert [worker.wait(timeout=120) for worker in workers] == [0] * len(workers)


@pytest.mark.parametrize("language", COMMANDS)
def test_32_threads_of_one_process(crm, capsys, language):
    end_well([start(language, 32, 2, environment(crm))])
    assert crm.check(capsys, f"one {language} process, 32 at once") > 0.95


def test_8_processes_on_one_file_some_of_them_killed(crm, capsys, tmp_path):
    variables = environment(crm, f"file://{tmp_path}/quota")
    languages = ["python", "node", "rust"]
    workers = [start(languages[i % 3], 4, 5, variables) for i in range(8)]
    crm.stats(calls=40)
    for worker in workers[:3]:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    end_well(workers[3:])
    crm.check(capsys, "8 processes on a file, 3 killed")


@contextmanager
def redis_server(address, port):
    """A Redis server that keeps nothing; it listens when this returns."""
    command = ["redis-server", "--bind", address, "--port", str(port), "--protected-mode", "no"]
    command += ["--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield process
        process.kill()


def free_port(address):
    with socket.create_server((address, 0)) as server:
        return server.getsockname()[1]


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
def test_3_hosts_of_3_processes_on_one_redis_that_restarts(crm, capsys):
    with ExitStack() as stack:
        if hosts.can_make_hosts():
            address, machines = f"{hosts.SUBNET}.1", stack.enter_context(hosts.network(3))
            crm_address = crm.url.removeprefix("http://")
            port = crm_address.rpartition(":")[2]
            outside = f"{address}:{port}"
            stack.enter_context(hosts.forwarded(hosts.Host(None), outside, crm_address))
            for machine in machines:
                stack.enter_context(hosts.forwarded(machine, crm_address, outside))
            where = "3 hosts"
        else:
            address, machines = "127.0.0.1", [hosts.Host(None)] * 3
            where = "3 × 3 processes (NO NETWORK NAMESPACES HERE, so no hosts)"
        port = free_port(address)
        variables = environment(crm, f"redis://{address}:{port}")
        with redis_server(address, port) as redis:
            workers = [
                start(language, 2, 6, variables, machine)
                for machine in machines
                for language in COMMANDS
            ]
            crm.stats(calls=40)
            redis.kill()
        with redis_server(address, port):
            end_well(workers)
    crm.check(capsys, f"{where}, Redis restarted")
