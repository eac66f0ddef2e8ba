"""What the package is besides its calls: its import, its version, its types."""

import subprocess
import sys
from importlib.metadata import metadata, version
from pathlib import Path

from mypy import api
from support import TESTS

import ikcrm

HERE = Path(__file__).parent
HEAVY = (
    "asyncio",
    "dataclasses",
    "datetime",
    "decimal",
    "html",
    "inspect",
    "json",
    "logging",
)


def test_the_import_loads_nothing_heavy() -> None:
    code = f"""
import sys
before = set(sys.modules)
import ikcrm
print(*sorted((set(sys.modules) - before) & set({HEAVY!r})))
"""
    arguments = [
        sys.executable,
        "-S",
        "-c",
        f"import sys; sys.path[:] = {sys.path!r}\n{code}",
    ]
    assert subprocess.check_output(arguments, text=True).strip() == ""


def test_the_version_is_the_packages() -> None:
    assert ikcrm.__version__ == version("ikcrm")


def test_nothing_else_is_required() -> None:
    assert metadata("ikcrm").get_all("Requires-Dist") is None


def test_the_types_admit_what_is_right_and_refuse_what_is_wrong() -> None:
    arguments = ["--strict", "--python-version", "3.10", "--no-incremental"]
    output, errors, status = api.run([*arguments, str(HERE / "types/calls.py")])
    assert status == 0, output + errors


def test_the_stub_is_what_the_native_module_is() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "ikcrm._native"]
    done = subprocess.run(
        command, cwd=TESTS.parent / "python", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
