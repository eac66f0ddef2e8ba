"""A second opinion on `tests/sheets/cases.json`: what other readers find in the files, by the rules
of the guide, written once more in Python. Nothing here uses ikcrm, so the core cannot vouch for
itself; names and kinds of fields are the contract's, and `.xls` files have what `make.py` wrote.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest

TESTS = Path(__file__).parent.parent
FILES = TESTS / "sheets" / "files"
CASES = json.loads((TESTS / "sheets" / "cases.json").read_text(encoding="utf-8"))
FIELDS = json.loads(
    (TESTS.parent / "crates/ikcrm/contract/fields.json").read_text(encoding="utf-8")
)
KINDS: dict[str, str] = {field["name"]: field["kind"] for field in FIELDS}
NAMES = {field["chinese"]: field["name"] for field in FIELDS if field["chinese"]}
# The custom fields and options of the sandbox.
CUSTOM = {
    "合同编号": ("text_asset_8b1eeedd", "text"),
    "折扣": ("numeric_asset_3f2a91", "number"),
    "评审日期": ("text_asset_170ab3", "date"),
    "交付方式": ("text_asset_4a1eb9", "several"),
    "项目成员": ("user_field_asset_77aa01", "users"),
    "text_asset_8b1eeedd1": ("text_asset_8b1eeedd1", "text"),
}
OPTIONS = {"赢单": "3515", "输单": "3516", "现场": "select_2d84d16d"}
OWN = {"任务状态", "任务说明", "任务改动", "任务时间"}
ERRORS = {"#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"}
WRITTEN: dict[str, list[list[Any]]] = {
    "xlwt.xls": [
        ["商机ID", "商机标题", "销售阶段", "预计销售金额", "预计签单日期", "备注"],
        [600001, "示例一", "赢单", 20000.5, date(2026, 1, 2), "第一"],
        [600002, "示例二", "输单", 1000, date(2026, 12, 31), None],
    ],
    "calculated.xls": [
        ["id", "note", "expect_amount"],
        [600001, "合计", 21],
        [600002, "plain", "#DIV/0!"],
    ],
}
WRITTEN["libreoffice.xls"] = WRITTEN["xlwt.xls"]
Cells = list[Any]


class RefusedError(Exception):
    """A cell that may mean something else."""


class Formula:
    """One that was never calculated."""


def cells_of(case: dict[str, Any]) -> list[Cells]:
    """The lines of the file, by another reader than the core's."""
    path = FILES / case["file"]
    options = case.get("sheet", {})
    if path.name in WRITTEN:
        return WRITTEN[path.name]
    if path.suffix in (".csv", ".tsv"):
        return list(of_text(path, options))
    if path.suffix == ".ods":
        return list(of_ods(path))
    return list(of_xlsx(path, options))


def of_text(path: Path, options: dict[str, Any]) -> Iterator[Cells]:
    raw = path.read_bytes()
    text = decoded(raw, options.get("encoding"))
    first, _, rest = text.partition("\n")
    if first.startswith("sep="):
        text, delimiter = rest, first[4]
    else:
        outside = re.sub(r'"[^"]*"', "", text)
        delimiter = "\t" if path.suffix == ".tsv" else max(",\t;|", key=outside.count)
    for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        yield [re.sub(r'^="(.*)"$', r"\1", cell).replace("\r\n", "\n") for cell in line]


def decoded(raw: bytes, told: str | None) -> str:
    for mark, encoding in (
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ):
        if raw.startswith(mark):
            return raw.decode(encoding)
    if told:
        return raw.decode(told)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def of_xlsx(path: Path, options: dict[str, Any]) -> Iterator[Cells]:
    values, formulas = (openpyxl.load_workbook(path, data_only=only) for only in (True, False))
    wanted = options.get("sheet")
    shown = [sheet.title for sheet in values.worksheets if sheet.sheet_state == "visible"]
    name = values.sheetnames[wanted - 1] if isinstance(wanted, int) else wanted or shown[0]
    for line, sources in zip(values[name].iter_rows(), formulas[name].iter_rows(), strict=True):
        never = [
            one.value is None and other.value is not None
            for one, other in zip(line, sources, strict=True)
        ]
        yield [
            Formula() if not_yet else cell.value for not_yet, cell in zip(never, line, strict=True)
        ]


def of_ods(path: Path) -> Iterator[Cells]:
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.fromstring(archive.read("content.xml"))
    urn = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
    office, table, text = (urn % part for part in ("office", "table", "text"))
    for row in root.iter(table + "table-row"):
        line: Cells = []
        for cell in row:
            value: Any = (
                "\n".join("".join(part.itertext()) for part in cell.iter(text + "p")) or None
            )
            kind = cell.get(office + "value-type")
            if kind == "date":
                value = datetime.fromisoformat(str(cell.get(office + "date-value")))
            elif kind == "float" and value not in ERRORS:
                value = float(str(cell.get(office + "value")))
            times = int(cell.get(table + "number-columns-repeated", 1))
            line += [value] * (times if value is not None else min(times, 50))
        yield line


def field_of(name: str, case: dict[str, Any]) -> tuple[str, str] | None:
    """What the column is, and its kind."""
    columns = case.get("plan", {}).get("columns")
    if columns is not None:
        name = columns.get(name, "")
    field = NAMES.get(name, name)
    return (field, KINDS[field]) if field in KINDS else CUSTOM.get(field)


def is_id(name: str, case: dict[str, Any]) -> bool:
    return name in (case.get("plan", {}).get("id"), "id", "商机ID")


def expected(case: dict[str, Any]) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The rows by the guide's rules, and how many cells were read otherwise than written."""
    lines = cells_of(case)
    names = [["" if name is None else str(name).strip() for name in line] for line in lines]
    headers = [merged(names[: place + 1], case) for place in range(len(names))]
    known = [sum(is_known(name, case) for name in header) for header in headers]
    head = case.get("sheet", {}).get("header", known.index(max(known)) + 1) - 1
    header = headers[head]
    counted: Counter[str] = Counter()
    rows = [row_of(header, line, case, counted) for line in lines[head + 1 :] if not is_blank(line)]
    twice = Counter(row["id"] for row in rows if row["id"] is not None)
    for row in rows:
        if twice[row["id"]] > 1:
            row["state"] = "duplicate"
    return rows, counted


def is_known(name: str, case: dict[str, Any]) -> bool:
    return is_id(name, case) or field_of(name, case) is not None


def merged(names: list[list[str]], case: dict[str, Any]) -> list[str]:
    """The last of these lines; a cell without a name has a known one that stands above."""
    *lines, header = names
    for above in lines:
        above = [name if is_known(name, case) else "" for name in above]
        pairs = itertools.zip_longest(header, above, fillvalue="")
        header = [name or other for name, other in pairs]
    return header


def is_blank(line: Cells) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in line)


def row_of(
    header: list[str], line: Cells, case: dict[str, Any], counted: Counter[str]
) -> dict[str, Any]:
    row: dict[str, Any] = {"id": None, "after": {}}
    plan, wrong = case.get("plan", {}), False
    strict = "columns" not in plan
    if strict and not is_blank(
        [cell for cell, name in zip(line, header + [""] * 99, strict=False) if not name]
    ):
        wrong = True
    for name, cell in zip(header, line, strict=False):
        if name == plan.get("key"):
            row["key"] = cell
        field = ("id", "id") if is_id(name, case) else field_of(name, case)
        if field is None or name in OWN:
            continue
        try:
            value = value_of(cell, field[1], case.get("sheet", {}), counted, plan.get("empty"))
        except RefusedError:
            wrong = True
            continue
        if field[0] == "id":
            row["id"] = None if value is None else int(value)
        elif value is not ...:
            row["after"][field[0]] = value
    if wrong or row["id"] is None:
        row |= {"after": {}, "state": "invalid"}
    elif not row["after"]:
        row["state"] = "unchanged"
    return row


def value_of(
    cell: Any, kind: str, options: dict[str, Any], counted: Counter[str], empty: str | None
) -> Any:
    """The value of a cell; `...` leaves the field alone."""
    if isinstance(cell, str):
        trimmed = cell.strip()
        counted["texts with spaces around"] += bool(trimmed) and trimmed != cell
        cell = trimmed or None
    if cell is None:
        return None if kind == "id" or empty == "clear" else ...
    if cell == options.get("clear_text"):
        return None
    if isinstance(cell, Formula | bool) or cell in ERRORS:
        raise RefusedError
    if isinstance(cell, str):
        return of_words(cell, kind, bool(options.get("coerce")), counted)
    if isinstance(cell, datetime) and cell.time() == time():
        cell = cell.date()
    if isinstance(cell, date):
        if kind == "text" or (kind == "date" and not isinstance(cell, datetime)):
            return str(cell)
        raise RefusedError
    return of_number(cell, kind, counted)


def of_number(cell: float, kind: str, counted: Counter[str]) -> Any:
    if kind == "date" or (kind in ("id", "users") and (cell % 1 or abs(cell) > 1e15)):
        raise RefusedError
    shown = f"{Decimal(f'{cell:.14e}').normalize():f}"
    if kind == "text":
        counted["numbers as text"] += 1
    if kind == "number":
        return json.loads(shown, parse_float=Decimal)
    return [shown] if kind == "users" else shown


def of_words(cell: str, kind: str, coerce: bool, counted: Counter[str]) -> Any:
    narrow = cell.translate({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)})
    narrow = narrow.replace("￥", "¥")
    if kind in ("option", "several"):
        if cell not in OPTIONS:
            raise RefusedError
        return [OPTIONS[cell]] if kind == "several" else OPTIONS[cell]
    if kind == "id":
        if not re.fullmatch(r"\d+(\.0+)?", narrow) or (narrow != cell and not coerce):
            raise RefusedError
        counted["full-width digits"] += narrow != cell
        counted["ids with a decimal point"] += "." in narrow
        return narrow.partition(".")[0]
    if kind == "money":
        plain = re.sub(r"^(-?)¥?(-?)([\d,]+(\.\d+)?)元?$", r"\1\2\3", narrow)
        if not re.fullmatch(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", plain) or (
            plain.replace(",", "") != cell and not coerce
        ):
            raise RefusedError
        counted["amounts with separators or signs"] += plain.replace(",", "") != cell
        return plain.replace(",", "")
    return of_day(cell, counted) if kind == "date" else cell


def of_day(cell: str, counted: Counter[str]) -> str:
    found = re.fullmatch(r"(\d{4})([-/年])(\d{1,2})([-/月])(\d{1,2})日?( 00:00:00)?", cell)
    if not found or (found[2], found[4]) not in (("-", "-"), ("/", "/"), ("年", "月")):
        raise RefusedError
    try:
        day = str(date(int(found[1]), int(found[3]), int(found[5])))
    except ValueError:
        raise RefusedError from None
    counted["times at midnight as dates"] += bool(found[6])
    counted["dates in another form"] += not cell.startswith(day)
    return day


READ = [case for case in CASES if "error" not in case]


@pytest.mark.parametrize("case", READ, ids=lambda case: f"{case['file']}: {case['why']}")
def test_another_reader_finds_the_same(case: dict[str, Any]) -> None:
    stated = json.loads(json.dumps(case.get("rows", [])), parse_float=Decimal)
    rows, counted = expected(case)
    assert rows == [{name: row[name] for name in row if name != "message"} for row in stated]
    assert +counted == Counter(case.get("coerced", {}))
