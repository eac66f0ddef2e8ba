"""Jobs of many rows, a measurement a process: `jobs.py URL WHAT ROWS` prints a line of JSON.

WHAT is `plan auto`, `plan none` or `pydantic` (rows a second, and how the process grew); `apply`,
or a client that sends the same rows without a job; or `whole`, which plans and applies against a
sandbox.
"""

import asyncio
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AT_ONCE = 32
"""As many as a job has under way."""
HEADERS = {
    "Authorization": "Token token=bench-token, device=open_api, version_code=9.9.9",
    "Content-Type": "application/json",
}


def fields(id):
    amount = "20001" if id % 20 == 0 else "20000"
    return {"stage": "3514", "expect_amount": amount, "get_time": "2019-02-14"}


def rows(number):
    return ({"id": id, **fields(id)} for id in range(1, number + 1))


def client(url):
    import ikcrm

    return ikcrm.Client(token="bench-token", base_url=url, quota=None)


def plan(compare):
    def work(url, number):
        return client(url).plan_updates(rows(number), compare=compare, partial=True)

    return work


def pydantic(_, number):
    """Only the checks of the values, as a model has them; what it gives is kept by nobody."""
    from datetime import date
    from decimal import Decimal
    from typing import Annotated

    from pydantic import BaseModel, ConfigDict, Field

    class Row(BaseModel):
        model_config = ConfigDict(extra="forbid")
        id: Annotated[int, Field(gt=0)]
        stage: Annotated[str, Field(min_length=1)] | None = None
        expect_amount: Annotated[Decimal, Field(max_digits=28)] | None = None
        get_time: date | None = None
        note: str | None = None

    for row in rows(number):
        Row.model_validate(row)


def apply(url, number):
    job = plan("none")(url, number)
    begun = now()
    client(url).apply_updates(job)
    return begun


def requests(url, number):
    """A session a thread, for one is not safe to share."""
    import threading

    import requests

    own = threading.local()

    def call(id):
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.headers.update(HEADERS)
        path = f"{url}/api/v2/opportunities/{id}"
        answer = own.session.put(path, json={"opportunity": fields(id)}, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]["id"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(1 for _ in pool.map(call, range(1, number + 1)))


def httpx(url, number):
    import httpx

    async def main():
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(headers=HEADERS, timeout=30, limits=limits) as client:
            ids = iter(range(1, number + 1))

            async def worker():
                for id in ids:
                    path = f"{url}/api/v2/opportunities/{id}"
                    answer = await client.put(path, json={"opportunity": fields(id)})
                    answer.raise_for_status()
                    assert answer.json()["data"]["id"]

            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

    asyncio.run(main())


def whole(_, number):
    """10,000 rows of which 500 change, planned and applied in one go, at 20 ms an answer."""
    from ikcrm import Client
    from ikcrm.testing import Sandbox

    with Sandbox(latency=0.02) as sandbox:
        stages = ["3511" if id % 20 else "3512" for id in range(number)]
        there = ({"id": id + 1, "stage": "3511", "customer_id": 1} for id in range(number))
        sandbox.seed(opportunities=there)
        wanted = [{"id": id + 1, "stage": stage} for id, stage in enumerate(stages)]
        begun = time.perf_counter()
        client = Client(token=sandbox.token, base_url=sandbox.url, quota=None)
        job = client.update_opportunities(wanted)
        seconds = time.perf_counter() - begun
        assert job.ok
        return {"calls": sum(job.calls.values()), "seconds": seconds}


WORK = {
    "plan auto": plan("auto"),
    "plan none": plan("none"),
    "pydantic": pydantic,
    "apply": apply,
    "requests": requests,
    "httpx": httpx,
    "whole": whole,
}


def now():
    """By the clock, and of the processors' time in all threads."""
    return time.perf_counter(), time.process_time()


def peak_mib():
    """Not ru_maxrss: a process inherits that of the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def main():
    url, what, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if what in ("requests", "httpx", "pydantic"):
        WORK[what](url, AT_ONCE)  # imports, and warms up
    elif what != "whole":
        plan("none")(url, 1)
    before, begun = peak_mib(), now()
    told = WORK[what](url, number)
    if isinstance(told, dict):
        print(json.dumps(told))
        return
    wall, cpu = told if isinstance(told, tuple) else begun
    then, spent = now()
    figures = {
        "rows_per_s": number / (then - wall),
        "cpu_us": (spent - cpu) / number * 1e6,
        "grown_mib": peak_mib() - before,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
