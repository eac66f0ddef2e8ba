// Jobs: the cases of `tests/jobs`, and what only Node has.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'

import {
  AuthError,
  CancelledError,
  CLEAR,
  Client,
  JobFileError,
  JobInUseError,
  JobStoppedError,
  openJob,
  UpdateJob,
  ValidationError,
} from '../../node/dist/index.js'
import { Sandbox } from '../../node/dist/testing.js'
import { inNodeOptions, ScriptedServer, spell } from './scripted.mjs'
import { json, LONG_MS, PACKAGE, relay, run } from './support.mjs'

const FILES = readdirSync(new URL('../jobs', import.meta.url)).sort()
const ROWS = [600001, 600002, 600003, 600004].map((id) => ({
  id,
  stage: '赢单',
}))
const OPTIONS = { timeout: LONG_MS }

/** Without a quota, and with one that paces a job's calls and is never used up. */
const PACES = { 'at once': null, paced: { calls: 1000, perMs: 5000 } }

/** Each row is read, sent and written down by itself. */
const ONE_BY_ONE = { maxAgeMs: 0 }

/** A folder that is gone when the test is over. */
function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'ikcrm-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** A client of a sandbox, and a folder. */
async function start(t) {
  const sandbox = await Sandbox.start()
  t.after(() => sandbox.close())
  const client = new Client({
    token: sandbox.token,
    baseUrl: sandbox.url,
    quota: null,
  })
  return { sandbox, client, path: join(folder(t), 'job') }
}

/** What the promise rejects with. */
const failure = (promise) => promise.then(assert.fail, (error) => error)

/** The rows of a job, in an array. */
async function all(rows) {
  const got = []
  for await (const row of rows) got.push(row)
  return got
}

/** A generator of the rows that asks for the next one in a later turn. */
async function* later(rows) {
  for (const row of rows) yield await new Promise((resolve) => setImmediate(resolve, row))
}

describe('cases', () => {
  let server
  before(() => (server = new ScriptedServer('job-server')))
  after(() => server.stop())

  for (const file of FILES) {
    for (const theCase of json(`jobs/${file}`)) {
      for (const [how, quota] of Object.entries(PACES)) {
        test(`${file}: ${theCase.id} (${how})`, async (t) => {
          const address = await server.ask({ start: theCase })
          const client = new Client({
            ...{ token: address.token, baseUrl: address.base_url },
            ...{ quota, maxRetries: 0, timeoutMs: 400 },
          })
          let path = join(folder(t), 'job')
          for (const step of theCase.steps) {
            if (step.change) await server.ask({ change: step.change })
            const error = await play(client, step, spell(theCase.rows), path)
            if (step.undo) path = `${path}-undo`
            await check(step, error, await server.ask('calls'), path)
          }
          assert.deepEqual(await server.ask('finish'), { problems: [] })
        })
      }
    }
  }
})

/** Plays a step; the error it ends in, if any. */
async function play(client, { plan, apply, undo }, rows, path) {
  try {
    if (plan) await client.planUpdates(rows, { job: path, ...inNodeOptions(plan) })
    if (undo)
      await client.planUndo(path, {
        job: `${path}-undo`,
        ...inNodeOptions(undo),
      })
    if (apply) await client.applyUpdates(path, inNodeOptions(apply))
    return null
  } catch (error) {
    return error
  }
}

async function check(step, error, calls, path) {
  assert.equal(error?.code, step.error, error?.stack)
  // Updates that are under way at once come in any order.
  if (step.calls) assert.deepEqual(calls.toSorted(), step.calls.toSorted())
  if (!existsSync(path)) return
  const job = openJob(path)
  const rows = await all(job.rows())
  if (step.states) {
    assert.deepEqual(
      rows.map(({ state }) => state),
      step.states,
    )
  }
  assert.equal(job.stopReason, step.reason ?? null)
  if (error instanceof JobStoppedError) {
    assert.deepEqual([error.reason, error.job.path], [job.stopReason, path])
  }
  if ('ok' in step) assert.equal(job.ok, step.ok)
  for (const [number, part] of Object.entries(step.messages ?? {})) {
    assert(rows[number - 1].message?.includes(part), rows[number - 1].message)
  }
  assert.equal(
    Object.values(job.counts).reduce((sum, count) => sum + count),
    rows.length,
  )
  assert(String(job).split('\n').length <= 10)
  const records = await job.toRecords()
  assert.deepEqual(JSON.parse(JSON.stringify(records)), records)
  assert.deepEqual(JSON.parse(JSON.stringify(job)).counts, job.counts)
}

test('a job tells all that its file does', OPTIONS, async (t) => {
  const { client, path } = await start(t)
  const rows = [
    { id: 600001, stage: '赢单', no: 'a' },
    { id: 600002n, stage: NaN, no: 'b', note: CLEAR },
  ]
  const columns = { stage: 'stage', note: 'note' }
  const job = await client.planUpdates(rows, { job: path, key: 'no', columns })
  assert(job instanceof UpdateJob)
  assert.deepEqual([job.status, job.stopReason, job.ok], ['ready', null, false])
  const [first] = await all(job.rows({ state: 'planned' }))
  assert.deepEqual([first.number, first.key, first.id], [1, 'a', 600001])
  assert.deepEqual(first.changes, { stage: { before: '3511', after: '3515' } })
  assert.deepEqual(first.labels, { stage: '赢单' })
  assert(job.callsToGo > 0)
  assert.equal(inspect(job), String(job))
  assert.equal(JSON.parse(JSON.stringify(job)).status, 'ready')
  assert.equal(openJob(pathToFileURL(path)).path, path)
  assert.deepEqual(
    [await job.skip({ keys: new Set(['a']) }), await job.skip({ ids: [600002n, '600003'] })],
    [1, 1],
  )
  assert.equal(await client.applyUpdates(job), job)
  assert.deepEqual([job.status, job.calls.update, job.counts.skipped], ['completed', 0, 2])
  await assert.rejects(job.skip({}), {
    name: 'TypeError',
    message: /either ids or keys/,
  })
  await assert.rejects(job.skip({ ids: ['x'] }), ValidationError)
  const lost = job.rows({ state: 'lost' }).next()
  await assert.rejects(lost, {
    code: 'validation',
    message: /no state "lost"/,
  })
})

test('rows come from whatever gives objects', OPTIONS, async (t) => {
  const { client } = await start(t)
  const sources = {
    'an array': ROWS,
    'an iterable': new Set(ROWS),
    'an async iterable': later(ROWS),
    'an object stream': Readable.from(ROWS),
    'a web stream': Readable.toWeb(Readable.from(ROWS)),
  }
  for (const [what, rows] of Object.entries(sources)) {
    const job = await client.planUpdates(rows)
    assert.equal(job.counts.planned, ROWS.length, what)
  }
  const many = Array.from({ length: 1001 }, (_, index) => ({
    id: 600001 + index,
    note: 'x',
  }))
  const job = await client.planUpdates(many, {
    compare: 'none',
    partial: true,
  })
  const numbers = (await all(job.rows())).map(({ number }) => number)
  assert.deepEqual(
    numbers,
    many.map((_, index) => index + 1),
  )
})

test('a job counts its sign-ins', OPTIONS, async (t) => {
  const account = { login: 'me', password: 'secret', corpIds: ['7'] }
  const sandbox = await Sandbox.start({ accounts: [account] })
  t.after(() => sandbox.close())
  const { login, password } = account
  const client = new Client({
    login,
    password,
    baseUrl: sandbox.url,
    quota: null,
  })
  assert.equal((await client.updateOpportunities(ROWS)).calls.sign_in, 1)
})

test('what is no row, and no rows, is told', OPTIONS, async (t) => {
  const { client, path } = await start(t)
  for (const row of [5, 'text', null, [], Promise.resolve({}), new Map([['id', 1]])]) {
    const error = await failure(client.planUpdates([ROWS[0], row], { job: path }))
    assert(error instanceof ValidationError, error.stack)
    assert.match(error.message, /row 2: must be an object/)
    assert(!existsSync(path))
  }
  for (const rows of [5, null, undefined, { id: 1 }]) {
    await assert.rejects(client.planUpdates(rows), {
      name: 'TypeError',
      message: /rows must be/,
    })
  }
})

test('what the rows throw passes, leaves no job, and closes them', OPTIONS, async (t) => {
  const { client, path } = await start(t)
  const mine = new Error('mine')
  async function* rows() {
    yield ROWS[0]
    throw mine
  }
  assert.equal(await failure(client.planUpdates(rows(), { job: path })), mine)
  assert(!existsSync(path))
  const stream = Readable.from([ROWS[0], 5, ...ROWS])
  await failure(client.planUpdates(stream, { job: path }))
  if (!stream.closed) await once(stream, 'close')
})

test('callbacks come one at a time, awaited, in their context', OPTIONS, async (t) => {
  const { client } = await start(t)
  const storage = new AsyncLocalStorage()
  const seen = []
  let open = 0
  const slow = async (what) => {
    assert.equal(++open, 1)
    assert.equal(storage.getStore(), 'mine')
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(what)
    open -= 1
  }
  const options = {
    confirm: async (job) => job.status === 'ready',
    onRow: (row) => slow(row.id),
    onProgress: ({ line, counts }) => slow(`${line} ${counts.updated}`),
  }
  const job = await storage.run('mine', () => client.updateOpportunities(ROWS, options))
  assert(job.ok)
  assert.deepEqual(
    seen.filter((what) => typeof what === 'number').toSorted(),
    ROWS.map(({ id }) => id),
  )
  assert(seen.some((what) => /^0\/4 rows.* 0$/.test(what)))
})

test('what a callback throws stops the job and passes', OPTIONS, async (t) => {
  const { client, path } = await start(t)
  const mine = new Error('mine')
  const job = await client.planUpdates(ROWS, { job: path })
  const fails = async () => {
    throw mine
  }
  for (const name of ['onProgress', 'onRow']) {
    const options = { ...ONE_BY_ONE, [name]: fails }
    assert.equal(await failure(client.applyUpdates(job, options)), mine)
    assert.deepEqual([job.status, job.stopReason], ['stopped', 'cancelled'])
  }
  assert((await client.applyUpdates(job)).ok)
})

test('only true confirms', OPTIONS, async (t) => {
  const { client } = await start(t)
  const job = await client.updateOpportunities(ROWS, { confirm: () => 'yes' })
  assert.deepEqual([job.status, job.calls.update], ['ready', 0])
})

test('an abort stops a job, which tells how to go on', OPTIONS, async (t) => {
  const { client, path } = await start(t)
  const job = await client.planUpdates(ROWS, { job: path })
  const controller = new AbortController()
  const onRow = () => controller.abort(new Error('enough'))
  const options = { ...ONE_BY_ONE, signal: controller.signal, onRow }
  const error = await failure(client.applyUpdates(job, options))
  assert(error instanceof CancelledError, error.stack)
  assert.equal(error.cause, controller.signal.reason)
  assert.match(error.message, new RegExp(`make the same call again to continue ${path}`))
  assert.deepEqual([job.status, job.stopReason, job.counts.updated], ['stopped', 'cancelled', 1])
  assert((await client.applyUpdates(job)).ok)
})

test('an abort lets a call under way end', OPTIONS, async (t) => {
  const { sandbox, path } = await start(t)
  const controller = new AbortController()
  const crm = await relay(t, sandbox, (method) => method === 'PUT' && controller.abort())
  const client = crm.client({ token: sandbox.token })
  const job = await client.planUpdates(ROWS, { job: path })
  const options = { ...ONE_BY_ONE, signal: controller.signal }
  assert((await failure(client.applyUpdates(job, options))) instanceof CancelledError)
  const { updated, unknown, sending } = job.counts
  assert.deepEqual([updated, unknown, sending], [1, 0, 0])
  assert((await client.applyUpdates(job)).ok)
})

const INTERRUPTED = `
const { Client } = (await import(process.argv[1])).default
const { URL: baseUrl, TOKEN: token, JOB: path } = process.env
const client = new Client({ token, baseUrl, quota: null, timeoutMs: 3000 })
const stop = new AbortController()
process.once('SIGINT', () => {
  stop.abort()
  process.stdout.write('stopping, ')
})
const options = { signal: stop.signal, maxAgeMs: 0 }
await client.applyUpdates(path, options).catch(({ code }) => process.stdout.write(code))
`

/** How a program ends that applies a job and gets a Ctrl-C while its first update is under way. */
async function interrupted(t, amid = () => {}) {
  const { sandbox, path } = await start(t)
  let child
  const crm = await relay(t, sandbox, async (method) => {
    if (method !== 'PUT' || !child || child.killed) return
    const stopping = once(child.stdout, 'data')
    child.kill('SIGINT')
    await stopping
    await amid(child)
  })
  const client = crm.client({ token: sandbox.token, timeoutMs: 3000 })
  const job = await client.planUpdates(ROWS, { job: path })
  child = run(INTERRUPTED, { URL: crm.url, TOKEN: sandbox.token, JOB: path })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (shown += text))
  const [code, signal] = await once(child, 'close')
  return { client, job, ended: [shown, code, signal] }
}

test('the first Ctrl-C lets the update under way end', OPTIONS, async (t) => {
  const { client, job, ended } = await interrupted(t)
  assert.deepEqual(ended, ['stopping, cancelled', 0, null])
  assert.deepEqual([job.status, job.stopReason, job.counts.updated], ['stopped', 'cancelled', 1])
  assert.equal(job.counts.sending + job.counts.unknown, 0)
  assert((await client.applyUpdates(job)).ok)
})

test('a second Ctrl-C ends the program at once', OPTIONS, async (t) => {
  const { client, job, ended } = await interrupted(t, async (child) => {
    child.kill('SIGINT')
    await once(child, 'exit')
  })
  assert.deepEqual(ended, ['stopping, ', null, 'SIGINT'])
  assert.deepEqual([job.status, job.stopReason, job.counts.sending], ['stopped', 'killed', 1])
  assert((await client.applyUpdates(job)).ok)
})

test('an abort ends a wait for rows and for callbacks that never come', OPTIONS, async (t) => {
  const { client, path } = await start(t)
  const never = new Promise(() => {})
  const controller = new AbortController()
  async function* rows() {
    yield ROWS[0]
    setImmediate(() => controller.abort())
    await never
  }
  const planning = client.planUpdates(rows(), {
    job: path,
    signal: controller.signal,
  })
  assert((await failure(planning)) instanceof CancelledError)
  assert(!existsSync(path))
  const job = await client.planUpdates(ROWS, { job: path })
  const other = new AbortController()
  const onRow = () => {
    setImmediate(() => other.abort())
    return never
  }
  const applying = client.applyUpdates(job, {
    ...ONE_BY_ONE,
    signal: other.signal,
    onRow,
  })
  assert((await failure(applying)) instanceof CancelledError)
  assert.equal(job.counts.updated, 1)
})

const KILLED = `
const { Client } = (await import(process.argv[1])).default
const [baseUrl, token, path] = [process.env.URL, process.env.TOKEN, process.env.JOB]
const client = new Client({ token, baseUrl, quota: null })
const hold = setInterval(() => {}, 1e6)
await client.applyUpdates(path, { onRow: (row) => {
  console.log(row.number)
  return new Promise(() => {})
} })
`

test('a killed job goes on', OPTIONS, async (t) => {
  const { client, sandbox, path } = await start(t)
  const job = await client.planUpdates(ROWS, { job: path })
  const child = run(KILLED, {
    URL: sandbox.url,
    TOKEN: sandbox.token,
    JOB: path,
  })
  t.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  await once(child.stdout, 'data')
  assert.equal(job.status, 'running')
  assert((await failure(client.applyUpdates(job))) instanceof JobInUseError)
  child.kill('SIGKILL')
  await exit
  assert.deepEqual([job.status, job.stopReason], ['stopped', 'killed'])
  await client.applyUpdates(job)
  assert.deepEqual([job.ok, job.calls.update], [true, ROWS.length])
})

const IN_WORKER = `
const { parentPort, workerData } = require('node:worker_threads')
const { Client } = require(workerData.package)
const client = new Client({ ...workerData.options, quota: null })
client.applyUpdates(workerData.path, { onRow: () => {
  parentPort.postMessage('row')
  return new Promise(() => {})
} })
`

test('a worker that is terminated stops its job', OPTIONS, async (t) => {
  const { client, sandbox, path } = await start(t)
  await client.planUpdates(ROWS, { job: path })
  const options = { token: sandbox.token, baseUrl: sandbox.url }
  const worker = new Worker(IN_WORKER, {
    eval: true,
    workerData: { package: PACKAGE, options, path },
  })
  await once(worker, 'message')
  await worker.terminate()
  // Its thread lets go of the lock within a moment.
  let job
  do job = await client.applyUpdates(path).catch((error) => error)
  while (job instanceof JobInUseError)
  assert.deepEqual([job.ok, job.calls.update], [true, ROWS.length])
})

const TELLS = `
const { Client } = (await import(process.argv[2])).default
const { URL: baseUrl, TOKEN: token } = process.env
const client = new Client({ token, baseUrl, quota: null })
const rows = [600001, 600002, 600003, 600004].map((id) => ({ id, stage: '赢单' }))
await client.updateOpportunities(rows, { progress: true, maxAgeMs: 0 })
`

/** What a program that tells its progress writes to stderr; with a command, that runs it. */
async function progressOf(t, command, ...args) {
  const { sandbox } = await start(t)
  const program = join(folder(t), 'tells.mjs')
  writeFileSync(program, TELLS)
  const env = { ...process.env, URL: sandbox.url, TOKEN: sandbox.token }
  const child = command
    ? spawn(command, [...args, `'${process.execPath}' '${program}' '${PACKAGE}'`, '/dev/null'], {
        env,
      })
    : spawn(process.execPath, [program, PACKAGE], { env })
  const ended = once(child, 'exit')
  const shown = (await all((command ? child.stdout : child.stderr).setEncoding('utf8'))).join('')
  assert.deepEqual(await ended, [0, null], shown)
  return shown
}

test('progress is a line on stderr', OPTIONS, async (t) => {
  const shown = await progressOf(t)
  assert.match(shown, /4\/4 rows, 4 updated\n$/)
  assert(!shown.includes('\r'))
})

test('progress is rewritten on a terminal', OPTIONS, async (t) => {
  const linux = process.platform === 'linux'
  if (!linux) return t.skip('needs the `script` of Linux for a terminal')
  const shown = await progressOf(t, 'script', '--quiet', '--return', '--command')
  assert(shown.startsWith('\r'), shown)
  assert.equal(shown.match(/\n/g).length, 2) // the ends of plan and apply
  assert.match(shown, /\r4\/4 rows, 4 updated *\r\n$/)
})

test('errors tell the job', OPTIONS, async (t) => {
  const { client, sandbox, path } = await start(t)
  const job = await client.planUpdates([{ id: 404, stage: '赢单' }], {
    job: path,
  })
  await client.applyUpdates(job)
  assert.throws(() => job.raiseForFailures(), {
    name: 'JobStoppedError',
    message: /1 not found/,
    job,
  })
  assert.equal(job.problems[0].examples[0].id, 404)
  assert.throws(() => openJob(`${path}-none`), JobFileError)
  assert.throws(() => openJob(5), TypeError)
  const other = await client.planUpdates(ROWS, { job: `${path}-other` })
  const dead = new Client({ token: 'dead', baseUrl: sandbox.url, quota: null })
  const error = await failure(dead.applyUpdates(other))
  assert.deepEqual([error.reason, error.path, error.job], ['auth', other.path, other])
  assert(error.cause instanceof AuthError)
  assert(!Object.keys(JSON.parse(JSON.stringify(error))).includes('job'))
})

test('options are checked, under their names here', OPTIONS, async (t) => {
  const { client, path } = await start(t)
  const plans = {
    maxErorrs: [1, /no such option/],
    compare: ['all', /auto or get or none/],
    onDuplicate: ['x', /onDuplicate/],
    on_duplicate: ['last', /onDuplicate/],
    onProgress: [5, /onProgress: must be a function/],
    progress: ['yes', /progress: must be true or false/],
    asOf: [new Date(NaN), /asOf/],
    signal: [5, /signal: must be an AbortSignal/],
  }
  for (const [name, [value, message]] of Object.entries(plans)) {
    const error = await failure(client.planUpdates(ROWS, { job: path, [name]: value }))
    assert(error instanceof ValidationError, `${name}: ${error.stack}`)
    assert.match(error.message, message)
  }
  const job = await client.planUpdates(ROWS, { job: path })
  const applies = {
    maxEror: [1, /maxErrors/],
    maxAgeMs: ['1', /maxAgeMs/],
    maxDuration: [1, /maxDurationMs/],
    onRow: ['x', /onRow: must be a function/],
  }
  for (const [name, [value, message]] of Object.entries(applies)) {
    const error = await failure(client.applyUpdates(job, { [name]: value }))
    assert(error instanceof ValidationError, `${name}: ${error.stack}`)
    assert.match(error.message, message)
  }
  const confirm = 'yes'
  await assert.rejects(client.updateOpportunities(ROWS, { confirm }), /confirm: must be a function/)
  for (const call of ['planUpdates', 'updateOpportunities']) {
    await assert.rejects(client[call](ROWS, 5), /options must be an object/)
  }
})

test("a moment is in China's time", OPTIONS, async (t) => {
  const { client, path } = await start(t)
  const asOf = new Date('2001-01-01T00:00:00Z')
  const job = await client.planUpdates(ROWS, { job: path, asOf })
  assert.equal(job.counts.conflict, ROWS.length)
  const other = client.planUpdates(ROWS, {
    job: path,
    asOf: '2001-01-01 09:00',
  })
  await assert.rejects(other, JobFileError) // planned with another time
  await client.planUpdates(ROWS, { job: path, asOf: '2001-01-01 08:00' })
})

test('a job without a path goes with its object, unless it is needed', OPTIONS, async (t) => {
  const { sandbox } = await start(t)
  const source = `
    const { Client } = (await import(process.argv[1])).default
    const { URL: baseUrl, TOKEN: token } = process.env
    const client = new Client({ token, baseUrl, quota: null })
    const job = await client.planUpdates([{ id: 600001, stage: '赢单' }])
    process.stdout.write(job.path)
  `
  const child = run(source, { URL: sandbox.url, TOKEN: sandbox.token })
  const path = (await all(child.stdout.setEncoding('utf8'))).join('')
  assert.match(path, /\.job$/)
  assert(!existsSync(path))
})
