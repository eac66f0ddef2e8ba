"""What events cost: CPU a call when nobody listens, and with listeners that do nothing."""

import sys

from bench import CALLS, HERE, having, measured, server

AIM = 5.0
"""The most microseconds that a call may pay for Python's logger at WARNING, or Node's channels."""


def main():
    with server() as url:
        python = measured(sys.executable, HERE / "python/listeners.py", url, CALLS)
        node = measured("node", HERE / "node/listeners.mjs", url, CALLS)
    print("\nEvents: CPU of a call, and how it compares to one that nobody hears of")
    for rows in (python, having(node, "cpu_us")):
        base = rows[0]["cpu_us"]
        for row in rows:
            aim = f"  (aim: at most {AIM:.0f} µs more)" if "WARNING" in row["name"] else ""
            cost = row["cpu_us"]
            more = f"{cost / base:6.2f} ×  {cost - base:+7.2f} µs{aim}"
            print(f"  {row['name']:<40}{cost:9.2f} µs  {more}")
    [look] = having(node, "look_us")
    print(f"  {look['name']:<40}{look['look_us']:9.2f} µs  (aim: at most {AIM:.0f} µs)")


if __name__ == "__main__":
    main()
