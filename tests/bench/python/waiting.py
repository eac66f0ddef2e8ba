"""Lets calls wait: `waiting.py asyncio|pool URL CALLS` prints a line of JSON.

Of a pool's calls wait as many as it has threads, which are the program's own; the others are in its
queue.
"""

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import ikcrm

FIELDS = {"title": "ccc", "customer_id": 1}
POOL = 64


def mib():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def threads():
    return len(os.listdir("/proc/self/task"))


def client(kind, url):
    return kind(token="t", base_url=url, quota=ikcrm.Quota(calls=1, per=3600))


async def with_asyncio(url, count):
    async with client(ikcrm.AsyncClient, url) as crm:
        await crm.update_opportunity(568587, **FIELDS)
        before, had = mib(), threads()
        calls = [
            asyncio.create_task(crm.update_opportunity(568587, **FIELDS)) for _ in range(count)
        ]
        while (await crm.quota()).waiting < count:
            pass
        told = {"mib": mib() - before, "threads": threads() - had}
        begun = time.perf_counter()
        await crm.quota()
        told["quota_ms"] = (time.perf_counter() - begun) * 1e3
        begun = time.perf_counter()
        with suppress(ikcrm.ValidationError):
            await crm.update_opportunity(0, **FIELDS)
        told["refusal_ms"] = (time.perf_counter() - begun) * 1e3
    await asyncio.gather(*calls, return_exceptions=True)
    return {"name": "ikcrm, asyncio", **told}


def with_pool(url, count):
    crm = client(ikcrm.Client, url)
    crm.update_opportunity(568587, **FIELDS)
    before, had = mib(), threads()
    with ThreadPoolExecutor(POOL) as pool:
        for _ in range(count):
            pool.submit(crm.update_opportunity, 568587, **FIELDS)
        while crm.quota().waiting < POOL:
            pass
        told = {"mib": mib() - before, "threads": threads() - had}
        begun = time.perf_counter()
        crm.quota()
        told["quota_ms"] = (time.perf_counter() - begun) * 1e3
        begun = time.perf_counter()
        with suppress(ikcrm.ValidationError):
            crm.update_opportunity(0, **FIELDS)
        told["refusal_ms"] = (time.perf_counter() - begun) * 1e3
        pool.shutdown(wait=False, cancel_futures=True)
        crm.close()
    return {"name": f"ikcrm, a pool of {POOL}", **told}


if __name__ == "__main__":
    kind, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    told = with_pool(url, count) if kind == "pool" else asyncio.run(with_asyncio(url, count))
    print(json.dumps(told))
