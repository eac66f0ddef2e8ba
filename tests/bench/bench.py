"""Runs all benchmarks and prints them as ratios within this run: `make bench`."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CALLS = os.environ.get("BENCH_CALLS", "20000")


def release_folder():
    text = subprocess.check_output(
        ["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT
    )
    return Path(json.loads(text)["target_directory"]) / "release"


def on_processors(chosen):
    """Keeps a program to these processors: where the scheduler puts both ends of a connection, now
    on one, now on two, makes more of a difference than what is measured."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    processors = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, processors[chosen] or processors)


SERVERS, CLIENTS = slice(-1, None), slice(None, -1)


@contextmanager
def server(*latency):
    """A loopback server that answers the sample; ends with the block."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [release_folder() / "bench-server", *latency]
    with subprocess.Popen(command, preexec_fn=on_processors(SERVERS), **pipes) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def measured(*command):
    command = [str(part) for part in command]
    options = {"text": True, "cwd": HERE, "preexec_fn": on_processors(CLIENTS)}
    lines = subprocess.check_output(command, **options)
    return [json.loads(line) for line in lines.splitlines()]


def table(title, rows, columns, base=None):
    """A row a line; with a base, the first column as a ratio to that row too."""
    print(f"\n{title}")
    first = columns[0]
    reference = next((row[first] for row in rows if row["name"] == base), None)
    for row in rows:
        figures = "  ".join(f"{row[column]:9.2f} {column}" for column in columns)
        ratio = f"  {row[first] / reference:6.2f} × {base}" if reference else ""
        print(f"  {row['name']:<28}{figures}{ratio}")


def having(rows, column):
    return [row for row in rows if column in row]


def main():
    with server() as url, server("50") as slow_url:
        core = measured(release_folder() / "bench-core", url, CALLS)
        python = measured(sys.executable, HERE / "python/measure.py", url, slow_url, CALLS)
        node = measured("node", HERE / "node/measure.js", url, slow_url, CALLS)
    costs = ["cpu_us", "time_us"]
    table("Rust: one call after another, per call", core, costs, "raw socket, Rust")
    table(
        "Python: one call after another, per call", having(python, "cpu_us"), costs, "ikcrm, Python"
    )
    table("Node: one call after another, per call", having(node, "cpu_us"), costs, "ikcrm, Node")
    flying = having(python + node, "of_ideal")
    table("64 in flight at 50 ms: time as a multiple of the ideal", flying, ["of_ideal"])
    table("Import in a fresh process", having(python, "import_ms"), ["import_ms"])
    memory = having(python + node, "peak_mib")
    table("Memory of a fresh process after 1,000 calls", memory, ["peak_mib", "grown_mib"])


if __name__ == "__main__":
    main()
