"""The benchmarks of jobs: planning, memory, sending, and how many calls a job takes."""

import os
import sys
from functools import cache

from bench import HERE, measured, release_folder, server

PLANNED = int(os.environ.get("BENCH_PLANNED", "1000000"))
SENT = int(os.environ.get("BENCH_SENT", "20000"))
RUST, PYTHON, NODE = "Rust", "Python", "Node"
PLANNED_PER_S = {RUST: 100_000, PYTHON: 50_000, NODE: 50_000}
MOST_MB = 150
TIMES_REQUESTS = 3
MOST_CALLS = 640
PROGRAMS = {
    RUST: [release_folder() / "bench-jobs"],
    PYTHON: [sys.executable, HERE / "python/jobs.py"],
    NODE: ["node", HERE / "node/jobs.js"],
}


@cache
def measure(language, url, what, rows):
    (told,) = measured(*PROGRAMS[language], url, what, rows)
    return told


def verdict(aim, is_met):
    return f"{aim}: {'met' if is_met else 'missed'}"


def line(name, told, *peer, aims=()):
    """A measurement; with the name and the measurement of a peer, as a multiple of it."""
    figures = f"{told['rows_per_s']:10,.0f} rows/s {told['cpu_us']:7.1f} µs CPU a row"
    ratio = f"{told['rows_per_s'] / peer[1]['rows_per_s']:6.2f} × {peer[0]}" if peer else ""
    print(f"  {name:<34}{figures} {ratio:<32}{', '.join(aims)}".rstrip(), flush=True)


def planning(url):
    print(f"\nPlanning {PLANNED:,} rows with three fields each, the job's file included.")
    print("Compared: with pages of 100 rows of the list. Peers only check the values; SQLite alone")
    print(
        "writes the same bytes to a job's file. 10 µs of CPU are 100,000 rows/s on an idle machine."
    )
    hows = {"none": "not compared", "auto": "compared"}
    for language, aim in PLANNED_PER_S.items():
        for peer in dict.fromkeys(map(PEERS[language], hows)):
            line(f"{language}: {NAMES[peer]}", measure(language, url, peer, PLANNED))
        for what, how in hows.items():
            told = measure(language, url, f"plan {what}", PLANNED)
            peer = PEERS[language](what)
            compared_with = measure(language, url, peer, PLANNED)
            aims = (
                verdict(f"aim {aim:,} rows/s", told["rows_per_s"] >= aim),
                verdict(f"{told['grown_mib']:.0f} MB, aim {MOST_MB}", told["grown_mib"] <= MOST_MB),
            )
            line(f"{language}: plan, {how}", told, NAMES[peer], compared_with, aims=aims)


PEERS = {
    RUST: lambda what: f"sqlite {what}",
    PYTHON: lambda _: "pydantic",
    NODE: lambda _: "zod",
}
NAMES = {
    "sqlite none": "SQLite, not compared",
    "sqlite auto": "SQLite, compared",
    "pydantic": "pydantic",
    "zod": "zod",
}


def sending(url, milliseconds):
    where = f"answered after {milliseconds} ms" if milliseconds else "answered at once"
    print(f"\nSending {SENT:,} rows without a quota, 32 at once, {where}. Peers keep no journal.")
    if milliseconds:
        print(f"No more than {32_000 // milliseconds} rows/s can be sent so.")
    requests = measure(PYTHON, url, "requests", SENT)
    times = ("requests", requests)
    line("requests, ThreadPoolExecutor", requests)
    line("httpx, asyncio", measure(PYTHON, url, "httpx", SENT), *times)
    line("undici, p-limit", measure(NODE, url, "undici", SENT), *times)
    bare = measure(RUST, url, "calls", SENT)
    line("ikcrm, Rust: calls without a job", bare, *times)
    for language in PROGRAMS:
        told = measure(language, url, "apply", SENT)
        is_met = told["rows_per_s"] >= TIMES_REQUESTS * requests["rows_per_s"]
        aims = () if milliseconds else (verdict(f"aim {TIMES_REQUESTS} ×", is_met),)
        line(f"ikcrm, {language}: a job", told, *times, aims=aims)
        if language == RUST:
            shares = [
                1 - told["rows_per_s"] / bare["rows_per_s"],
                1 - bare["cpu_us"] / told["cpu_us"],
            ]
            time, cpu = (f"{max(share, 0):.0%}" for share in shares)
            print(f"    the journal's share: {time} of the time, {cpu} of the CPU")


def calls():
    told = measure(PYTHON, "", "whole", 10_000)
    print(
        "\n10,000 rows of which 500 change, planned and applied in one go, 20 ms an answer:\n"
        f"  {told['calls']} calls ({verdict(f'aim {MOST_CALLS}', told['calls'] <= MOST_CALLS)}), "
        f"{told['seconds']:.1f} s"
    )


def main():
    with server() as url:
        planning(url)
        sending(url, 0)
    with server("50") as url:
        sending(url, 50)
    calls()


if __name__ == "__main__":
    main()
