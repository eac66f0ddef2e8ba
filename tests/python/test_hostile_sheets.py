"""Files that ask for all memory end in an error, or in the right rows, within 200 MB."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

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

# As many rows as Excel takes, where there is time: `make soak`.
ROWS = int(os.environ.get("IKCRM_SHEET_ROWS", "200000"))

PROGRAM = """
import ikcrm, json, sys
url, token, path, options = sys.argv[1:]
client = ikcrm.Client(base_url=url, token=token, quota=None)
try:
    job = client.plan_updates(path, compare="none", partial=True, **json.loads(options))
    told = dict(job.counts)
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


def read(sandbox: Sandbox, path: Path, **options: object) -> object:
    """The counts of the rows or the error, in a process whose memory is looked at."""
    arguments = [sys.executable, "-c", PROGRAM, sandbox.url, sandbox.token, str(path)]
    arguments.append(json.dumps(options))
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
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet()
    sheet.append(["id", "note"])
    for number in range(1, ROWS):
        sheet.append([number, "again"])
    workbook.save(tmp_path / "many.xlsx")
    told = read(sandbox, tmp_path / "many.xlsx")
    assert isinstance(told, dict)
    assert told["planned"] == ROWS - 1


@pytest.mark.parametrize("says", ["A1:XFD1048576", "A1:A1", "B7:A2", "nonsense"])
def test_a_sheet_that_lies_about_its_size(sandbox: Sandbox, tmp_path: Path, says: str) -> None:
    head = f'<worksheet xmlns="{NAMESPACE}"><dimension ref="{says}"/><sheetData>'
    row = '<row r="2"><c r="A2"><v>600001</v></c></row>'
    told = read(sandbox, book(tmp_path / "lies.xlsx", SHEET, [(head + NAMES + row + END).encode()]))
    if says in ("A1:XFD1048576", "A1:A1"):
        assert isinstance(told, dict)
        assert told["unchanged"] == 1
    else:
        assert "lies.xlsx" in str(told)


def wide(path: Path) -> Path:
    """As many columns as Excel has."""
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet()
    sheet.append(["id", *(f"text_asset_{number:08x}" for number in range(16_383))])
    for number in range(1, 4):
        sheet.append([number, *range(16_383)])
    workbook.save(path)
    return path


def test_all_columns_that_excel_has(sandbox: Sandbox, tmp_path: Path) -> None:
    path = wide(tmp_path / "wide.xlsx")
    assert "at most 1000 can be used" in str(read(sandbox, path))
    told = read(sandbox, path, columns={"text_asset_00003ffe": "note"})
    assert isinstance(told, dict)
    assert told["planned"] == 3


def test_cells_at_the_far_end_are_no_dense_table(sandbox: Sandbox, tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="A1048576"><v>600001</v></c><c r="XFD1048576"><v>1</v></c></row>'
    pieces = [(HEAD + NAMES + far + END).encode()]
    told = read(sandbox, book(tmp_path / "far.xlsx", SHEET, pieces))
    assert isinstance(told, dict)
    assert told["invalid"] == 1


def ods(path: Path, rows: Iterable[bytes]) -> Path:
    """An `.ods` file with these rows."""
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in {"office": "office", "table": "table", "text": "text"}.items()
    )
    head = f"<office:document-content {names}><office:body><office:spreadsheet>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("mimetype", kind, zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", "<manifest:manifest/>")
        with archive.open("content.xml", "w", force_zip64=True) as file:
            file.write(head.encode() + b'<table:table table:name="Sheet1">' + line("id", "note"))
            for row in rows:
                file.write(row)
            file.write(b"</table:table></office:spreadsheet></office:body>")
            file.write(b"</office:document-content>")
    return path


def line(*cells: object, more: str = "") -> bytes:
    """A row of an `.ods` file."""
    text = '<table:table-cell office:value-type="string"{1}><text:p>{0}</text:p></table:table-cell>'
    number = '<table:table-cell office:value-type="float" office:value="{0}"/>'
    whole = ((text if isinstance(cell, str) else number).format(cell, more) for cell in cells)
    return f"<table:table-row>{''.join(whole)}</table:table-row>".encode()


def test_ods_of_many_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    path = ods(tmp_path / "rows.ods", (line(number, "again") for number in range(1, 100_001)))
    told = read(sandbox, path)
    assert isinstance(told, dict)
    assert told["planned"] == 100_000


BOMBS: dict[str, list[bytes]] = {
    "many cells": [line(*range(1, 21)) * 100] * 800,
    "a cell that repeats": [line(1, "a" * 100, more=' table:number-columns-repeated="16384"')] * 50,
    "a row that repeats": [
        line(1, "a").replace(b"table-row>", b'table-row table:number-rows-repeated="1048576">', 1)
    ],
    "a row far below": [
        b'<table:table-row table:number-rows-repeated="1000000"/>',
        line(*range(1, 200)),
    ],
    "a space that repeats": [line(1, '<text:s text:c="99999999999"/>')],
    "a number that is none": [line(1, "a", more=' table:number-columns-repeated="&#57;999999999"')],
    "many sheets": [
        line(*range(1, 21)).replace(b"-row>", b'-row table:number-rows-repeated="10000">', 1)
        + b'</table:table><table:table table:name="again">'
    ]
    * 40,
}


@pytest.mark.parametrize("name", BOMBS)
def test_ods_that_would_fill_the_memory(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    told = str(read(sandbox, ods(tmp_path / "dense.ods", BOMBS[name])))
    assert "more than 120 MB of memory; save it as .xlsx or .csv" in told


def test_ods_whose_table_never_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    for row in (b"<table:table-row>", b"</table:table><table:table table:name='n'><!--"):
        told = str(read(sandbox, ods(tmp_path / "open.ods", [line(1, "a"), row])))
        assert "open.ods: is damaged, or cut short" in told


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def number(row: int, column: int, value: float) -> bytes:
    return record(0x0203, struct.pack("<HHHd", row, column, 0, value))


def label(row: int, column: int, text: str) -> bytes:
    head = struct.pack("<HHHHB", row, column, 0, len(text), 0)
    return record(0x0204, head + text.encode("ascii"))


BEGIN = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
END_XLS = record(0x000A, b"")
XLS_NAMES = label(0, 0, "id") + label(0, 1, "note")


def xls(path: Path, cells: bytes, shared: bytes = b"", sheets: int = 1) -> Path:
    """An `.xls` file with these records of its sheet."""
    names = [f"Sheet{number}".encode() for number in range(1, sheets + 1)]
    start = len(BEGIN) + len(shared) + len(END_XLS) + sum(len(name) + 12 for name in names)
    told = [
        record(0x0085, struct.pack("<IBBBB", start, 0, 0, len(name), 0) + name) for name in names
    ]
    stream = BEGIN + shared + b"".join(told) + END_XLS + BEGIN + XLS_NAMES + cells + END_XLS
    path.write_bytes(compound(stream))
    return path


def compound(stream: bytes, circle: bool = False) -> bytes:
    """A compound file with the stream `Workbook`; or one whose folder never ends."""
    stream += bytes(max(4096 - len(stream), 0))
    stream += bytes(-len(stream) % 512)
    count = len(stream) // 512
    tables = next(tables for tables in range(1, 110) if tables * 128 > tables + count)
    end, free, table = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    first = tables + 1
    links = [table] * tables + [tables if circle else end]
    links += [*range(first + 1, first + count), end]
    links += [free] * (tables * 128 - len(links))
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIIIII", 0, tables, tables, 0, 4096, end, 0, end, 0)
    head += struct.pack("<109I", *range(tables), *[free] * (109 - tables))
    folder = entry("Root Entry", 5, end, 0) + entry("Workbook", 2, first, len(stream)) + bytes(256)
    return head + struct.pack(f"<{len(links)}I", *links) + folder + stream


def entry(name: str, kind: int, start: int, size: int) -> bytes:
    """A stream, or the root, in the folder of a compound file."""
    head = name.encode("utf-16-le").ljust(64, b"\0") + struct.pack(
        "<HBB", len(name) * 2 + 2, kind, 1
    )
    free = 0xFFFFFFFF
    return head + struct.pack("<III36xIQ", free, free, free if kind == 2 else 1, start, size)


def row_of_numbers(row: int, columns: int) -> bytes:
    """Whole numbers in one record, which is the densest form."""
    numbers = b"".join(struct.pack("<HI", 0, number << 2 | 2) for number in range(columns))
    return record(0x00BD, struct.pack("<HH", row, 0) + numbers + struct.pack("<H", columns - 1))


def shared(texts: Iterable[bytes]) -> bytes:
    """The table of shared texts, a piece for each."""
    first, *more = (struct.pack("<HB", len(text), 0) + text for text in texts)
    pieces = [record(0x003C, piece) for piece in more]
    return record(0x00FC, struct.pack("<II", 0, 0) + first) + b"".join(pieces)


def uses(row: int, column: int, text: int) -> bytes:
    return record(0x00FD, struct.pack("<HHHI", row, column, 0, text))


def test_xls_of_many_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    cells = (number(row, 0, row) + uses(row, 1, row % 2) for row in range(1, 65_536))
    texts = shared([b"again", b"and again"])
    told = read(sandbox, xls(tmp_path / "rows.xls", b"".join(cells), texts))
    assert isinstance(told, dict)
    assert told["planned"] == 65_535


XLS_BOMBS: dict[str, Any] = {
    "many cells": lambda: [b"".join(row_of_numbers(row, 256) for row in range(1, 4000))],
    "two cells far apart": lambda: [number(1, 0, 1) + number(65_535, 255, 1)],
    "cells where no column is": lambda: [number(1, 0, 1) + number(65_535, 65_535, 1)],
    "a size that lies": lambda: [
        record(0x0200, struct.pack("<IIHHH", 0, 0xFFFFFFFF, 0, 256, 0)) + number(1, 0, 600001)
    ],
    "a size below nothing": lambda: [
        record(0x0200, struct.pack("<IIHHH", 100, 50, 0, 1, 0)) + number(1, 0, 600001)
    ],
    "a long text in each row": lambda: [
        b"".join(number(row, 0, row) + uses(row, 1, 0) for row in range(1, 20_000)),
        shared([b"a" * 8000]),
    ],
}


@pytest.mark.parametrize("name", XLS_BOMBS)
def test_xls_that_would_fill_the_memory(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    told = str(read(sandbox, xls(tmp_path / "dense.xls", *XLS_BOMBS[name]())))
    assert "more than 120 MB of memory; save it as .xlsx or .csv" in told


def test_xls_whose_sheets_are_all_the_same_one(sandbox: Sandbox, tmp_path: Path) -> None:
    cells = b"".join(number(row, 0, row) for row in range(1, 65_536))
    told = str(read(sandbox, xls(tmp_path / "same.xls", cells, sheets=1000)))
    assert "same.xls: is damaged, or cut short (its sheets overlap)" in told


def test_xls_that_goes_in_a_circle(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "circle.xls"
    path.write_bytes(compound(BEGIN + XLS_NAMES + END_XLS, circle=True))
    assert "go in a circle" in str(read(sandbox, path))


def test_a_large_xls_is_not_opened(sandbox: Sandbox, tmp_path: Path) -> None:
    path = xls(tmp_path / "large.xls", b"")
    with path.open("ab") as file:
        file.truncate(33 << 20)
    assert "more than 32 MB" in str(read(sandbox, path))
