"""The sheets' benchmarks: rows a second and memory, for reading a sheet and for writing a result.

Peers only read cells into values. What ikcrm does besides is in its figure: it checks each cell for
its field, and keeps each row in the job's file.
"""

import csv
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
from bench import HERE, measured, table

from ikcrm.testing import Sandbox

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
HEADER = ["id", "title", "expect_amount", "expect_sign_date", "note"]
PYTHON = [sys.executable, HERE / "python/sheet.py"]
NODE = ["node", HERE / "node/sheet.js"]
# openpyxl stands for the standard library's `csv` where the file is text.
PEERS = [
    (PYTHON, "openpyxl"),
    (PYTHON, "pandas"),
    (PYTHON, "polars"),
    (NODE, "exceljs"),
    (NODE, "sheetjs"),
]


def lines():
    for number in range(1, ROWS + 1):
        amount, day = number % 9000 + 0.5, f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}"
        yield [600_000 + number, f"商机 {number}", amount, day, f"第 {number % 97} 次跟进"]


def make(folder):
    """The same rows as `.xlsx` and `.csv`."""
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet()
    with (folder / "q3.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for line in [HEADER, *lines()]:
            sheet.append(line)
            writer.writerow(line)
    workbook.save(folder / "q3.xlsx")


def run(command, *arguments):
    (row,) = measured(*command, *arguments)
    return row


def main():
    columns = ["thousand rows/s", "MB"]
    with TemporaryDirectory() as folder, Sandbox() as sandbox:
        folder = Path(folder)
        make(folder)
        own = [*PYTHON, "ikcrm"]
        for end in ("xlsx", "csv"):
            source = folder / f"q3.{end}"
            rows = [run(own, "read", source, sandbox.url, sandbox.token)]
            rows += [run(command, name, "read", source) for command, name in PEERS]
            title = f"Reading {ROWS:,} rows of .{end} (aim: 1 × openpyxl at least, 200 MB at most)"
            table(title, rows, columns, base="openpyxl")
            target = folder / f"result.{end}"
            rows = [run(own, "write", target, sandbox.url, sandbox.token, folder / "q3.csv")]
            rows += [run(command, name, "write", target, ROWS) for command, name in PEERS]
            title = f"Writing {ROWS:,} rows of .{end} (aim: 1 × openpyxl at least, 200 MB at most)"
            table(title, rows, columns, base="openpyxl")


if __name__ == "__main__":
    main()
