"""Refuses a native module that was cut off: to load it would end the process without a word."""

import os
from importlib.machinery import EXTENSION_SUFFIXES

_TABLE = ((40, 48), (58, 60), (60, 62))
"""Where the head of a 64-bit ELF file tells its table of sections: start, size and number."""


def _check() -> None:
    folder = os.path.dirname(__file__)
    for path in (os.path.join(folder, f"_native{suffix}") for suffix in EXTENSION_SUFFIXES):
        if os.path.exists(path) and _is_cut_off(path):
            raise ImportError(
                f"{path} was cut off, as by a full disk or a broken download: install ikcrm again, "
                "by `pip install --force-reinstall --no-cache-dir ikcrm`"
            )


def _is_cut_off(path: str) -> bool:
    """Whether a file of the form ELF ends before its table of sections, which stands last."""
    with open(path, "rb") as file:
        head = file.read(64)
        size = os.fstat(file.fileno()).st_size
    if not head.startswith(b"\x7fELF"):
        return False
    start, entry, entries = (int.from_bytes(head[a:b], "little") for a, b in _TABLE)
    return size < start + entry * entries


_check()
