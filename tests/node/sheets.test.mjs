// The cases of tests/sheets, streams of text, and results.

import assert from 'node:assert/strict'
import { createReadStream, readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'

import { CancelledError, Client, openJob, ValidationError } from '../../node/dist/index.js'
import { Sandbox } from '../../node/dist/testing.js'
import { relay } from './support.mjs'

const SHEETS = join(import.meta.dirname, '../sheets')
const CASES = JSON.parse(readFileSync(join(SHEETS, 'cases.json'), 'utf8'))
const PLAIN = { compare: 'none', partial: true }

let sandbox, client, folder
before(async () => {
  sandbox = await Sandbox.start()
  client = new Client({ baseUrl: sandbox.url, token: sandbox.token, quota: null })
  folder = await mkdtemp(join(tmpdir(), 'ikcrm-sheets-'))
})
after(async () => {
  await rm(folder, { recursive: true })
  await sandbox.close()
})

async function told(job) {
  const rows = []
  for await (const row of job.rows()) {
    const found = { id: row.id, after: {} }
    for (const [field, change] of Object.entries(row.changes)) found.after[field] = change.after
    if (row.state !== 'planned') found.state = row.state
    if (row.key) found.key = row.key
    if (row.message) found.message = row.message
    rows.push(found)
  }
  return rows
}

function inNode({ clear_text: clearText, ...options } = {}) {
  return clearText ? { clearText, ...options } : options
}

for (const each of CASES) {
  test(`${each.file}: ${each.why}`, async () => {
    const path = join(SHEETS, 'files', each.file)
    const planning = client.planUpdates(path, { ...PLAIN, ...each.plan, ...inNode(each.sheet) })
    if (each.error) {
      await assert.rejects(planning, (error) => {
        return error instanceof ValidationError && error.message.includes(each.error)
      })
      return
    }
    const job = await planning
    const found = await told(job)
    for (const [number, row] of (each.rows ?? []).entries()) {
      const { message = '', ...rest } = row
      const { message: shown = '', ...others } = found[number] ?? {}
      assert.ok(shown.includes(message), shown)
      assert.deepEqual(others, rest)
    }
    assert.equal(found.length, each.rows?.length ?? 0)
    assert.deepEqual(job.coerced, each.coerced ?? {})
  })
}

test('a stream of text or bytes is a .csv file', async () => {
  const bytes = createReadStream(join(SHEETS, 'files/wps-gbk.csv'))
  const text = Readable.from(['id,no', 'te\n600001,a\n'], { objectMode: false })
  for (const [stream, columns] of [
    [bytes, ['商机ID', '商机标题', '预计签单日期', '备注']],
    [text, ['id', 'note']],
  ]) {
    assert.deepEqual((await client.planUpdates(stream, PLAIN)).columns, columns)
  }
})

test('a stream that breaks off is no sheet', async () => {
  const broken = new Readable({ read: () => broken.destroy(new Error('gone')) })
  await assert.rejects(client.planUpdates(broken, PLAIN), /gone/)
})

test('a stream of objects is rows', async () => {
  const job = await client.planUpdates(Readable.from([{ id: 600001, note: 'a' }]), PLAIN)
  assert.equal(job.counts.planned, 1)
})

test('the result has the rows as given, and is read again', async () => {
  const source = join(SHEETS, 'files/other-columns.xlsx')
  const options = { ...PLAIN, id: '编号', columns: { 阶段: 'stage' } }
  const job = await client.planUpdates(source, options)
  const path = join(folder, 'result.csv')
  assert.deepEqual(await job.write(path, { state: 'invalid', language: 'zh' }), [path])
  const text = await readFile(path, 'utf8')
  assert.match(
    text,
    /^\uFEFF编号,阶段,毛利,客户,任务状态,任务说明,任务改动,任务时间\n600002,没有,1,乙,数据有误,/,
  )
  await job.write(join(folder, 'result.xlsx'))
  const again = await client.planUpdates(join(folder, 'result.xlsx'), options)
  assert.deepEqual(
    (await told(again)).map(({ message, ...rest }) => rest),
    (await told(job)).map(({ message, ...rest }) => rest),
  )
  await assert.rejects(job.write(source), /is the sheet that the rows came from/)
  await assert.rejects(job.write(path, { split: 1 }), /must be true or false/)
})

/** More rows than are read between two looks at whether the job was cancelled. */
const MANY = Array.from({ length: 3000 }, (_, index) => ({ id: index + 1, stage: '3515' }))

for (const kind of ['csv', 'xlsx']) {
  for (const [amid, askedFor] of [
    ['read', '/field_maps/'],
    ['compared', 'page=2'],
  ]) {
    test(`an abort while a .${kind} file is ${amid} leaves what the same call goes on with`, async (t) => {
      const sandbox = await Sandbox.start()
      t.after(() => sandbox.close())
      sandbox.seed({ opportunities: MANY.map(({ id }) => ({ id, stage: '3511' })) })
      const controller = new AbortController()
      const crm = await relay(t, sandbox, (_, url) => url.includes(askedFor) && controller.abort())
      const own = crm.client({ token: sandbox.token })
      const place = await mkdtemp(join(folder, 'stops-'))
      const [sheet, path] = [join(place, `sheet.${kind}`), join(place, 'job')]
      await (await client.planUpdates(MANY, PLAIN)).write(sheet)
      const planning = own.planUpdates(sheet, { job: path, signal: controller.signal })
      await assert.rejects(planning, CancelledError)
      const kept = amid === 'compared' ? ['job', 'job-lock'] : []
      assert.deepEqual((await readdir(place)).sort(), [...kept, `sheet.${kind}`])
      if (amid === 'compared') {
        const job = openJob(path)
        assert.deepEqual([job.status, job.stopReason], ['stopped', 'cancelled'])
        assert(job.counts.planned > 0 && job.counts.planned < MANY.length)
      }
      const job = await own.planUpdates(sheet, { job: path })
      assert.deepEqual([job.status, job.counts.planned], ['ready', MANY.length])
    })
  }
}
