// `ifUnchanged` compares or refuses: what cannot be compared never lets an update go.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ValidationError } from '../../node/dist/index.js'
import { Crm, FIELDS, LONG_MS } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }
const ID = 568587

/** The only fault of an update with this record; the CRM then got no update. */
async function fault(t, ifUnchanged, reads = 0) {
  const crm = await Crm.start(t)
  crm.answerAll()
  const record = typeof ifUnchanged === 'function' ? ifUnchanged(crm.client()) : ifUnchanged
  const call = crm.client().updateOpportunity(ID, FIELDS, { ifUnchanged: record })
  const error = await call.then(assert.fail, (error) => error)
  assert(error instanceof ValidationError, error)
  assert.equal(error.fields.length, 1, error)
  assert.equal(error.fields[0].field, 'ifUnchanged')
  assert.deepEqual(crm.requests.filter(({ body }) => body).length, 0)
  assert.equal(crm.requests.length, reads)
  return error.fields[0]
}

test('a promise of a record, whose await was forgotten, is told to be one', OPTIONS, async (t) => {
  const { code, message } = await fault(t, Promise.resolve({ id: ID, title: 'x' }))
  assert.equal(code, 'type')
  assert.match(message, /must be an opportunity .*got a Promise; await it$/)
})

test('what is no record is refused by what it is', OPTIONS, async (t) => {
  const record = { id: ID, title: 'x' }
  for (const [value, got] of [
    [new Map(Object.entries(record)), 'a Map'],
    [new Set([record]), 'a Set'],
    [[record], 'a list'],
    [JSON.stringify(record), 'the text'],
    [ID, `the number ${ID}`],
    [true, 'true'],
    [() => record, 'a function'],
    [new Date(), 'a Date'],
    [Symbol('x'), 'a symbol'],
  ]) {
    const { code, message } = await fault(t, () => value)
    assert.equal(code, 'type')
    assert(message.includes(`got ${got}`), message)
  }
})

test('a record that spells itself as no object is refused', OPTIONS, async (t) => {
  for (const spelt of [undefined, null, 5, 'x', [{ id: ID, title: 'x' }]]) {
    const { code, message } = await fault(t, { id: ID, title: 'x', toJSON: () => spelt })
    assert.equal(code, 'type')
    assert.match(message, /an object that is none as JSON/)
  }
})

test('a record that holds nothing to compare says what to give', OPTIONS, async (t) => {
  class Empty {}
  for (const [record, told] of [
    [{}, /has no id/],
    [new Empty(), /has no id/],
    [{ titel: 1 }, /has no id/],
    [{ title: 'x' }, /has no id/],
    [{ id: null, title: 'x' }, /has no id/],
    [{ id: 'x', title: 'x' }, /has no id/],
    [{ data: { id: ID, title: 'x' } }, /has no id/],
    [{ id: ID }, /nothing to compare besides its id/],
    [{ id: ID, title: undefined }, /nothing to compare besides its id/],
    [{ id: ID + 1, title: 'x' }, /is the opportunity 568588, but the call updates 568587/],
  ]) {
    const { message } = await fault(t, record)
    assert.match(message, told)
    if (!/but/.test(message)) assert.match(message, /give the opportunity as an earlier call/)
  }
})

test('a record with only misspelt keys is refused after the reading', OPTIONS, async (t) => {
  const { code, message } = await fault(t, { id: ID, titel: 'x', stagee: 5 }, 1)
  assert.equal(code, 'empty')
  assert.match(message, /has no key in common with the opportunity/)
})

test('a record that came back is compared, by any copy of it', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client()
  const record = await client.getOpportunity(ID)
  class Copy {
    constructor(record) {
      Object.assign(this, record)
    }
  }
  for (const ifUnchanged of [record, { ...record }, new Copy(record), structuredClone(record)]) {
    await client.updateOpportunity(ID, FIELDS, { ifUnchanged })
    const changed = { ...ifUnchanged, title: 'before' }
    await assert.rejects(client.updateOpportunity(ID, FIELDS, { ifUnchanged: changed }), {
      code: 'conflict',
    })
  }
})
