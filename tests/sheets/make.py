"""Writes the files of `tests/sheets/files`, by the programs that people write such files with.

    pip install openpyxl pandas polars xlsxwriter odfpy xlwt
    python tests/sheets/make.py          # needs LibreOffice's soffice, too

What must be read from each is in `cases.json`; `tests/python/test_sheet_oracle.py` reads them once
more, by other readers.
"""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pandas
import polars
import xlsxwriter
import xlwt
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

FILES = Path(__file__).parent / "files"
HEADER = ["商机ID", "商机标题", "销售阶段", "预计销售金额", "预计签单日期", "备注"]
ROWS = [
    [600001, "示例一", "赢单", 20000.5, date(2026, 1, 2), "第一"],
    [600002, "示例二", "输单", 1000, date(2026, 12, 31), None],
]


def book(name: str, rows: Iterable[list[Any]], title: str = "Sheet1") -> Any:
    """A workbook by openpyxl, which `save` writes."""
    workbook = openpyxl.Workbook()
    workbook.active.title = title
    for row in rows:
        workbook.active.append(row)
    workbook.save(FILES / name)
    return workbook


def by_openpyxl() -> None:
    book("openpyxl.xlsx", [HEADER, *ROWS])
    workbook = book("title-above.xlsx", [["2026 三季度商机更新"], [], HEADER, *ROWS])
    workbook.active.merge_cells("A1:F1")
    workbook.save(FILES / "title-above.xlsx")
    two = [["商机ID", "结果", None, "备注"], [None, "销售阶段", "预计销售金额", None]]
    workbook = book("two-row-header.xlsx", [*two, [600001, "赢单", 5, "好"]])
    for cells in ("A1:A2", "B1:C1", "D1:D2"):
        workbook.active.merge_cells(cells)
    workbook.save(FILES / "two-row-header.xlsx")
    workbook = book("several-sheets.xlsx", [["说明"], ["请看第二张"]], "说明")
    for row in [HEADER, *ROWS]:
        if "Q3" not in workbook.sheetnames:
            workbook.create_sheet("Q3")
        workbook["Q3"].append(row)
    workbook.save(FILES / "several-sheets.xlsx")
    workbook["说明"].sheet_state = "hidden"
    workbook.active = 1
    workbook.save(FILES / "hidden-sheet.xlsx")
    workbook = openpyxl.Workbook()
    workbook.epoch = CALENDAR_MAC_1904
    for row in [HEADER, *ROWS]:
        workbook.active.append(row)
    workbook.save(FILES / "mac-1904.xlsx")
    header = ["id", "expect_amount"]
    book("formula-not-calculated.xlsx", [header, [600001, "=1+1"], [600002, 3]])
    book("error-cells.xlsx", [header, [600001, "#N/A"], [600002, "#DIV/0!"], [600003, 3]])
    book(
        "times.xlsx",
        [
            ["id", "get_time"],
            [600001, datetime(2026, 1, 2, 9, 30)],
            [600002, datetime(2026, 1, 2)],
            [600003, 46024],
        ],
    )
    book(
        "ids.xlsx",
        [
            ["id", "note"],
            ["600001", "text"],
            [600002.0, "float"],
            [600003.5, "half"],
            [1234567890123456, "long"],
            [" 600004 ", "spaces"],
            ["600005.0", "text float"],
            ["6.00006E+05", "shortened"],
            [None, "none"],
            [True, "truth"],
        ],
    )
    book("blank-rows.xlsx", [[], HEADER, [], ROWS[0], [None, " "], ROWS[1], []])
    book("stray-value.xlsx", [["id", "note"], [600001, "a"], [600002, "b", None, "stray"]])
    book("unknown-column.xlsx", [["商机ID", "销售阶断", "毛利"], [600001, "赢单", 3]])
    book(
        "other-columns.xlsx",
        [["编号", "阶段", "毛利", "客户"], [600001, "赢单", 0.25, "甲"], [600002, "没有", 1, "乙"]],
    )
    book("twice.xlsx", [["id", "note", "备注"], [600001, "a", "b"]])
    book("twice-same.xlsx", [["id", "note", "note"], [600001, "a", "b"]])
    book("no-id.xlsx", [["商机标题", "备注"], ["a", "b"]])
    book(
        "custom-fields.xlsx",
        [
            ["id", "合同编号", "折扣", "评审日期", "交付方式", "项目成员", "text_asset_8b1eeedd1"],
            [600001, 2026001, 0.85, datetime(2026, 3, 1), "现场", 254, "x"],
        ],
    )
    book(
        "texts-from-numbers.xlsx",
        [
            ["id", "title", "note"],
            [600001, 2026, 0.1 + 0.2],
            [600002, date(2026, 1, 2), datetime(2026, 1, 2, 9, 30)],
        ],
    )
    wide = [f"列{number}" for number in range(198)]
    book("wide.xlsx", [["id", *wide, "note"], [600001, *range(198), "last"]])
    rich = CellRichText("富", TextBlock(InlineFont(b=True), "文本"))
    book("rich-text.xlsx", [["id", "note"], [600001, rich]])
    book("header-only.xlsx", [HEADER])
    book("nothing.xlsx", [])
    book(
        "clear-text.xlsx", [["id", "note", "备注2"], [600001, "‹清空›", None], [600002, None, None]]
    )
    book("numbers-as-names.xlsx", [["id", "note", 2026], [600001, "a", 1]])
    book("duplicate-rows.xlsx", [["id", "note"], [600001, "a"], [600001, "b"]])
    book("macros.xlsm", [HEADER, *ROWS])
    with zipfile.ZipFile(FILES / "macros.xlsm", "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + bytes(512))
    book(
        "q3 结果.xlsx",
        [
            [*HEADER, "任务状态", "任务说明", "任务改动", "任务时间"],
            [*ROWS[0], "数据有误", "…", "", ""],
        ],
    )


def by_others() -> None:
    frame = pandas.DataFrame(ROWS, columns=HEADER)
    frame.to_excel(FILES / "pandas-openpyxl.xlsx", index=False)
    frame.to_excel(FILES / "pandas-xlsxwriter.xlsx", index=False, engine="xlsxwriter")
    frame.to_excel(FILES / "pandas.ods", index=False, engine="odf")
    floats = frame.assign(
        商机ID=[600001.0, 600002.0], 预计签单日期=pandas.to_datetime(frame["预计签单日期"])
    )
    floats.to_csv(FILES / "pandas.csv", index=False)
    floats.to_csv(FILES / "pandas-utf8-bom.csv", index=False, encoding="utf-8-sig")
    floats.assign(预计签单日期=floats["预计签单日期"] + pandas.Timedelta(hours=9)).to_csv(
        FILES / "pandas-times.csv", index=False
    )
    table = polars.DataFrame(ROWS, schema=HEADER, orient="row", infer_schema_length=None)
    table.write_excel(FILES / "polars.xlsx", worksheet="Polars")
    table.write_csv(FILES / "polars.csv")
    workbook = xlsxwriter.Workbook(FILES / "inline-strings.xlsx", {"constant_memory": True})
    sheet = workbook.add_worksheet()
    for number, row in enumerate([["id", "note"], [600001, "行内"], [600002, "=文字"]]):
        for column, cell in enumerate(row):
            (sheet.write_string if isinstance(cell, str) else sheet.write)(number, column, cell)
    workbook.close()
    old = xlwt.Workbook(encoding="utf-8")
    sheet = old.add_sheet("旧表")
    day = xlwt.easyxf(num_format_str="YYYY/M/D")
    for number, row in enumerate([HEADER, *ROWS]):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write(number, column, cell, day)
            else:
                sheet.write(number, column, cell)
    old.save(FILES / "xlwt.xls")


def by_libreoffice() -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder) / "calculated.xlsx"
        book(
            str(source),
            [
                ["id", "note", "expect_amount"],
                [600001, '="合" & "计"', "=3*7"],
                [600002, "plain", "=1/0"],
            ],
        )
        for end, filters in (("xlsx", "xlsx"), ("xls", "xls:MS Excel 97"), ("ods", "ods")):
            convert(source, end, filters)
        for end in ("xlsx", "xls", "ods"):
            source = Path(folder) / "libreoffice.xlsx"
            book(str(source), [HEADER, *ROWS])
            convert(source, end, end)
        source = Path(folder) / "libreoffice-gbk.xlsx"
        book(str(source), [HEADER, *ROWS])
        # 44: a comma, 34: a quote, 67: GBK.
        convert(source, "csv", "csv:Text - txt - csv (StarCalc):44,34,67")


def convert(source: Path, end: str, filters: str) -> None:
    command = [
        "soffice",
        "--headless",
        "--convert-to",
        filters,
        "--outdir",
        str(FILES),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert (FILES / source.with_suffix("." + end).name).exists()


def text(name: str, content: str, encoding: str = "utf-8") -> None:
    (FILES / name).write_bytes(content.encode(encoding))


def by_hand() -> None:
    plain = (
        "商机ID,商机标题,预计签单日期,备注\r\n"
        "600001,示例一,2026/1/2,第一\r\n600002,示例二,2026年12月31日,\r\n"
    )
    text("wps-gbk.csv", plain, "gbk")
    text("excel-utf16.csv", "\ufeff" + plain.replace(",", "\t"), "utf-16-le")
    text("utf16-be.csv", "\ufeff" + plain, "utf-16-be")
    text("big5.csv", "id,note\r\n600001,機會\r\n", "big5")
    text("tabs.tsv", 'id\tnote\n600001\ta,b\n600002\t"c\td"\n')
    text("semicolons.csv", "id;note\r\n600001;a,b\r\n600002;c\r\n")
    text("pipes.csv", "id|note\n600001|a;b\n")
    text("sep-line.csv", "sep=;\r\nid;note\r\n600001;a\r\nx;b\r\n")
    text("line-breaks.csv", 'id,note\r\n600001,"one\r\ntwo"\r\nx,"a ""b"""\r\n')
    text("blank-lines.csv", "\r\nid,note\r\n\r\n600001,a\r\n,,\r\nx,b\r\n")
    text("excel-text-formulas.csv", 'id,note\r\n"=""600001""","=""007"""\r\n')
    text(
        "shortened-ids.csv",
        "id,note\r\n6.00001E+05,a\r\n6.00002e5,b\r\n600003.0,c\r\n600004.5,d\r\n",
    )
    text(
        "amounts.csv",
        'id,expect_amount\r\n600001,"20,000.50"\r\n600002,￥１２３\r\n600003,¥-5元\r\n'
        '600004,"1,23"\r\n600005,5万\r\n600006,1000\r\n',
    )
    text("full-width-ids.csv", "id,note\r\n６００００１,a\r\n")
    text("spaces.csv", "id,note,stage\r\n 600001 ,　全角空格　, 赢单 \r\n")
    text(
        "dates.csv",
        "id,get_time\r\n600001,2026-01-02\r\n600002,2026/1/2\r\n600003,2026年1月2日\r\n"
        "600004,2026-1-2\r\n600005,2026-01-02 00:00:00\r\n600006,2026-01-02 09:30\r\n"
        "600007,1/2/2026\r\n600008,2026/13/1\r\n600009,20260102\r\n600010,2026/2/30\r\n",
    )
    text("ragged.csv", "id,note,title\r\n600001,a\r\n600002,b,c,d\r\n600003\r\n")
    text("no-line-end.csv", "id,note\n600001,a")
    text("lone-quote.csv", 'id,note\r\n600001,5" pipe\r\n600002,b\r\n')
    text("formula-text.csv", "id,note\r\n600001,=1+1\r\n600002,-5\r\n")
    text("json-like.csv", 'id,note\r\n600001,"{""a"": 1}"\r\n')
    (FILES / "latin.csv").write_bytes("id,note\r\n600001,caf\xe9\r\n".encode("latin-1"))
    (FILES / "binary.csv").write_bytes(bytes(range(256)) * 4)
    text("empty.csv", "")
    text("web-page.xls", "<html><meta charset=gbk><table><tr><td>商机ID</td></tr></table></html>")
    text("csv-named.xlsx", plain)
    (FILES / "xlsx-named.xls").write_bytes((FILES / "openpyxl.xlsx").read_bytes())
    (FILES / "xlsx-named.ods").write_bytes((FILES / "openpyxl.xlsx").read_bytes())
    (FILES / "ods-named.xlsx").write_bytes((FILES / "libreoffice.ods").read_bytes())
    (FILES / "xls-named.xlsx").write_bytes((FILES / "xlwt.xls").read_bytes())
    (FILES / "xlsx-named.csv").write_bytes((FILES / "openpyxl.xlsx").read_bytes())
    whole = (FILES / "openpyxl.xlsx").read_bytes()
    (FILES / "cut-short.xlsx").write_bytes(whole[: len(whole) // 2])
    whole = (FILES / "xlwt.xls").read_bytes()
    (FILES / "cut-short.xls").write_bytes(whole[: len(whole) // 2])


if __name__ == "__main__":
    FILES.mkdir(exist_ok=True)
    by_openpyxl()
    by_others()
    by_libreoffice()
    by_hand()
