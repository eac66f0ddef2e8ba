"""What the package is besides its calls: its import, its version, its types."""

import re
import subprocess
import sys
import typing
from decimal import Decimal
from importlib.metadata import metadata, version
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system refuses it")
def test_a_module_that_was_cut_off_is_told(tmp_path: Path) -> None:
    installed = Path(ikcrm.__file__).parent
    copytree(installed, tmp_path / "ikcrm", ignore=ignore_patterns("_native.*", "__pycache__"))
    [module] = installed.glob("_native.*.so")
    half = module.read_bytes()[: module.stat().st_size // 2]
    (tmp_path / "ikcrm" / module.name).write_bytes(half)
    command = [sys.executable, "-c", "import ikcrm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"ImportError: {tmp_path / 'ikcrm' / module.name} was cut off" in done.stderr
    assert "install ikcrm again" in done.stderr


def test_the_version_is_the_packages() -> None:
    assert ikcrm.__version__ == version("ikcrm")


def test_nothing_else_is_required() -> None:
    assert metadata("ikcrm").get_all("Requires-Dist") is None


def test_the_types_admit_what_is_right_and_refuse_what_is_wrong() -> None:
    arguments = ["--strict", "--python-version", "3.10", "--no-incremental"]
    output, errors, status = api.run([*arguments, str(HERE / "types/calls.py")])
    assert status == 0, output + errors


def test_the_readme_and_the_guide_pass_mypy(tmp_path: Path) -> None:
    files = []
    for page in (TESTS.parent / "README.md", *TESTS.parent.glob("crates/ikcrm/docs/en/*.md")):
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            files.append(tmp_path / f"{page.stem.replace('-', '_')}_{match.start()}.py")
            files[-1].write_text(match[1], encoding="utf-8")
    assert len(files) > 10
    arguments = [
        "--strict",
        "--python-version",
        "3.10",
        "--no-incremental",
        "--config-file=",
    ]
    output, errors, status = api.run([*arguments, *map(str, files)])
    # One block shows what is refused, and mypy refuses it too.
    refused = [line for line in output.splitlines() if "error:" in line and "titel" not in line]
    assert refused == [], output + errors
    assert status == 1


def test_the_calls_have_their_types_at_run_time() -> None:
    calls = [ikcrm.update_opportunity]
    for kind in (ikcrm.Client, ikcrm.AsyncClient):
        names = [name for name in dir(kind) if not name.startswith("_")]
        calls += [getattr(kind, name) for name in [*names, "__init__"]]
    for call in calls:
        assert "return" in typing.get_type_hints(call), call
    hints = typing.get_type_hints(ikcrm.Client.update_opportunity)
    assert hints["return"] is ikcrm.Opportunity
    for taken in (ikcrm.ClientOptions, ikcrm.OpportunityQuery, ikcrm.OpportunityUpdate):
        assert typing.get_type_hints(taken)
    amount = typing.get_type_hints(ikcrm.OpportunityFields)["expect_amount"]
    assert Decimal in typing.get_args(amount)


def test_the_stub_is_what_the_native_module_is() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "ikcrm._native"]
    done = subprocess.run(command, cwd=TESTS.parent / "python", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
