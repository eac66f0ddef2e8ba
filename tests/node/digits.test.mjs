// What an answer holds comes through with every digit, and of the type that is declared, whatever
// form the CRM sent it in; nothing that it holds fails a call that was carried out.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Crm, FIELDS } from './support.mjs'

/** The opportunity in an answer whose `data` is this text. */
async function answered(t, data) {
  const crm = await Crm.start(t)
  crm.answerAll(`{"code":0,"data":${data}}`)
  return crm.client().updateOpportunity(568587, FIELDS)
}

test('whole numbers beyond 2^53 are bigints, however deep they are', async (t) => {
  const opportunity = await answered(
    t,
    `{"id":568587,"a":90071992547409931,"b":[{"c":-9007199254740993}],"d":9007199254740991,
      "e":9007199254740992,"customer":{"id":7,"extra":18446744073709551617}}`,
  )
  assert.equal(opportunity.a, 90071992547409931n)
  assert.deepEqual(opportunity.b, [{ c: -9007199254740993n }])
  assert.equal(opportunity.d, 9007199254740991)
  assert.equal(opportunity.e, 9007199254740992n)
  assert.equal(opportunity.customer.extra, 18446744073709551617n)
  assert.equal(opportunity.customer.id, 7)
})

test('text that looks like a number stays text, and digits within text stay as they are', async (t) => {
  const text = '!0000000000000000123 90071992547409931 \\" \\\\'
  const opportunity = await answered(t, `{"id":568587,"t":"${text}","n":90071992547409931}`)
  assert.equal(opportunity.t, JSON.parse(`"${text}"`))
  assert.equal(opportunity.n, 90071992547409931n)
})

test('a decimal that no number holds is text with its digits', async (t) => {
  const exact = ['0.1', '0.30000000000000004', '1.5e3', '-0.25', '0', '1e21', '20000.10']
  const text = [
    '0.12345678901234567890',
    '12345678901234567.89',
    '1e400',
    '1e-400',
    '1.0000000000000000001',
  ]
  const opportunity = await answered(
    t,
    `{"id":568587,"exact":[${exact}],"text":[${text}],"expect_amount":12345678901234567.10}`,
  )
  assert.deepEqual(opportunity.exact, exact.map(Number))
  assert.deepEqual(opportunity.text, text)
  assert.equal(opportunity.expect_amount, '12345678901234567.10')
})

test('attributes that came in another form have their declared type', async (t) => {
  const opportunity = await answered(
    t,
    `{"id":"568587","expect_amount":20000.10,"stage":3514,"title":5,"user":{"id":"","name":"x"},
      "customer":{"id":"12","is_own":"true","address":{"lat":"31.25","lng":""}}}`,
  )
  assert.equal(opportunity.id, 568587)
  assert.equal(opportunity.expect_amount, '20000.10')
  assert.equal(opportunity.stage, '3514')
  assert.equal(opportunity.title, '5')
  assert.equal(opportunity.user.id, null)
  assert.deepEqual(opportunity.customer, {
    id: 12,
    is_own: true,
    address: { lat: 31.25, lng: null },
  })
})

test('what cannot mean its declared type stays as it came', async (t) => {
  const data = {
    id: 568587,
    customer: { id: '0x10', contacts: [null, 'x', 5, {}, { id: 'a', address: [1] }] },
    user: [{ id: 1 }],
    department: 'none',
    creator: 5,
  }
  assert.deepEqual(await answered(t, JSON.stringify(data)), data)
})

test('objects that are not there are null', async (t) => {
  const data = '{"id":568587,"customer":{"contacts":{},"parent":{ },"address":""},"user":{}}'
  const opportunity = await answered(t, data)
  assert.deepEqual(opportunity, {
    id: 568587,
    customer: { contacts: null, parent: null, address: null },
    user: null,
  })
})

test('an answer may be nested as deep as it likes', async (t) => {
  const deep = 100_000
  const lists = '['.repeat(deep) + '90071992547409931' + ']'.repeat(deep)
  const parents = '{"parent":'.repeat(deep) + '{"id":"1"}' + '}'.repeat(deep)
  const opportunity = await answered(t, `{"id":568587,"lists":${lists},"customer":${parents}}`)
  assert.equal(opportunity.id, 568587)
  let inner = opportunity.lists
  while (Array.isArray(inner)) [inner] = inner
  assert.equal(inner, 90071992547409931n)
  assert.equal(typeof opportunity.customer.parent.parent, 'object')
})

test('keys keep their order and spelling, and none is special', async (t) => {
  const data = '{"z":1,"id":568587,"__proto__":{"a":90071992547409931},"\\u5408":2,"":3}'
  const opportunity = await answered(t, data)
  assert.deepEqual(Object.keys(opportunity), ['z', 'id', '__proto__', '合', ''])
  assert.equal(opportunity['__proto__'].a, 90071992547409931n)
  assert.equal(Object.getPrototypeOf(opportunity), Object.prototype)
})

test('rows of a list and what a field map holds keep their digits too', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll(
    `{"code":0,"data":{"opportunities":[{"id":"1","expect_amount":1.10,"n":90071992547409931}],
      "total_count":1,"per_page":100}}`,
  )
  for await (const row of crm.client().listOpportunities()) {
    assert.deepEqual(row, { id: 1, expect_amount: '1.10', n: 90071992547409931n })
  }
})

test('an opportunity with a bigint can be given as ifUnchanged', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll('{"code":0,"data":{"id":568587,"title":"ccc","n":90071992547409931}}')
  const client = crm.client()
  const ifUnchanged = await client.getOpportunity(568587)
  await client.updateOpportunity(568587, FIELDS, { ifUnchanged })
  assert.equal(crm.requests.length, 3)
})

/** Random numbers from 0 to 1, the same in every run. */
function* random(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state / 2 ** 32
  }
}

/** A random value of JSON, whose numbers are all exact. */
function anything(next, depth = 0) {
  const choice = Math.floor(next() * (depth < 5 ? 8 : 6))
  const count = Math.floor(next() * 4)
  const text = () => [...Array(count)].map(() => '"\\\n5-9.e é合🎉{}[],:'.at(next() * 18)).join('')
  switch (choice) {
    case 0:
      return null
    case 1:
      return next() < 0.5
    case 2:
      return Math.floor((next() - 0.5) * 2 ** 53)
    case 3:
      return (next() - 0.5) * 10 ** Math.floor(next() * 40 - 25)
    case 4:
    case 5:
      return text()
    case 6:
      return [...Array(count)].map(() => anything(next, depth + 1))
    default:
      return Object.fromEntries([...Array(count)].map(() => [text(), anything(next, depth + 1)]))
  }
}

test('what a number holds is as JSON.parse reads it', async (t) => {
  const numbers = random(20190214)
  const next = () => numbers.next().value
  const values = [...Array(500)].map(() => anything(next))
  for (const space of [undefined, 2]) {
    const data = JSON.stringify({ id: 568587, values }, null, space)
    assert.deepEqual(await answered(t, data), JSON.parse(data))
    const marked = data.replace('"values"', '"big": 90071992547409931, "values"')
    const opportunity = await answered(t, marked)
    assert.equal(opportunity.big, 90071992547409931n)
    assert.deepEqual(opportunity.values, JSON.parse(data).values)
  }
})
