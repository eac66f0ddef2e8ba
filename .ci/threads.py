"""Updates from two threads at once with the installed package; no GIL comes where there is none."""

import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import ikcrm
from ikcrm.testing import Sandbox


def main() -> None:
    together = Barrier(2)
    with Sandbox() as sandbox, ikcrm.Client(token=sandbox.token, base_url=sandbox.url) as client:

        def update(note: str) -> int:
            together.wait()
            return client.update_opportunity(568587, note=note, partial=True).id

        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(update, ["one", "two"])) == [568587, 568587]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert not sys._is_gil_enabled(), "importing ikcrm turned the GIL on"
        print("two threads, no GIL")
    else:
        print("two threads")


if __name__ == "__main__":
    main()
