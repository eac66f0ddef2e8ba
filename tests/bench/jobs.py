"""The benchmarks of jobs: planning, memory, sending, and how many calls a job takes."""

import os
import sys

from bench import HERE, measured, release_folder, server

PLANNED = int(os.environ.get("BENCH_PLANNED", "1000000"))
SENT = int(os.environ.get("BENCH_SENT", "20000"))
RUST, PYTHON, NODE = "Rust", "Python", "Node"
AIMS = {RUST: 100_000, PYTHON: 50_000, NODE: 50_000}
PROGRAMS = {
    RUST: [release_folder() / "bench-jobs"],
    PYTHON: [sys.executable, HERE / "python/jobs.py"],
    NODE: ["node", HERE / "node/jobs.js"],
}


def measure(language, url, what, rows):
    (told,) = measured(*PROGRAMS[language], url, what, rows)
    return told


def line(name, told, peer=None, aim=""):
    ratio = f"{told['rows_per_s'] / peer['rows_per_s']:6.2f} ×" if peer else " " * 8
    grown = f"{told['grown_mib']:7.1f} MB" if "grown_mib" in told else ""
    print(f"  {name:<34}{told['rows_per_s']:10,.0f} rows/s {ratio}{grown}  {aim}")


def planning(url):
    print(f"\nPlanning {PLANNED:,} rows; MB over the baseline (aim: 150 for a million)")
    peers = {PYTHON: "pydantic", NODE: "zod"}
    for language, aim in AIMS.items():
        peer = measure(language, url, peers[language], PLANNED) if language in peers else None
        if peer:
            line(f"{language}: {peers[language]}, checks only", peer)
        for what, how in (("plan none", "not compared"), ("plan auto", "compared by pages")):
            told = measure(language, url, what, PLANNED)
            line(f"{language}: plan, {how}", told, peer, f"(aim: {aim:,} rows/s)")


def sending(url, where):
    print(f"\nSending {SENT:,} rows without a quota, 32 under way, {where}")
    requests = measure(PYTHON, url, "requests", SENT)
    line("requests + ThreadPoolExecutor", requests, requests)
    line("httpx, asyncio", measure(PYTHON, url, "httpx", SENT), requests)
    line("undici + p-limit", measure(NODE, url, "undici", SENT), requests)
    bare = measure(RUST, url, "calls", SENT)
    line("ikcrm, Rust: calls without a job", bare, requests)
    for language in AIMS:
        told = measure(language, url, "apply", SENT)
        line(f"ikcrm, {language}: a job", told, requests, "(aim: 3 ×)")
        if language == RUST:
            share = 1 - told["rows_per_s"] / bare["rows_per_s"]
            print(f"    of its time the job's file takes {max(share, 0):.0%}")


def calls():
    told = measure(PYTHON, "", "whole", 10_000)
    figures = f"{told['calls']} calls, {told['seconds']:.1f} s"
    print(f"\n10,000 rows of which 500 change, 20 ms an answer: {figures}  (aim: 640 calls)")


def main():
    with server() as url:
        planning(url)
        sending(url, "answered at once")
    with server("50") as url:
        sending(url, "answered after 50 ms")
    calls()


if __name__ == "__main__":
    main()
