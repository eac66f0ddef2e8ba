"""One maker per HTTP client: it imports the client and returns a function that makes one call.

Every call does the whole job: makes the JSON, sends, checks the status, reads the answer's JSON.
"""

import asyncio
import io
from datetime import date
from decimal import Decimal

PATH = "/api/v2/opportunities/568587"
HEADERS = {
    "Authorization": "Token token=bench-token, device=open_api, version_code=9.9.9",
    "Content-Type": "application/json",
    "Accept": "application/json",
}
FIELDS = {"title": "ccc", "customer_id": 1, "expect_amount": "20000", "get_time": "2019-02-14"}
UPDATE = {
    "title": "ccc",
    "customer_id": 1,
    "expect_amount": Decimal(20000),
    "get_time": date(2019, 2, 14),
}


def ikcrm(url):
    from ikcrm import Client

    client = Client(token="bench-token", base_url=url, quota=None)
    return lambda: client.update_opportunity(568587, **UPDATE).id


def pycurl_orjson(url):
    import orjson
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url + PATH)
    curl.setopt(pycurl.CUSTOMREQUEST, "PUT")
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])

    def call():
        answer = io.BytesIO()
        curl.setopt(pycurl.POSTFIELDS, orjson.dumps({"opportunity": FIELDS}))
        curl.setopt(pycurl.WRITEFUNCTION, answer.write)
        curl.perform()
        assert curl.getinfo(pycurl.RESPONSE_CODE) == 200
        return orjson.loads(answer.getvalue())["data"]["id"]

    return call


def requests(url):
    import requests

    session = requests.Session()
    session.headers.update(HEADERS)

    def call():
        answer = session.put(url + PATH, json={"opportunity": FIELDS}, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]["id"]

    return call


def httpx(url):
    import httpx

    client = httpx.Client(headers=HEADERS, timeout=30)

    def call():
        answer = client.put(url + PATH, json={"opportunity": FIELDS})
        answer.raise_for_status()
        return answer.json()["data"]["id"]

    return call


def aiohttp(url):
    loop = asyncio.new_event_loop()
    call = loop.run_until_complete(aiohttp_task(url))
    return lambda: loop.run_until_complete(call())


async def aiohttp_task(url):
    """The same for a loop that is running: returns a coroutine function."""
    import aiohttp

    session = aiohttp.ClientSession(headers=HEADERS)

    async def call():
        async with session.put(url + PATH, json={"opportunity": FIELDS}) as answer:
            answer.raise_for_status()
            return (await answer.json())["data"]["id"]

    return call


async def ikcrm_task(url):
    from ikcrm import AsyncClient

    client = AsyncClient(token="bench-token", base_url=url, quota=None)
    return lambda: client.update_opportunity(568587, **UPDATE)
