"""The quota's benchmarks: how much of it is used, and who is refused.

The window is scaled: 10 calls in any 1 s, answers after 20 ms. The ideal is a call each
(1 s + 20 ms) / 10.
"""

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from urllib.request import urlopen

from bench import HERE, ROOT, release_folder, table

CALLS, PER, LATENCY = 10, 1.0, 0.02
SIDE_BY_SIDE, CALLS_EACH = 32, 5
# A call to a Redis server and its answer, in seconds. Windows of 10 s bear ten times as much.
ROUND_TRIPS = [0.001, 0.02, 0.06, 0.2, 0.6]
WORKERS = ROOT / "tests/quota/workers"


@contextmanager
def sandbox():
    command = [release_folder() / "ikcrm-sandbox", "--until-stdin-closes"]
    command += ["--quota-window-ms", f"{PER * 1000:.0f}", "--latency-ms", f"{LATENCY * 1000:.0f}"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def redis_server():
    """The URL of a Redis server of this run's own; nothing where it is not installed."""
    if not shutil.which("redis-server"):
        print("NOT MEASURED: redis-server is not installed")
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while "Ready to accept connections" not in process.stdout.readline():
            pass
        yield f"redis://127.0.0.1:{port}"
        process.kill()


@contextmanager
def slowed(url, round_trip):
    """The URL of the same server, so many seconds away there and back."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        here = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, ROOT / "tests/quota/forward.py", here]
    command += [url.removeprefix("redis://"), str(round_trip / 2)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        process.stdout.readline()
        yield f"redis://{here}"
        process.stdin.close()


def arrangement(name, commands, quota):
    """Lets the commands share the sandbox's quota, and tells what it counted."""
    with sandbox() as url:
        settings = {"IKCRM_TOKEN": "sandbox-token", "IKCRM_BASE_URL": url, "IKCRM_TIMEOUT": "2"}
        variables = os.environ | settings | {"IKCRM_MAX_RETRIES": "0"} | quota
        each = SIDE_BY_SIDE // len(commands)
        workers = [
            subprocess.Popen([str(part) for part in [*command, each, CALLS_EACH]], env=variables)
            for command in commands
        ]
        assert [worker.wait() for worker in workers] == [0] * len(workers), name
        with urlopen(f"{url}/sandbox/stats") as answer:
            stats = json.load(answer)
    served = stats["calls"] - stats["refused"]
    ideal = (math.ceil(served / CALLS) - 1) * (PER + LATENCY)
    return {"name": name, "refused": stats["refused"], "of_ideal": ideal / stats["seconds"]}


def utilisation(redis):
    python = [sys.executable, WORKERS / "worker.py"]
    node = ["node", WORKERS / "worker.mjs"]
    own = {"IKCRM_QUOTA_CALLS": str(CALLS), "IKCRM_QUOTA_PER": str(PER)}
    with tempfile.TemporaryDirectory() as folder:
        file = own | {"IKCRM_QUOTA_STORE": f"file://{folder}/quota"}
        yield arrangement("ikcrm, Python, 32 threads", [python], own)
        yield arrangement("ikcrm, Node, 32 side by side", [node], own)
        yield arrangement("ikcrm, 8 processes on a file", [python, node] * 4, file)
    if redis:
        far = own | {"IKCRM_QUOTA_STORE": redis}
        yield arrangement("ikcrm, 8 processes on Redis", [python, node] * 4, far)
        for round_trip in ROUND_TRIPS:
            name = f"ikcrm, Python, Redis {round_trip * 1000:.0f} ms away"
            with slowed(redis, round_trip) as url:
                yield arrangement(name, [python], own | {"IKCRM_QUOTA_STORE": url})
    off = {"IKCRM_QUOTA": "off"}
    yield arrangement(
        "pyrate-limiter, 32 threads", [[sys.executable, HERE / "python/paced.py"]], off
    )
    yield arrangement("bottleneck, 32 side by side", [["node", HERE / "node/paced.js"]], off)
    governor = [release_folder() / "bench-quota", "governor"]
    yield arrangement("governor, 32 threads", [governor], off)


def main():
    with redis_server() as redis:
        rows = list(utilisation(redis))
        table("Quota of 10 calls in any 1 s, 160 calls", rows, ["refused", "of_ideal"])


if __name__ == "__main__":
    main()
