"""Reads or writes a sheet by one library, and prints how fast and with how much memory."""

import csv
import json
import re
import sys
import time
from pathlib import Path

name, what, path, *rest = sys.argv[1:]
XLSX = path.endswith("xlsx")
HEADER = ["id", "title", "expect_amount", "expect_sign_date", "note"]


def line(number):
    return [600_000 + number, f"商机 {number}", number % 9000 + 0.5, "2026-01-02", "跟进"]


def ikcrm():
    import ikcrm

    url, token, *source = rest
    client = ikcrm.Client(base_url=url, token=token, quota=None)
    options = {"compare": "none", "partial": True}
    if what == "read":
        return lambda: sum(client.plan_updates(path, **options).counts.values())
    job = client.plan_updates(source[0], **options)
    return lambda: job.write(path) and sum(job.counts.values())


def openpyxl():
    import openpyxl

    def read():
        sheet = openpyxl.load_workbook(path, read_only=True).active
        return sum(1 for _ in sheet.iter_rows(values_only=True)) - 1

    def read_csv():
        with open(path, encoding="utf-8", newline="") as file:
            return sum(1 for _ in csv.reader(file)) - 1

    def write():
        workbook = openpyxl.Workbook(write_only=True)
        sheet = workbook.create_sheet()
        for number in range(int(rest[0])):
            sheet.append(line(number))
        workbook.save(path)
        return int(rest[0])

    def write_csv():
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(map(line, range(int(rest[0]))))
        return int(rest[0])

    return {"read": (read_csv, read), "write": (write_csv, write)}[what][XLSX]


def pandas():
    import pandas

    if what == "read":
        read = pandas.read_excel if XLSX else pandas.read_csv
        return lambda: len(read(path))
    frame = pandas.DataFrame(map(line, range(int(rest[0]))), columns=HEADER)

    def write():
        frame.to_excel(path, index=False) if XLSX else frame.to_csv(path, index=False)
        return len(frame)

    return write


def polars():
    import polars

    if what == "read":
        read = polars.read_excel if XLSX else polars.read_csv
        return lambda: len(read(path))
    frame = polars.DataFrame(list(map(line, range(int(rest[0])))), schema=HEADER, orient="row")

    def write():
        frame.write_excel(path) if XLSX else frame.write_csv(path)
        return len(frame)

    return write


work = {"ikcrm": ikcrm, "openpyxl": openpyxl, "pandas": pandas, "polars": polars}[name]()
begun = time.perf_counter()
rows = work()
spent = time.perf_counter() - begun
# What getrusage tells has the parent's memory in it.
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"name": name, "thousand rows/s": rows / spent / 1000, "MB": peak}))
