// Every row of a list comes once, however often it is stopped and taken up again.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CancelledError, ServerError } from '../../node/dist/index.js'
import { Crm, LONG_MS } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }

/** A CRM whose list has this many rows, ten a page; `answers` is asked before each page. */
async function withRows(t, total, before = () => {}) {
  const crm = await Crm.start(t)
  crm.answerWith((request) => {
    if (before(request) === false) return
    const page = Number(new URL(request.url, crm.url).searchParams.get('page'))
    const first = (page - 1) * 10
    const count = Math.max(Math.min(total - first, 10), 0)
    const opportunities = Array.from({ length: count }, (_, index) => ({ id: first + index + 1 }))
    const data = { opportunities, total_count: total, per_page: 10 }
    request.answer(JSON.stringify({ code: 0, data }))
  })
  return crm
}

/** The ids of the next rows of a list, so many at most. */
async function ids(list, most = Infinity) {
  const taken = []
  for await (const { id } of list) if (taken.push(id) >= most) break
  return taken
}

const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

test('a second loop goes on after the row at which the first one stopped', OPTIONS, async (t) => {
  const crm = await withRows(t, 61)
  const list = crm.client().listOpportunities({ per_page: 10 })
  assert.deepEqual(await ids(list, 3), [1, 2, 3])
  assert.equal(crm.requests.length, 1)
  assert.deepEqual(await ids(list, 7), numbers(4, 10))
  assert.deepEqual(await ids(list), numbers(11, 61))
  assert.equal(crm.requests.length, 7)
})

test('a list that was read to its end gives nothing more', OPTIONS, async (t) => {
  const crm = await withRows(t, 12)
  const list = crm.client().listOpportunities({ per_page: 10 })
  assert.equal((await ids(list)).length, 12)
  assert.deepEqual(await ids(list), [])
  assert.equal(list.totalCount, 12)
  assert.equal(crm.requests.length, 2)
})

test('a loop that throws loses no row', OPTIONS, async (t) => {
  const crm = await withRows(t, 12)
  const list = crm.client().listOpportunities({ per_page: 10 })
  const failing = async () => {
    for await (const { id } of list) if (id === 4) throw new RangeError('mine')
  }
  await assert.rejects(failing, RangeError)
  assert.deepEqual(await ids(list), numbers(5, 12))
})

test('after an abort the rows that were read are still there', OPTIONS, async (t) => {
  let held = false
  const crm = await withRows(t, 20, ({ url }) => {
    held = url.includes('page=2')
    return !held
  })
  const controller = new AbortController()
  const { signal } = controller
  const list = crm.client().listOpportunities({ per_page: 10 }, { signal })
  assert.deepEqual(await ids(list, 3), [1, 2, 3])
  controller.abort()
  assert.deepEqual(await ids(list, 7), numbers(4, 10))
  await assert.rejects(ids(list), CancelledError)
  assert.equal(held, false)
})

test('a page that failed is read again by the next loop', OPTIONS, async (t) => {
  let failures = 1
  const crm = await withRows(t, 15, ({ url, answer }) => {
    if (!url.includes('page=2') || failures-- <= 0) return true
    answer('{}', 500)
    return false
  })
  const list = crm.client({ maxRetries: 0 }).listOpportunities({ per_page: 10 })
  const taken = []
  await assert.rejects(async () => {
    for await (const { id } of list) taken.push(id)
  }, ServerError)
  assert.deepEqual([...taken, ...(await ids(list))], numbers(1, 15))
})

test('two loops at once share the rows, and read each page once', OPTIONS, async (t) => {
  const crm = await withRows(t, 35)
  const list = crm.client().listOpportunities({ per_page: 10 })
  const both = await Promise.all([ids(list), ids(list)])
  assert.deepEqual(
    both.flat().sort((a, b) => a - b),
    numbers(1, 35),
  )
  assert.equal(crm.requests.length, 4)
})
