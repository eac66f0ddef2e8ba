"""Files that ask for all memory end in an error, or in the right rows, within 200 MB."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import openpyxl
import pytest

from ikcrm.testing import Sandbox

MOST = 200 << 20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tells memory as Linux does")
SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEAD = f'<worksheet xmlns="{NAMESPACE}"><sheetData>'
NAMES = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'
END = "</sheetData></worksheet>"

PROGRAM = """
import ikcrm, json, sys
url, token, path = sys.argv[1:]
client = ikcrm.Client(base_url=url, token=token, quota=None)
try:
    told = dict(client.plan_updates(path, compare="none", partial=True).counts)
except ikcrm.ValidationError as error:
    told = str(error)
# What getrusage tells has the parent's memory in it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([told, int(peak.split()[1]) * 1024]))
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def read(sandbox: Sandbox, path: Path) -> object:
    """The counts of the rows or the error, in a process whose memory is looked at."""
    arguments = [sys.executable, "-c", PROGRAM, sandbox.url, sandbox.token, str(path)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    told, peak = json.loads(done.stdout)
    assert peak < MOST, f"{peak >> 20} MB"
    return told


def book(path: Path, part: str, content: Iterable[bytes]) -> Path:
    """A workbook whose part has other content."""
    workbook = openpyxl.Workbook()
    workbook.active.append(["id", "note"])
    workbook.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != part}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, whole in parts.items():
            archive.writestr(name, whole)
        with archive.open(part, "w", force_zip64=True) as file:
            for piece in content:
                file.write(piece)
    return path


def test_a_gigabyte_of_shared_texts(sandbox: Sandbox, tmp_path: Path) -> None:
    piece = b"<si><t>abcdefgh</t></si>" * 43_690
    pieces = [f'<sst xmlns="{NAMESPACE}">'.encode(), *[piece] * 1024, b"</sst>"]
    told = read(sandbox, book(tmp_path / "texts.xlsx", "xl/sharedStrings.xml", pieces))
    assert "more than 120 MB of texts" in str(told)


def test_a_cell_that_never_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    cell = '<row r="2"><c r="A2" t="inlineStr"><is><t>'
    pieces = [(HEAD + NAMES + cell).encode(), *[b"A" * (1 << 20)] * 512]
    told = read(sandbox, book(tmp_path / "cell.xlsx", SHEET, pieces))
    assert "a cell of more than 4 MB" in str(told)


def test_a_cell_of_many_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    cell = '<row r="2"><c r="A2" t="inlineStr"><is>'
    pieces = [(HEAD + NAMES + cell).encode(), *[b"<r><t>abcdefgh</t></r>" * 50_000] * 100]
    told = read(sandbox, book(tmp_path / "runs.xlsx", SHEET, pieces))
    assert "a cell of more than 4 MB" in str(told)


def test_more_formats_than_excel_knows(sandbox: Sandbox, tmp_path: Path) -> None:
    pieces = [f'<styleSheet xmlns="{NAMESPACE}"><cellXfs>'.encode(), *[b"<xf/>" * 100_000] * 20]
    told = read(sandbox, book(tmp_path / "styles.xlsx", "xl/styles.xml", pieces))
    assert "more than 300000 elements" in str(told)


def test_a_quote_that_is_never_closed(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    with path.open("wb") as file:
        file.write(b'id,note\n600001,"')
        for _ in range(64):
            file.write(b"abcdefg\n" * (1 << 17))
    assert "more than 16 MB of text" in str(read(sandbox, path))


def test_many_rows_take_no_more_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c></row>'
    rows = (row.format(number).encode() for number in range(2, 30_002))
    pieces = [(HEAD + NAMES).encode(), *rows, END.encode()]
    told = read(sandbox, book(tmp_path / "many.xlsx", SHEET, pieces))
    assert isinstance(told, dict)
    assert told["unchanged"] == 30_000


def test_cells_at_the_far_end_are_no_dense_table(sandbox: Sandbox, tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="A1048576"><v>600001</v></c><c r="XFD1048576"><v>1</v></c></row>'
    pieces = [(HEAD + NAMES + far + END).encode()]
    told = read(sandbox, book(tmp_path / "far.xlsx", SHEET, pieces))
    assert isinstance(told, dict)
    assert told["invalid"] == 1
