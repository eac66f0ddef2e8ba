"""The cases of `tests/sheets`, tables of other libraries, and results."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas
import polars
import pyarrow
import pytest

import ikcrm
from ikcrm.testing import Sandbox

SHEETS = Path(__file__).parent.parent / "sheets"
CASES = json.loads((SHEETS / "cases.json").read_text(encoding="utf-8"))
PLAIN: Any = {"compare": "none", "partial": True}
Case = dict[str, Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[ikcrm.Client]:
    with ikcrm.Client(base_url=sandbox.url, token=sandbox.token, quota=None) as client:
        yield client


def told(row: ikcrm.JobRow) -> Case:
    after = {field: change.after for field, change in row.changes.items()}
    told: Case = {"id": row.id, "after": after}
    told |= {"state": row.state} if row.state != "planned" else {}
    told |= {"key": row.key} if row.key else {}
    return told | ({"message": row.message} if row.message else {})


def is_as_stated(found: Case, stated: Case) -> bool:
    part = stated.get("message", "")
    rest = [{name: row[name] for name in row if name != "message"} for row in (found, stated)]
    return part in found.get("message", "") and rest[0] == rest[1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['file']}: {case['why']}")
def test_the_file_is_read_as_stated(case: Case, client: ikcrm.Client) -> None:
    path = SHEETS / "files" / case["file"]
    options = {**PLAIN, **case.get("plan", {}), **case.get("sheet", {})}
    if "error" in case:
        with pytest.raises(ikcrm.ValidationError) as error:
            client.plan_updates(path, **options)
        assert case["error"] in str(error.value)
        return
    job = client.plan_updates(path, **options)
    found = [told(row) for row in job.rows()]
    stated = json.loads(json.dumps(case.get("rows", [])), parse_float=Decimal)
    assert len(found) == len(stated)
    for row, expected in zip(found, stated, strict=True):
        assert is_as_stated(row, expected), row
    assert job.coerced == case.get("coerced", {})


COLUMNS = ["id", "销售阶段", "expect_amount", "get_time", "note"]
LINES: list[tuple[Any, ...]] = [
    (600001, "赢单", 20000.5, date(2026, 1, 2), "第一"),
    (600002, "输单", 1000.0, date(2026, 12, 31), None),
]
AFTER = [
    {"stage": "3515", "expect_amount": "20000.5", "get_time": "2026-01-02", "note": "第一"},
    {"stage": "3516", "expect_amount": "1000", "get_time": "2026-12-31"},
]


def frame() -> Any:
    """As `pandas.read_excel` brings it: ids as floats, times at midnight."""
    table = pandas.DataFrame(LINES, columns=COLUMNS)
    return table.assign(
        id=table["id"].astype(float), get_time=pandas.to_datetime(table["get_time"])
    )


def arrow() -> Any:
    return pyarrow.Table.from_pylist([dict(zip(COLUMNS, line, strict=True)) for line in LINES])


def eager() -> polars.DataFrame:
    return polars.DataFrame(LINES, schema=COLUMNS, orient="row")


class Capsule:
    """A table of which nothing is known but the interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return arrow().__arrow_c_stream__(requested_schema)


TABLES: dict[str, Any] = {
    "pandas": frame,
    "pandas with arrow": lambda: frame().convert_dtypes(dtype_backend="pyarrow"),
    "pandas with missing values": lambda: frame().convert_dtypes(),
    "polars": eager,
    "polars, lazy": lambda: eager().lazy(),
    "pyarrow": arrow,
    "pyarrow's reader": lambda: arrow().to_reader(),
    "pyarrow's batch": lambda: arrow().to_batches()[0],
    "duckdb": lambda: duckdb.from_arrow(arrow()),
    "any with the interface": Capsule,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_as_a_sheet(name: str, client: ikcrm.Client) -> None:
    job = client.plan_updates(TABLES[name](), **PLAIN)
    rows = list(job.rows())
    assert [row.id for row in rows] == [600001, 600002]
    assert [told(row)["after"] for row in rows] == AFTER, job
    assert job.columns == COLUMNS


def test_asyncio_takes_sheets_and_tables_too(sandbox: Sandbox) -> None:
    async def plan(rows: Any) -> ikcrm.UpdateJob:
        async with ikcrm.AsyncClient(
            base_url=sandbox.url, token=sandbox.token, quota=None
        ) as client:
            return await client.plan_updates(rows, **PLAIN)

    for rows in (eager(), SHEETS / "files" / "polars.xlsx"):
        assert asyncio.run(plan(rows)).counts["planned"] == 2


def test_a_long_table_is_taken_in_parts(client: ikcrm.Client) -> None:
    table = polars.DataFrame({"id": range(700000, 702500), "note": ["a"] * 2500})
    for rows in (table, table.to_arrow(), table.to_pandas(), duckdb.from_arrow(table.to_arrow())):
        assert client.plan_updates(rows, **PLAIN).counts["planned"] == 2500


def test_a_table_with_an_unknown_column_is_refused(client: ikcrm.Client) -> None:
    with pytest.raises(ikcrm.ValidationError, match="did you mean 销售阶段"):
        client.plan_updates(polars.DataFrame({"id": [600001], "销售阶断": ["赢单"]}))


def test_times_with_a_zone_are_no_dates(client: ikcrm.Client) -> None:
    table = pandas.DataFrame({"id": [1], "get_time": [pandas.Timestamp("2026-01-02", tz="UTC")]})
    (row,) = client.plan_updates(table, **PLAIN).rows()
    assert row.state == "invalid"


def test_nothing_is_imported_that_the_program_did_not() -> None:
    program = (
        "import sys, ikcrm\n"
        "from ikcrm.tables import table_of\n"
        "assert table_of([{'id': 1}]) is None\n"
        "assert not {'pandas', 'polars', 'pyarrow', 'duckdb'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_result_has_the_rows_as_given(client: ikcrm.Client, tmp_path: Path) -> None:
    source = tmp_path / "q3.xlsx"
    book = openpyxl.Workbook()
    header = ["商机ID", "毛利", "销售阶段", "日期"]
    for line in [header, [600001, 0.25, "没有", datetime(2026, 1, 2)], [600002, 1, "赢单", None]]:
        book.active.append(line)
    book.save(source)
    job = client.plan_updates(source, columns={"销售阶段": "stage"}, **PLAIN)
    assert job.write(tmp_path / "plan.xlsx", language="zh") == [str(tmp_path / "plan.xlsx")]
    written = openpyxl.load_workbook(tmp_path / "plan.xlsx")
    assert written.sheetnames == ["结果", "汇总"]
    assert [cell.value for cell in list(written["汇总"].rows)[-1]] == ["任务", "待执行"]
    sheet: Any = written["结果"]
    lines = [[cell.value for cell in line] for line in sheet.iter_rows()]
    assert lines[0] == [*header, "任务状态", "任务说明", "任务改动", "任务时间"]
    assert lines[1][:5] == [600001, 0.25, "没有", datetime(2026, 1, 2), "数据有误"]
    assert "Sheet1!C2" not in lines[1][5]
    assert "Sheet!C2" in lines[1][5]
    assert lines[2][:5] == [600002, 1, "赢单", None, "待更新"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:H3")
    assert sheet["E2"].fill.fgColor.rgb != sheet["E3"].fill.fgColor.rgb
    assert job.write(tmp_path / "wrong.csv", state="invalid") == [str(tmp_path / "wrong.csv")]
    assert (tmp_path / "wrong.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert len((tmp_path / "wrong.csv").read_text(encoding="utf-8-sig").splitlines()) == 2
    names = job.write(tmp_path / "all.csv", split=True)
    assert [Path(name).name for name in names] == ["all-done.csv", "all-wrong.csv", "all-open.csv"]
    assert [len(Path(name).read_text("utf-8").splitlines()) for name in names] == [1, 2, 2]
    client.apply_updates(job, skip_invalid=True)
    job.write(tmp_path / "result.csv")
    text = (tmp_path / "result.csv").read_text(encoding="utf-8-sig")
    assert "updated" in text
    assert "3515 (赢单)" in text


def test_what_cannot_be_written_is_told(client: ikcrm.Client, tmp_path: Path) -> None:
    source = tmp_path / "q3.csv"
    source.write_text("id,note\n600001,=1+1\n", encoding="utf-8")
    job = client.plan_updates(source, **PLAIN)
    with pytest.raises(ikcrm.ValidationError, match="is the sheet that the rows came from"):
        job.write(source)
    with pytest.raises(ikcrm.ValidationError, match="must end in"):
        job.write(tmp_path / "result.pdf")
    with pytest.raises(ikcrm.ValidationError, match=r"only for \.csv files"):
        job.write(tmp_path / "result.xlsx", split=True)
    with pytest.raises(ikcrm.JobFileError, match="cannot write"):
        job.write(tmp_path / "none" / "result.csv")
    assert list(tmp_path.iterdir()) == [source]


def test_a_job_becomes_a_table(client: ikcrm.Client) -> None:
    job = client.plan_updates(eager(), **PLAIN)
    for table in (job.to_polars(), polars.from_arrow(job.to_arrow())):
        assert isinstance(table, polars.DataFrame)
        assert table["state"].to_list() == ["planned", "planned"]
        assert json.loads(table["changes"][0])["stage"]["after"] == "3515"
    assert job.to_pandas()["id"].tolist() == [600001, 600002]


def test_options_of_sheets_are_for_sheets(client: ikcrm.Client) -> None:
    with pytest.raises(ikcrm.ValidationError, match="coerce"):
        client.plan_updates([{"id": 1}], coerce=True)
