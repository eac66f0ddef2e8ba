// Holds the package to the tables of the contract, `crates/ikcrm/contract`.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import * as ikcrm from '../../node/dist/index.js'
import { Crm, FIELDS, table, TOKEN } from './support.mjs'

const ERRORS = table('errors')
const OPTIONS = table('options')
const TYPES = ['errors', 'options', 'records', 'update']
  .map((name) => readFileSync(new URL(`../../node/src/${name}.ts`, import.meta.url), 'utf8'))
  .join('\n')

/** The names and types that an interface declares. */
function declared(name) {
  const [, body] = TYPES.match(
    new RegExp(`export (?:interface|type) ${name} [^{]*\\{\\n(.*?)\\n\\}`, 's'),
  )
  const members = body.matchAll(/^ {2}(?:readonly )?(\w+)(\??): (.*)$/gm)
  return new Map(Array.from(members, ([, member, optional, type]) => [member, optional + type]))
}

const names = (rows) => rows.map(({ node }) => node)

test('the fields are those of the table', () => {
  const fields = declared('OpportunityUpdate')
  assert(fields.delete('custom'))
  for (const { name, required, nullable } of table('fields')) {
    assert.equal(fields.get(name)?.startsWith('?'), !required, name)
    assert.equal(fields.get(name).includes(' | null'), nullable, name)
    fields.delete(name)
  }
  assert.deepEqual([...fields.keys()], [])
})

describe('the attributes of an answer are those of the table', () => {
  for (const [name, { attributes }] of Object.entries(table('answer'))) {
    test(name, () => {
      assert.deepEqual([...declared(name).keys()], Object.keys(attributes))
    })
  }
})

test('the options are those of the table', () => {
  const client = new Set(names([...OPTIONS.client, ...OPTIONS.hooks]))
  assert.deepEqual(new Set(declared('ClientOptions').keys()), client)
  assert.deepEqual([...declared('Quota').keys()], names(OPTIONS.quota))
  assert.deepEqual([...declared('CallOptions').keys()], names(OPTIONS.call))
  assert.deepEqual([...declared('UpdateOptions').keys()], names(OPTIONS.update))
  const query = table('query').map(({ name }) => name)
  assert.deepEqual([...declared('OpportunityQuery').keys()], query)
})

test('the options of jobs are those of the table', () => {
  assert.deepEqual([...declared('PlanOptions').keys()], names(OPTIONS.plan))
  assert.deepEqual(
    [...declared('ApplyOptions').keys()],
    names([...OPTIONS.apply, ...OPTIONS.apply_hooks]),
  )
})

test('the facts of events are those of the table', () => {
  const { events } = table('events')
  const times = ['at', 'elapsed', 'wait', 'quota_wait']
  const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
  const facts = Object.values(events).flatMap(({ facts }) => facts)
  const named = facts.map((fact) => camel(fact) + (times.includes(fact) ? 'Ms' : ''))
  const known = new Set(['name', ...named])
  assert.deepEqual(new Set(declared('CallEvent').keys()), known)
})

test('what a call cost is told as the table says', () => {
  const { meta } = table('events')
  const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
  const ms = (name) => (['elapsed', 'quota_wait'].includes(name) ? 'Ms' : '')
  assert.deepEqual(
    [...declared('CallMeta').keys()],
    meta.map((name) => camel(name) + ms(name)),
  )
})

test('every option of the table is known, and no other', () => {
  const known = Object.fromEntries(
    names([...OPTIONS.client, ...OPTIONS.hooks]).map((n) => [n, null]),
  )
  new ikcrm.Client({ ...known, token: TOKEN })
  assert.throws(
    () => new ikcrm.Client({ token: TOKEN, tokn: 'x' }),
    ({ fields: [fault] }) => fault.field === 'tokn' && fault.message.includes('token'),
  )
})

describe('the classes are those of the table', () => {
  const classes = Object.entries(ikcrm).filter(([name]) => name.endsWith('Error'))
  test('and no others', () => {
    assert.deepEqual(
      new Set(classes.map(([name]) => name)),
      new Set(ERRORS.classes.map((row) => row.class)),
    )
  })
  for (const row of ERRORS.classes) {
    test(row.class, () => {
      const Class = ikcrm[row.class]
      assert.equal(Class.code, row.code ?? 'error')
      assert.equal(Object.getPrototypeOf(Class), row.parent ? ikcrm[row.parent] : Error)
      assert.match(TYPES, new RegExp(`class ${row.class} extends ${row.parent ?? 'Error'} `))
    })
  }
})

test('every error has the attributes of the table', () => {
  const error = new ikcrm.IkcrmError('text')
  const attributes = names(ERRORS.attributes)
  // Not among the keys, so that no log shows it.
  const hidden = ['message', 'bodyExcerpt']
  assert.deepEqual(new Set([...Object.keys(error), ...hidden]), new Set(attributes))
  assert(hidden.every((name) => name in error))
})

test('the codes of faults are those of the table', () => {
  const [, union] = TYPES.match(/type FieldErrorCode =\n(.*?)\n\n/s)
  assert.deepEqual(
    Array.from(union.matchAll(/'(\w+)'/g), ([, code]) => code),
    ERRORS.field_codes,
  )
})

describe('the codes of the API raise their classes', () => {
  for (const { api_code, code } of ERRORS.api_codes) {
    test(String(api_code), async (t) => {
      const crm = await Crm.start(t)
      crm.answerAll(JSON.stringify({ code: api_code, message: 'm' }))
      const error = await crm
        .client()
        .updateOpportunity(1, FIELDS)
        .catch((error) => error)
      assert.equal(error.constructor.code, code)
      assert.equal(error.apiCode, api_code)
    })
  }
})
