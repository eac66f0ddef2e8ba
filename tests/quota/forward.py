"""Carries TCP connections from one address to another: `forward.py LISTEN TARGET [DELAY]`.

DELAY is the way there, and back, in seconds.

A CRM on this machine speaks plain HTTP to this machine only: on other hosts a forwarder stands in.
It prints `ready` when it listens and ends when its input closes.
"""

import asyncio
import sys


async def carry(reader, writer, delay):
    later = asyncio.get_running_loop().call_later
    try:
        while data := await reader.read(65536):
            later(delay, writer.write, data)
    except (ConnectionError, asyncio.CancelledError):
        pass
    finally:
        later(delay, writer.close)


async def main(listen, target, delay):
    async def connected(reader, writer):
        there, back = await asyncio.open_connection(*target)
        await asyncio.gather(carry(reader, back, delay), carry(there, writer, delay))

    await asyncio.start_server(connected, *listen)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    delay = float(sys.argv[3]) if len(sys.argv) > 3 else 0
    asyncio.run(main(address(sys.argv[1]), address(sys.argv[2]), delay))
