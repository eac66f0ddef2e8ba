// The quota's settings and its status, as Node has them.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CancelledError, Client, QuotaExceededError } from '../../node/dist/index.js'
import { Crm, FIELDS, LONG_MS, TOKEN } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }

test("the default is the CRM's quota", OPTIONS, async () => {
  const client = new Client({ token: TOKEN, baseUrl: 'http://127.0.0.1:9' })
  assert.deepEqual(await client.quota(), {
    calls: 10,
    used: 0,
    free: 10,
    waiting: 0,
    nextFreeMs: 0,
  })
})

test('null turns it off', OPTIONS, async () => {
  assert.equal(await new Client({ token: TOKEN, quota: null }).quota(), null)
})

test('the status tells what is used and when more can be had', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client({ quota: { calls: 1, perMs: 60_000 } })
  await client.updateOpportunity(1, FIELDS)
  const { used, free, nextFreeMs } = await client.quota()
  assert.deepEqual([used, free], [1, 0])
  assert(nextFreeMs > 50_000 && nextFreeMs <= 60_000, String(nextFreeMs))
})

test('a call without a slot in time tells when there may be one', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client({ quota: { calls: 1, perMs: 60_000, maxWaitMs: 0 } })
  await client.updateOpportunity(1, FIELDS)
  const error = await client.updateOpportunity(1, FIELDS).catch((error) => error)
  assert(error instanceof QuotaExceededError)
  assert(error.retryAfterMs > 50_000, String(error.retryAfterMs))
  assert.equal(crm.requests.length, 1)
})

test(
  'an abort ends the wait for a slot, of calls that have no thread yet too',
  OPTIONS,
  async (t) => {
    const crm = await Crm.start(t)
    crm.answerAll()
    const client = crm.client({ quota: { calls: 1, perMs: 3_600_000 } })
    await client.updateOpportunity(1, FIELDS)
    const controller = new AbortController()
    const { signal } = controller
    const calls = Array.from({ length: 1000 }, () =>
      client.updateOpportunity(1, FIELDS, { signal }),
    )
    controller.abort()
    for (const { reason } of await Promise.allSettled(calls))
      assert(reason instanceof CancelledError)
    assert.equal(crm.requests.length, 1)
  },
)
