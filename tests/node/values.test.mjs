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

test('instances that only hold values are taken as the objects that they are', async (t) => {
  class Entity {
    id = 7
  }
  class UpdateDto extends Entity {
    title = 'dto'
    customer_id = 1
    note = undefined
    custom = Object.assign(new Entity(), { [FREE_KEY]: new Entity() })
    #hidden = 1
    get computed() {
      return this.#hidden
    }
  }
  const dto = new UpdateDto()
  delete dto.id
  delete dto.custom.id
  const crm = await Crm.start(t)
  crm.answerAll()
  await crm.client().updateOpportunity(568587, dto)
  assert.deepEqual(crm.requests[0].body.opportunity, {
    title: 'dto',
    customer_id: 1,
    [FREE_KEY]: { id: 7 },
  })
})

test('proxies of lists and objects are taken as what they stand for', async (t) => {
  const proxied = (value) =>
    new Proxy(value, {
      get(target, key, receiver) {
        const inner = Reflect.get(target, key, receiver)
        return typeof inner === 'object' && inner !== null ? proxied(inner) : inner
      },
    })
  class List extends Array {}
  const custom = {
    text_asset_1: proxied(['a', 'b']),
    user_field_asset_1: List.from([1, 2]),
    [FREE_KEY]: proxied({ deep: [{ list: [1, [2]] }] }),
  }
  const body = await sent(t, proxied({ custom }))
  assert.deepEqual(body.text_asset_1, ['a', 'b'])
  assert.deepEqual(body.user_field_asset_1, ['1', '2'])
  assert.deepEqual(body[FREE_KEY], { deep: [{ list: [1, [2]] }] })
})

test('the dates of libraries are refused with the reason', async () => {
  class Moment {
    _isUTC = false
    toISOString() {}
    toJSON() {}
  }
  class DateTime {
    ts = 5
    toJSDate() {}
  }
  for (const date of [new Moment(), new DateTime()]) {
    const [fault] = await faults({ get_time: date })
    assert.match(fault.message, /got a (Moment|DateTime), whose time zone could move the day/)
  }
})

test('a Date is refused with the reason', async () => {
  const [fault] = await faults({ get_time: new Date() })
  assert.equal(fault.field, 'get_time')
  assert.equal(fault.code, 'type')
  assert.match(fault.message, /got a Date, whose time zone could move the day/)
})

test('what is no number is refused as money', async () => {
  for (const [expect_amount, told] of [
    [NaN, /is a missing value \(NaN\); leave the field out to keep it, or give null to clear it/],
    [Infinity, /finite number, got Infinity/],
    [-Infinity, /finite number, got -Infinity/],
  ]) {
    const [fault] = await faults({ expect_amount })
    assert.equal(fault.code, 'format')
    assert.match(fault.message, told)
  }
})

test('what stands for a missing value is told as one', async () => {
  const invalid = new Date(NaN)
  const clear = 'leave the field out to keep it, or give null to clear it'
  for (const [field, value, got] of [
    ['user_id', NaN, 'NaN'],
    ['note', NaN, 'NaN'],
    ['stage', NaN, 'NaN'],
    ['get_time', invalid, 'Invalid Date'],
    ['note', invalid, 'Invalid Date'],
    ['expect_amount', invalid, 'Invalid Date'],
  ]) {
    const [fault] = await faults({ [field]: value })
    assert.deepEqual([fault.field, fault.message], [field, `is a missing value (${got}); ${clear}`])
  }
  for (const key of ['text_asset_1', 'numeric_asset_1', 'user_field_asset_1', 'file_asset_1']) {
    const [fault] = await faults({ custom: { [key]: NaN } })
    assert.deepEqual(
      [fault.field, fault.message],
      [`custom.${key}`, `is a missing value (NaN); ${clear}`],
    )
  }
})

test('null is not proposed where it is refused', async () => {
  for (const field of ['title', 'customer_id']) {
    const [fault] = await faults({ [field]: NaN })
    assert.deepEqual(
      [fault.field, fault.message],
      [field, 'is a missing value; leave the field out and set fill to keep it as it is'],
    )
  }
})

test('whole numbers are told as such, however large', async () => {
  for (const [id, told] of [
    [2 ** 53, '9007199254740992'],
    [-(2 ** 53), '-9007199254740992'],
    [1e21, '1000000000000000000000'],
    [Infinity, 'the number Infinity'],
    [-0, '0'],
  ]) {
    for (const fault of [(await faults({}, [id]))[0], (await faults({ user_id: id }))[0]]) {
      assert(fault.message.endsWith(`got ${told}`), fault.message)
      assert.doesNotMatch(fault.message, /float|decimal point/)
    }
  }
  const [fault] = await faults({ user_id: 1.5 })
  assert.match(fault.message, /must be a whole number, got .*1\.5/)
})

test('minus zero is zero', async (t) => {
  const body = await sent(t, { expect_amount: -0, custom: { numeric_asset_1: -0 } })
  assert.deepEqual([body.expect_amount, Object.is(body.numeric_asset_1, 0)], ['0', true])
})

const HALVES = ['合同已签🎉🎉'.slice(0, 5), '\ud83d', '\ude00', 'a\ude00\ud83db', '\ufffd\ud83d']

test('half a character is refused wherever a text goes', async () => {
  for (const half of HALVES) {
    for (const fields of [
      { title: half },
      { note: half },
      { stage: half },
      { get_time: half },
      { expect_amount: half },
      { user_id: half },
      { custom: { text_asset_1: half } },
      { custom: { text_asset_1: ['a', half] } },
      { custom: { [FREE_KEY]: { a: [half] } } },
      { custom: { [FREE_KEY]: { [half]: 1 } } },
      { custom: { [half]: 'x' } },
      { custom: { 合同编号: half } },
    ]) {
      const [fault] = await faults(fields)
      assert.match(fault.message, /half a character/, JSON.stringify(fields))
    }
    const [fault] = await faults({ [half]: 1 })
    assert.match(fault.message, /half a character/)
    assert.match((await faults({}, [half]))[0].message, /half a character/)
  }
})

test('half a character is refused in a query, an entity and an option', async () => {
  const client = new Client({ token: TOKEN, baseUrl: 'http://127.0.0.1:9' })
  for (const half of HALVES) {
    const refused = ({ fields: [fault] }) => /half a character/.test(fault.message)
    assert.throws(() => client.listOpportunities({ query: half }), refused)
    assert.throws(() => client.listOpportunities({ stage: half }), refused)
    await assert.rejects(client.fieldMap(half), refused)
    await assert.rejects(client.updateOpportunity(1, FIELDS, { timeoutMs: half }), ValidationError)
    assert.throws(() => new Client({ token: half }), { code: 'config' })
    assert.throws(() => new Client({ login: half, password: 'x' }), { code: 'config' })
  }
})

test('the replacement character by itself is text as any other', async (t) => {
  assert.equal((await sent(t, { note: 'a\ufffd🎉\0' })).note, 'a\ufffd🎉\0')
})

test('what JSON cannot spell is refused by its name', async () => {
  class Money {
    #amount = 5
    get amount() {
      return this.#amount
    }
  }
  class Decimal {
    digits = [1, 5]
    toJSON() {
      return '1.5'
    }
  }
  class Query {
    sql = 'select'
    then() {}
  }
  const named = [
    [new Map([['a', 1]]), 'Map'],
    [new Set([1]), 'Set'],
    [new Decimal(), 'Decimal'],
    [new Query(), 'Query'],
    [/x/, 'RegExp'],
    [new RangeError('x'), 'RangeError'],
    [Buffer.from('x'), 'Buffer'],
    [new Uint8Array(2), 'Uint8Array'],
    [new String('x'), 'String'],
    [new URLSearchParams('a=1'), 'URLSearchParams'],
    [new WeakMap(), 'WeakMap'],
    [(function* () {})(), 'Generator'],
    [new (class {})(), 'Object'],
    [new Money(), 'Money'],
    [Promise.resolve(), 'Promise'],
    [Symbol('x'), 'symbol'],
    [() => {}, 'function'],
    [[undefined], 'undefined'],
  ]
  for (const [value, name] of named) {
    const [fault] = await faults({ custom: { [FREE_KEY]: value } })
    assert.match(fault.message, new RegExp(`must be JSON data, got an? .*${name}`))
  }
})

test('data that hold themselves are refused', async () => {
  const endless = {}
  endless.self = endless
  const [fault] = await faults({ custom: { [FREE_KEY]: endless } })
  assert.match(fault.message, /nested too deep/)
})

test('data that hold one list by many paths are refused at once', async () => {
  let list = []
  for (let depth = 0; depth < 60; depth++) list = [list, list]
  let object = {}
  for (let depth = 0; depth < 60; depth++) object = { a: object, b: object }
  const itself = []
  itself.push(itself, itself)
  const wide = Array(3_000).fill(Array(3_000).fill(1))
  for (const data of [list, object, itself, wide, Array(200_000).fill(1)]) {
    const [fault] = await faults({ custom: { [FREE_KEY]: data } })
    assert.match(fault.message, /more than 100000 values/)
  }
})

test('as many values as a field may hold arrive', async (t) => {
  const data = Array(99_000).fill(1)
  assert.equal((await sent(t, { custom: { [FREE_KEY]: data } }))[FREE_KEY].length, 99_000)
})

test('a list with holes is refused at the first one', async () => {
  const sparse = []
  sparse[4e9] = 1
  const [first] = await faults({ custom: { [FREE_KEY]: sparse } })
  assert.match(first.message, /a list with a hole at its index 0/)
  const holed = [1, 2, 3]
  delete holed[1]
  const [second] = await faults({ custom: { text_asset_1: holed } })
  assert.match(second.message, /a list with a hole at its index 1/)
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

test('fields and options that are no objects are refused by what they are', async () => {
  const client = new Client({ token: TOKEN })
  for (const [fields, options, field, got] of [
    ['title', null, 'fields', 'the text "title"'],
    [undefined, null, 'fields', 'a value that is undefined'],
    [new Map([['title', 'x']]), null, 'fields', 'a Map'],
    [Promise.resolve(FIELDS), null, 'fields', 'a Promise; await it'],
    [[FIELDS], null, 'fields', 'a list'],
    [FIELDS, 5000, 'options', 'the number 5000'],
    [FIELDS, 'fast', 'options', 'the text "fast"'],
    [FIELDS, new Map(), 'options', 'a Map'],
  ]) {
    const error = await client.updateOpportunity(1, fields, options).catch((error) => error)
    assert(error instanceof ValidationError)
    // What could not be read is not said to miss anything.
    assert.deepEqual(
      error.fields.map(({ field, code }) => [field, code]),
      [[field, 'type']],
    )
    assert(error.fields[0].message.endsWith(`got ${got}`), error.fields[0].message)
  }
})
