"""What a slot of the quota costs by itself, taken and settled in Rust without a call."""

import tempfile

from bench import measured, release_folder, table
from quota import redis_server

MANY, FEW = 200_000, 5_000


def slot(name, count, *store):
    return measured(release_folder() / "bench-quota", "slot", name, count, *store)


def main():
    rows = slot("this process", MANY)
    with tempfile.TemporaryDirectory() as folder:
        rows += slot("a file", FEW, f"file://{folder}/quota")
    with redis_server() as redis:
        if redis:
            rows += slot("Redis on this machine", FEW, redis)
    table("Cost of a slot, taken and settled", rows, ["slot_us", "cpu_us"])


if __name__ == "__main__":
    main()
