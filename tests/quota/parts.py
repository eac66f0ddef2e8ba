"""The parts of the quota's tests: a CRM that counts, workers that call it, a Redis server.

The window is scaled: 10 calls in any 1 s.
"""

import json
import math
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import hosts

ROOT = Path(__file__).resolve().parents[2]
WORKERS = Path(__file__).with_name("workers")
CALLS, PER, LATENCY = 10, 1.0, 0.02
KEY = "the company"


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
OTHERS = {
    "per call": [sys.executable, WORKERS / "per_call.py"],
    "forks": [sys.executable, WORKERS / "forks.py"],
    "daemon": [sys.executable, WORKERS / "daemon.py"],
}
"""Programs of the same form that are odd about processes and clients."""


class Crm:
    """The sandbox, and what it counted."""

    def __init__(self, url):
        self.url = url

    def stats(self, calls=0):
        """What was counted, as soon as so many calls have come."""
        with urllib.request.urlopen(f"{self.url}/sandbox/stats?calls={calls}") as answer:
            return json.load(answer)


@contextmanager
def sandbox():
    command = [BINARIES / "ikcrm-sandbox", "--until-stdin-closes"]
    settings = {
        "quota-calls": CALLS,
        "quota-window-ms": PER * 1000,
        "latency-ms": LATENCY * 1000,
    }
    for name, value in settings.items():
        command += [f"--{name}", f"{value:.0f}"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([str(part) for part in command], **pipes) as process:
        try:
            yield Crm(process.stdout.readline().strip())
        finally:
            process.stdin.close()


def check(stats, capsys, name):
    """Nobody was refused; tells the ideal time of so many calls as a part of theirs."""
    windows = math.ceil(stats["calls"] / CALLS) - 1
    share = windows * (PER + LATENCY) / stats["seconds"] if stats["seconds"] else 0
    with capsys.disabled():
        print(f"\n  {name}: {stats['calls']} calls, {stats['refused']} refused, ", end="")
        print(f"{share:.1%} of the ideal", end="")
    assert stats["refused"] == 0, stats
    assert stats["max_in_window"] <= CALLS, stats
    return share


def environment(crm, store=None, **more):
    settings = {
        "IKCRM_TOKEN": "sandbox-token",
        "IKCRM_BASE_URL": crm.url,
        "IKCRM_TIMEOUT": "2",
        "IKCRM_QUOTA_CALLS": str(CALLS),
        "IKCRM_QUOTA_PER": str(PER),
        "IKCRM_QUOTA_KEY": KEY,
    }
    return os.environ | settings | ({"IKCRM_QUOTA_STORE": store} if store else {}) | more


def start(language, threads, calls, variables, host=None, before=(), **options):
    """Starts a worker."""
    command = [str(part) for part in [*before, *(COMMANDS | OTHERS)[language], threads, calls]]
    return (host or hosts.Host(None)).popen(command, env=variables, **options)


def end_well(workers):
    assert [worker.wait(timeout=120) for worker in workers] == [0] * len(workers)


@contextmanager
def redis_server(address, port, *options):
    """A Redis server that keeps nothing; it listens when this returns."""
    command = [
        "redis-server",
        "--bind",
        address,
        "--port",
        str(port),
        "--protected-mode",
        "no",
    ]
    command += ["--save", "", "--appendonly", "no", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()
        try:
            yield process
        finally:
            process.kill()


def redis_cli(port, *command, **options):
    return subprocess.check_output(["redis-cli", "-p", str(port), *command], text=True, **options)


def long_up(port, *options):
    """Makes a server's window as if it had long been up: a new one lets nobody pass at first."""
    info = redis_cli(port, *options, "INFO", "server").splitlines()
    run = next(line.partition(":")[2] for line in info if line.startswith("run_id:"))
    window = ["run", run, "born", "long ago", "began", "0"]
    redis_cli(port, *options, "HSET", f"ikcrm:quota:{KEY}", *window)


def free_port(address="127.0.0.1"):
    with socket.create_server((address, 0)) as server:
        return server.getsockname()[1]
