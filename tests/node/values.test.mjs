// JavaScript's values as the core gets them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'

import { Client, ValidationError } from '../../node/dist/index.js'
import { Crm, FIELDS, TOKEN } from './support.mjs'

const FREE_KEY = 'file_asset_1'

/** The body that the CRM gets for these fields. */
async function sent(t, fields, id = 568587) {
  const crm = await Crm.start(t)
  crm.answerAll()
  await crm.client().updateOpportunity(id, { ...FIELDS, ...fields })
  return { ...crm.requests[0].body.opportunity, url: crm.requests[0].url }
}

/** The faults of these fields, for which nothing is sent. */
async function faults(fields, ids = [568587]) {
  const client = new Client({ token: TOKEN, baseUrl: 'http://127.0.0.1:9' })
  const call = client.updateOpportunity(...ids, { ...FIELDS, ...fields })
  const error = await call.then(assert.fail, (error) => error)
  assert(error instanceof ValidationError, error)
  return error.fields
}

test('undefined is absent and null is sent', async (t) => {
  const body = await sent(t, { note: undefined, source: null })
  assert.equal('note' in body, false)
  assert.equal(body.source, null)
})

test('undefined within nested data is absent, too', async (t) => {
  const body = await sent(t, { custom: { [FREE_KEY]: { a: undefined, b: 1 } } })
  assert.deepEqual(body[FREE_KEY], { b: 1 })
})

test('a bigint is an id and an amount', async (t) => {
  const body = await sent(t, { customer_id: 7n, expect_amount: 123456789012345678901n }, 5n)
  assert.equal(body.url, '/api/v2/opportunities/5')
  assert.equal(body.customer_id, 7)
  assert.equal(body.expect_amount, '123456789012345678901')
})

test('numbers keep their shortest digits', async (t) => {
  assert.equal((await sent(t, { expect_amount: 0.1 })).expect_amount, '0.1')
  assert.equal((await sent(t, { expect_amount: 20000 })).expect_amount, '20000')
  assert.equal((await sent(t, { expect_amount: 1e21 })).expect_amount, '1000000000000000000000')
})

test('text keeps every character', async (t) => {
  const note = '谈判/合同 "quoted" \n 😀 \u0000'
  assert.equal((await sent(t, { note })).note, note)
})

test('plain data of any depth arrives as it is', async (t) => {
  const data = { list: [1, 'x', null, true, [2.5]], nested: { empty: {} } }
  assert.deepEqual((await sent(t, { custom: { [FREE_KEY]: data } }))[FREE_KEY], data)
})

test('object literals of another realm and without prototype are plain', async (t) => {
  const foreign = runInNewContext('({ a: [1] })')
  const bare = Object.assign(Object.create(null), { b: 2 })
  const body = await sent(t, { custom: { [FREE_KEY]: { foreign, bare } } })
  assert.deepEqual(body[FREE_KEY], { foreign: { a: [1] }, bare: { b: 2 } })
})

test('a Date is refused with the reason', async () => {
  const [fault] = await faults({ get_time: new Date() })
  assert.equal(fault.field, 'get_time')
  assert.equal(fault.code, 'type')
  assert.match(fault.message, /got a Date, whose time zone could move the day/)
})

test('what is no number is refused as money', async () => {
  for (const expect_amount of [NaN, Infinity, -Infinity]) {
    assert.deepEqual(
      (await faults({ expect_amount })).map(({ code }) => code),
      ['format'],
    )
  }
})

test('what JSON cannot spell is refused by its name', async () => {
  class Money {}
  const named = [
    [new Map(), 'Map'],
    [new Money(), 'Money'],
    [Promise.resolve(), 'Promise'],
    [Symbol('x'), 'symbol'],
    [() => {}, 'function'],
    [[undefined], 'undefined'],
  ]
  for (const [value, name] of named) {
    const [fault] = await faults({ custom: { [FREE_KEY]: value } })
    assert.match(fault.message, new RegExp(`must be JSON data, got a .*${name}`))
  }
})

test('data that hold themselves are refused', async () => {
  const endless = {}
  endless.self = endless
  const [fault] = await faults({ custom: { [FREE_KEY]: endless } })
  assert.match(fault.message, /nested too deep/)
})

test('an id that is missing is told to be', async () => {
  const [fault] = await faults({}, [undefined])
  assert.equal(fault.field, 'id')
  assert.match(fault.message, /undefined/)
})

test('what reading a value throws is a rejection', async () => {
  const throws = () => {
    throw new RangeError('mine')
  }
  const fields = Object.defineProperty({}, 'title', { get: throws, enumerable: true })
  const options = Object.defineProperty({}, 'refresh', { get: throws, enumerable: true })
  const client = new Client({ token: TOKEN })
  await assert.rejects(client.updateOpportunity(1, fields), RangeError)
  await assert.rejects(client.fieldMap('opportunity', options), RangeError)
  const record = { id: 1, toJSON: throws }
  await assert.rejects(client.updateOpportunity(1, FIELDS, { ifUnchanged: record }), RangeError)
})

test('fields and options that are no objects are refused', async () => {
  const client = new Client({ token: TOKEN })
  for (const [fields, options, field] of [
    ['title', null, 'fields'],
    [undefined, null, 'fields'],
    [new Map(), null, 'fields'],
    [FIELDS, 5000, 'options'],
    [FIELDS, 'fast', 'options'],
  ]) {
    const error = await client.updateOpportunity(1, fields, options).catch((error) => error)
    assert(error instanceof ValidationError)
    assert(error.fields.some((fault) => fault.field === field && fault.code === 'type'))
  }
})
