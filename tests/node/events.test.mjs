// What a call shows: `onEvent`, channels and NODE_DEBUG, in the caller's context.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn } from 'node:child_process'
import diagnostics from 'node:diagnostics_channel'
import { once } from 'node:events'
import { test } from 'node:test'

import { Client } from '../../node/dist/index.js'
import { Sandbox } from '../../node/dist/testing.js'
import { Crm, FIELDS, PACKAGE, TOKEN, table } from './support.mjs'

const COURSE = ['call_started', 'attempt_sent', 'attempt_answered', 'call_finished']
const context = new AsyncLocalStorage()

/** Answers the first request with a passing failure. */
function failingOnce(crm) {
  crm.answerWith((request) => request.answer(undefined, request === crm.requests[0] ? 503 : 200))
}

async function rowsOf(list) {
  const rows = []
  for await (const row of list) rows.push(row)
  return rows
}

test('events come in order, before the answer and in the context of the caller', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const seen = []
  const client = crm.client({ onEvent: ({ name }) => seen.push([name, context.getStore()]) })
  const call = async (caller) => {
    await client.updateOpportunity(1, FIELDS)
    const own = seen.filter(([, of]) => of === caller).map(([name]) => name)
    assert.deepEqual(own, COURSE)
  }
  await Promise.all(['a', 'b', 'c'].map((caller) => context.run(caller, call, caller)))
})

test('a finished call tells what it cost', async (t) => {
  const crm = await Crm.start(t)
  failingOnce(crm)
  const events = []
  await crm.client({ onEvent: (event) => events.push(event) }).updateOpportunity(1, FIELDS)
  const end = events.at(-1)
  assert.deepEqual([end.name, end.attempts, end.status], ['call_finished', 2, 200])
  assert.deepEqual([end.method, end.route], ['PUT', '/api/v2/opportunities/:id'])
  const retry = events.find(({ name }) => name === 'retry_planned')
  assert.deepEqual([retry.attempt, retry.status, retry.errorCode], [1, 503, 'server'])
  assert(end.elapsedMs > retry.waitMs)
})

test('subscribers of channels are told in the context of the caller', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll('{"code":0,"data":{"opportunities":[],"total_count":0}}')
  const seen = []
  const channels = ['call:start', 'attempt:start', 'attempt:end', 'call:end']
  for (const name of channels) {
    const tell = ({ route }, channel) => seen.push([channel, route, context.getStore()])
    diagnostics.subscribe(`ikcrm:${name}`, tell)
    t.after(() => diagnostics.unsubscribe(`ikcrm:${name}`, tell))
  }
  await context.run('a list', () => rowsOf(crm.client().listOpportunities()))
  assert.deepEqual(
    seen,
    channels.map((name) => [`ikcrm:${name}`, '/api/v2/opportunities', 'a list']),
  )
})

test('what onEvent throws is told once and fails no call', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const onEvent = () => {
    throw new Error("the user's own")
  }
  const client = crm.client({ onEvent })
  const warnings = []
  const keep = (warning) => warnings.push(warning.message)
  process.on('warning', keep)
  t.after(() => process.off('warning', keep))
  for (let call = 0; call < 2; call++) await client.updateOpportunity(1, FIELDS)
  assert.deepEqual(warnings, ["onEvent threw, which fails no call: Error: the user's own"])
})

test('NODE_DEBUG prints the events, and nothing of whom they are about', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const code = `
    const { Client } = require(process.argv[1])
    const client = new Client({ token: process.argv[2], baseUrl: process.argv[3], quota: null })
    client.updateOpportunity(568587, { title: 'ccc', customer_id: 1 })
  `
  const child = spawn(process.execPath, ['-e', code, PACKAGE, TOKEN, crm.url], {
    env: { ...process.env, NODE_DEBUG: 'ikcrm' },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (printed += text))
  assert.deepEqual(await once(child, 'close'), [0, null])
  for (const name of COURSE) assert(printed.includes(` ${name} `), printed)
  const never = [TOKEN, ...table('events').never]
  assert.deepEqual(
    never.filter((word) => printed.includes(word)),
    [],
  )
})

test("a warning of the quota's store is told once, on its channel and to onEvent", async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const key = `warning of ${crm.url}`
  const strict = crm.client({ quota: { calls: 50, perMs: 3_600_000, key } })
  await strict.updateOpportunity(1, FIELDS)
  const [events, published] = [[], []]
  const publish = (event) => published.push([event, context.getStore()])
  diagnostics.subscribe('ikcrm:store-warning', publish)
  t.after(() => diagnostics.unsubscribe('ikcrm:store-warning', publish))
  const quota = { calls: 100, perMs: 10_000, key }
  const client = crm.client({ quota, onEvent: (event) => events.push(event) })
  for (let call = 0; call < 2; call++) {
    await context.run('caller', () => client.updateOpportunity(1, FIELDS))
  }
  const warnings = events.filter(({ name }) => name === 'store_warning')
  assert.deepEqual(published, [[warnings[0], 'caller']])
  assert.deepEqual(warnings, [published[0][0]])
  assert.equal(warnings[0].warning, 'stricter')
  assert.match(warnings[0].message, /only 50 in 3600s/)
})

test('the calls of a job are told as others are, in the context of its caller', async (t) => {
  const sandbox = await Sandbox.start()
  t.after(() => sandbox.close())
  const [events, published] = [[], []]
  const publish = ({ callId }) => published.push([callId, context.getStore()])
  diagnostics.subscribe('ikcrm:call:end', publish)
  t.after(() => diagnostics.unsubscribe('ikcrm:call:end', publish))
  const onEvent = (event) => events.push([event, context.getStore()])
  const client = new Client({ token: sandbox.token, baseUrl: sandbox.url, quota: null, onEvent })
  const ended = () => events.map(([event]) => event).filter(({ name }) => name === 'call_finished')
  const rows = [600001, 600002].map((id) => ({ id, stage: '赢单' }))
  const job = await context.run('planner', () => client.planUpdates(rows))
  assert(ended().some(({ route }) => route === '/api/v2/field_maps/:entity'))
  assert(events.every(([, caller]) => caller === 'planner'))
  events.length = published.length = 0
  await Promise.all([
    context.run('job', () => client.applyUpdates(job)),
    context.run('call', () => client.getOpportunity(600003)),
  ])
  const updates = ended().filter(({ method }) => method === 'PUT')
  assert.equal(updates.length, rows.length)
  const callers = new Map(events.map(([{ callId }, caller]) => [callId, caller]))
  assert(updates.every(({ callId }) => callers.get(callId) === 'job'))
  assert.equal([...callers.values()].filter((caller) => caller === 'call').length, 1)
  assert.deepEqual(
    published,
    ended().map(({ callId }) => [callId, callers.get(callId)]),
  )
})

test('a job that nobody listens to tells nothing', async (t) => {
  const sandbox = await Sandbox.start()
  t.after(() => sandbox.close())
  const client = new Client({ token: sandbox.token, baseUrl: sandbox.url, quota: null })
  const job = await client.planUpdates([{ id: 600001, stage: '赢单' }])
  const seen = []
  const tell = (event) => seen.push(event)
  const applied = client.applyUpdates(job)
  // Whoever comes later hears of later calls.
  diagnostics.subscribe('ikcrm:call:end', tell)
  t.after(() => diagnostics.unsubscribe('ikcrm:call:end', tell))
  await applied
  assert.deepEqual(seen, [])
})
