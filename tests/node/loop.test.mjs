// Calls under way leave the event loop, libuv's threads and the process's end alone.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { Crm, FIELDS, LONG_MS, PACKAGE, run, TOKEN } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }

test('64 stalled calls leave files and timers undisturbed', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client()
  const calls = Array.from({ length: 64 }, () => client.updateOpportunity(568587, FIELDS))
  await crm.arrived(64)
  await Promise.all(Array.from({ length: 16 }, () => readFile(PACKAGE)))
  await delay(1)
  crm.answerAll()
  for (const opportunity of await Promise.all(calls)) assert.equal(opportunity.id, 568587)
})

test('answers come in the order in which the CRM gives them', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client()
  const first = client.updateOpportunity(1, FIELDS)
  await crm.arrived(1)
  const second = client.updateOpportunity(2, FIELDS)
  await crm.arrived(2)
  crm.requests[1].answer()
  await second
  crm.requests[0].answer()
  await first
})

test('1,000 calls at once are all answered', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client()
  const calls = Array.from({ length: 1000 }, () => client.updateOpportunity(568587, FIELDS))
  for (const opportunity of await Promise.all(calls)) assert.equal(opportunity.id, 568587)
})

test("a call's continuation keeps its asynchronous context", OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client()
  const storage = new AsyncLocalStorage()
  const calls = [1, 2, 3].map((id) =>
    storage.run(id, async () => {
      await client.updateOpportunity(id, FIELDS)
      return storage.getStore()
    }),
  )
  await crm.arrived(3)
  crm.answerAll()
  assert.deepEqual(await Promise.all(calls), [1, 2, 3])
})

test('a client that nobody holds is collected and closes its connections', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  await crm.client().updateOpportunity(1, FIELDS)
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  await once(crm.requests[0].socket, 'close')
})

const CALL_ONCE = `
  const { default: ikcrm } = await import(process.argv[1])
  const opportunity = await ikcrm.updateOpportunity(568587, { title: 'ccc', customer_id: 1 })
  console.log(opportunity.id)
`

test('the process lives until a call is done, and no longer', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const child = run(CALL_ONCE, { IKCRM_TOKEN: TOKEN, IKCRM_BASE_URL: crm.url })
  const exited = once(child, 'exit')
  await crm.arrived(1)
  crm.requests[0].answer()
  assert.equal(await text(child.stdout), '568587\n')
  const answered = performance.now()
  assert.deepEqual(await exited, [0, null])
  // An idle thread or a pooled connection that held the process would hold it for seconds.
  assert(performance.now() - answered < 2000)
})

test('a client without calls does not keep the process', OPTIONS, async () => {
  const source = `
    const { Client } = await import(process.argv[1])
    new Client({ token: '${TOKEN}' })
  `
  assert.deepEqual(await once(run(source), 'exit'), [0, null])
})

test('process.exit with calls under way ends the process at once', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const source = `
    const { Client } = await import(process.argv[1])
    const client = new Client({ token: '${TOKEN}', baseUrl: '${crm.url}', quota: null })
    const call = () => client.updateOpportunity(1, { title: 'ccc', customer_id: 1 })
    Promise.all(Array.from({ length: 16 }, call))
    process.on('SIGTERM', () => process.exit(7))
    setInterval(() => {}, 1000)
  `
  const child = run(source)
  await crm.arrived(16)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [7, null])
})

test('SIGINT ends the process, whatever is under way', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const child = run(CALL_ONCE, { IKCRM_TOKEN: TOKEN, IKCRM_BASE_URL: crm.url })
  await crm.arrived(1)
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGINT'])
})

test('a failed call that nobody waits for is one unhandled rejection', OPTIONS, async () => {
  const source = `
    const { Client } = await import(process.argv[1])
    process.on('unhandledRejection', ({ name }) => console.log(name))
    new Client({ token: '${TOKEN}' }).updateOpportunity(0, {}, { signal: AbortSignal.timeout(5) })
  `
  assert.equal(await text(run(source).stdout), 'ValidationError\n')
})
