// Reads or writes a sheet by one library, and prints how fast and with how much memory.
import { createRequire } from 'node:module'
import { readFileSync, writeFileSync } from 'node:fs'

const [name, what, path, count] = process.argv.slice(2)
const xlsx = path.endsWith('xlsx')
const require = createRequire(import.meta.url)
const HEADER = ['id', 'title', 'expect_amount', 'expect_sign_date', 'note']
const line = (number) => [
  600_000 + number,
  `商机 ${number}`,
  (number % 9000) + 0.5,
  '2026-01-02',
  '跟进',
]

const works = {
  exceljs: {
    async read(Excel) {
      if (!xlsx) return (await new Excel.Workbook().csv.readFile(path)).rowCount - 1
      let rows = -1
      for await (const sheet of new Excel.stream.xlsx.WorkbookReader(path, {}))
        for await (const row of sheet) rows += row.number > 0 ? 1 : 0
      return rows
    },
    async write(Excel) {
      const book = xlsx
        ? new Excel.stream.xlsx.WorkbookWriter({ filename: path })
        : new Excel.Workbook()
      const sheet = book.addWorksheet('Sheet1')
      for (let number = 0; number < Number(count); number++) {
        const row = sheet.addRow(line(number))
        if (xlsx) row.commit()
      }
      await (xlsx ? book.commit() : book.csv.writeFile(path))
      return Number(count)
    },
  },
  sheetjs: {
    read(XLSX) {
      const book = XLSX.read(readFileSync(path), { dense: true })
      return XLSX.utils.sheet_to_json(book.Sheets[book.SheetNames[0]]).length
    },
    write(XLSX) {
      const lines = Array.from({ length: Number(count) }, (_, number) => line(number))
      const sheet = XLSX.utils.aoa_to_sheet([HEADER, ...lines])
      const book = XLSX.utils.book_new()
      XLSX.utils.book_append_sheet(book, sheet, 'Sheet1')
      writeFileSync(path, XLSX.write(book, { type: 'buffer', bookType: xlsx ? 'xlsx' : 'csv' }))
      return Number(count)
    },
  },
}

const library = require(name === 'sheetjs' ? 'xlsx' : name)
const begun = performance.now()
const rows = await works[name][what](library)
const spent = (performance.now() - begun) / 1000
// What getrusage tells has the parent's memory in it.
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
console.log(JSON.stringify({ name, 'thousand rows/s': rows / spent / 1000, MB: peak }))
