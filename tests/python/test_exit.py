"""A process ends by itself, whatever its calls do."""

import signal

import pytest
from support import LONG, Crm, python

PREAMBLE = """
import asyncio, sys, threading
import ikcrm
options = {"token": "t", "base_url": sys.argv[1], "timeout": 60}
fields = {"title": "ccc", "customer_id": 1}
def call():
    ikcrm.Client(**options).update_opportunity(1, **fields)
def calls(client, count=8):
    return [client.update_opportunity(1, **fields) for _ in range(count)]
"""
LEAVES = {
    "daemon threads in calls": """
for _ in range(8):
    threading.Thread(target=call, daemon=True).start()
sys.stdin.readline()
""",
    "tasks under way": """
async def main():
    client = ikcrm.AsyncClient(**options)
    tasks = [asyncio.create_task(call) for call in calls(client)]
    await asyncio.to_thread(sys.stdin.readline)
asyncio.run(main())
""",
    "a loop that was never closed": """
loop = asyncio.new_event_loop()
tasks = [loop.create_task(call) for call in calls(ikcrm.AsyncClient(**options))]
loop.run_until_complete(loop.run_in_executor(None, sys.stdin.readline))
for task in tasks:
    task._log_destroy_pending = False
import warnings
warnings.simplefilter("ignore")
""",
}


@pytest.mark.parametrize("answered", [False, True], ids=["stalled", "answered meanwhile"])
@pytest.mark.parametrize("code", LEAVES.values(), ids=LEAVES.keys())
@pytest.mark.parametrize("round_", range(3))
def test_a_process_ends_with(code: str, answered: bool, round_: int, crm: Crm) -> None:
    with python(PREAMBLE + code, crm.url) as child:
        crm.arrived(8)
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        if answered:
            crm.answer_all()
        output, errors = child.communicate(timeout=LONG / 2)
    assert (output, errors, child.returncode) == ("", "", 0), round_


def test_a_call_in_a_handler_of_the_exit_is_as_any_other(crm: Crm) -> None:
    code = """
import atexit, sys
options = {"token": "t", "base_url": sys.argv[1], "timeout": 60}
def at_exit():
    import ikcrm
    client = ikcrm.Client(**options)
    print(client.update_opportunity(1, title="ccc", customer_id=1).id)
    try:
        client.update_opportunity(2, title="ccc", customer_id=1)
    except KeyboardInterrupt:
        print("interrupted")
atexit.register(at_exit)
import ikcrm
"""
    with python(code, crm.url) as child:
        crm.arrived(1).answer()
        crm.arrived(2)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=LONG / 2) == ("1\ninterrupted\n", "")


def test_a_client_without_calls_does_not_keep_the_process(crm: Crm) -> None:
    with python(PREAMBLE + "client = ikcrm.AsyncClient(**options)", crm.url) as child:
        assert child.communicate(timeout=LONG / 2) == ("", "")
    assert child.returncode == 0
