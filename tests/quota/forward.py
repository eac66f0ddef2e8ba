"""Carries TCP connections from one address to another: `forward.py LISTEN TARGET`.

A CRM on this machine speaks plain HTTP to this machine only: on other hosts a forwarder stands in.
It prints `ready` when it listens and ends when its input closes.
"""

import asyncio
import sys


async def carry(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(listen, target):
    async def connected(reader, writer):
        there, back = await asyncio.open_connection(*target)
        await asyncio.gather(carry(reader, back), carry(there, writer))

    await asyncio.start_server(connected, *listen)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    asyncio.run(main(address(sys.argv[1]), address(sys.argv[2])))
