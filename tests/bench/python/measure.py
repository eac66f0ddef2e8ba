"""Measures ikcrm and Python's HTTP clients: `measure.py URL SLOW_URL CALLS` prints lines of JSON.

SLOW_URL answers after 50 ms.
"""

import asyncio
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import calls

ROUNDS = 10
IN_FLIGHT = 64
SHARE = 40
IDEAL = SHARE * 0.05
PEERS = {
    "ikcrm, Python": calls.ikcrm,
    "pycurl + orjson": calls.pycurl_orjson,
    "aiohttp": calls.aiohttp,
    "httpx": calls.httpx,
    "requests": calls.requests,
}


def report(**line):
    print(json.dumps(line), flush=True)


def sequential(url, number):
    """Rounds of each in turn, so that a slow moment of the machine hits all alike."""
    peers = {name: make(url) for name, make in PEERS.items()}
    cost = {name: [0.0, 0.0] for name in peers}
    for round_ in range(ROUNDS + 1):
        for name, call in peers.items():
            cpu, begun = time.process_time(), time.perf_counter()
            for _ in range(number // ROUNDS):
                assert call() == 568587
            if round_ > 0:  # the first warms up
                cost[name][0] += time.process_time() - cpu
                cost[name][1] += time.perf_counter() - begun
    made = number // ROUNDS * ROUNDS
    for name, (cpu, elapsed) in cost.items():
        report(name=name, cpu_us=cpu / made * 1e6, time_us=elapsed / made * 1e6)


def threads(url):
    call = calls.ikcrm(url)
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(lambda _: call(), range(IN_FLIGHT)))
        begun = time.perf_counter()
        list(pool.map(lambda _: call(), range(IN_FLIGHT * SHARE)))
        return (time.perf_counter() - begun) / IDEAL


async def tasks(make, url):
    call = await make(url)

    async def worker(share):
        for _ in range(share):
            await call()

    await asyncio.gather(*(worker(1) for _ in range(IN_FLIGHT)))
    begun = time.perf_counter()
    await asyncio.gather(*(worker(SHARE) for _ in range(IN_FLIGHT)))
    return (time.perf_counter() - begun) / IDEAL


MEMORY = """
import re, sys
sys.path.insert(0, {folder!r})
import calls
call = calls.{make}({url!r})
call()
# Not ru_maxrss: a process inherits that of the one that started it.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = peak()
for _ in range(1000):
    call()
print(peak(), peak() - before)
"""


def memory(url):
    """The peak of a fresh process after 1,000 calls, and how much of it the calls added."""
    for name, make in PEERS.items():
        code = MEMORY.format(folder=str(Path(__file__).parent), make=make.__name__, url=url)
        run = [sys.executable, "-c", code]
        peak, grown = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
        report(name=name, peak_mib=int(peak) / 1024, grown_mib=int(grown) / 1024)


def start_up():
    """The time that the import takes in a fresh process: the best of 20."""
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    for name in ("ikcrm", "requests", "httpx", "aiohttp"):
        run = [sys.executable, "-c", code.format(name)]
        best = min(float(subprocess.check_output(run)) for _ in range(20))
        report(name=f"import {name}", import_ms=best * 1e3)


def main():
    url, slow_url, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sequential(url, number)
    report(name="ikcrm, 64 Python threads", of_ideal=threads(slow_url))
    report(name="ikcrm, 64 asyncio tasks", of_ideal=asyncio.run(tasks(calls.ikcrm_task, slow_url)))
    report(
        name="aiohttp, 64 asyncio tasks", of_ideal=asyncio.run(tasks(calls.aiohttp_task, slow_url))
    )
    start_up()
    memory(url)


if __name__ == "__main__":
    main()
