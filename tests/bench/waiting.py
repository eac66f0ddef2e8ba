"""10,000 calls that wait for the quota: memory, threads, and how fast others are answered."""

import sys

from bench import HERE, measured, server, table

CALLS, AIM_MIB = 10_000, 40


def main():
    rows = []
    for command in [
        [sys.executable, HERE / "python/waiting.py", "asyncio"],
        [sys.executable, HERE / "python/waiting.py", "pool"],
        ["node", HERE / "node/waiting.js"],
    ]:
        with server() as url:
            rows += measured(*command, url, CALLS)
    title = f"{CALLS:,} waiting calls over the baseline (aim: under {AIM_MIB} MiB)"
    table(title, rows, ["mib", "threads", "quota_ms", "refusal_ms"])


if __name__ == "__main__":
    main()
