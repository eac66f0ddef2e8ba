// Runs the vectors of `tests/vectors` through the package against the scripted server.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'

import { Client } from '../../node/dist/index.js'
import { inNode, inNodeOptions, ScriptedServer, SECONDS, spell } from './scripted.mjs'
import { json, table, TOKEN } from './support.mjs'

const EVENTS = table('events')

/** A token store of the test's own. */
class Store {
  constructor({ token = null }) {
    this.token = token
  }

  get() {
    return this.token
  }

  async set(token) {
    this.token = token
  }
}

/** The events are those of the table, and show no secret and no person. */
function assertEvents(events) {
  // Times are left out: their digits may be those of a telephone number.
  const shown = JSON.stringify(events, (_, value) => (typeof value === 'number' ? 0 : value))
  const never = [TOKEN, 'test-password-0123456789', 'hidden-secret', ...EVENTS.never]
  assert.deepEqual(
    never.filter((word) => shown.includes(word)),
    [],
  )
  for (const { name, ...facts } of events) {
    const known = EVENTS.events[name].facts.map(inNode)
    assert.deepEqual(
      Object.keys(facts).filter((fact) => !known.includes(fact)),
      [],
      name,
    )
  }
}

/** What the call cost is as the vector says, and no log shows the headers. */
function assertMeta(meta, expected) {
  if (expected === null) return assert.equal(meta, null)
  const { headers = {}, ...plain } = expected
  for (const [name, value] of Object.entries(headers))
    assert.equal(meta.headers[name] ?? null, value)
  for (const [name, value] of Object.entries(plain)) {
    const whole = name === 'quota_wait' ? Math.floor(meta.quotaWaitMs) : meta[inNode(name)]
    assert.equal(whole, value, name)
  }
  const shown = inspect(meta) + JSON.stringify(meta)
  assert(!Object.values(headers).some((value) => value?.length > 4 && shown.includes(value)), shown)
}

/** Makes the call; a list comes with the rows that were taken of it. */
async function make(client, { method = 'update_opportunity', ...call }) {
  const { id, fields, query, take = Infinity, entity, if_unchanged, ...others } = call
  const options = inNodeOptions(others)
  if (if_unchanged !== undefined) options.ifUnchanged = if_unchanged
  switch (method) {
    case 'update_opportunity':
      return client.updateOpportunity(spell(id), spell(fields ?? {}), options)
    case 'get_opportunity':
      return client.getOpportunity(spell(id), options)
    case 'field_map':
      return client.fieldMap(entity, options)
    case 'list_opportunities': {
      const list = client.listOpportunities(spell(query ?? {}), options)
      return { list, rows: await taken(list, take) }
    }
  }
}

async function taken(list, count) {
  const rows = []
  if (count === 0) return rows
  for await (const row of list) if (rows.push(row) >= count) break
  return rows
}

async function play({ client, call, times = 1 }, { base_url, ca_bundle, client_cert }, hooks) {
  const settings = {
    token: TOKEN,
    quota: null,
    base_url,
    ca_bundle,
    client_cert,
    ...client,
  }
  try {
    const made = new Client({ ...inNodeOptions(settings), ...hooks })
    for (let done = 1; done < times; done++) await make(made, call).catch(() => {})
    return { result: await make(made, call) }
  } catch (error) {
    return { error }
  }
}

/** What a typed attribute of the vectors is in Node, where it stays as it came. */
function assertAttribute(actual, expected, path) {
  if (expected === null) return assert([undefined, null, ''].includes(actual), `${path}: ${actual}`)
  if (Array.isArray(actual)) return assert.equal(actual.length, expected, path)
  const { $decimal, $date, $datetime } = expected
  if ($decimal !== undefined) return assert.equal(Number(actual), Number($decimal), path)
  const text = $date ?? $datetime ?? expected
  assert.equal(typeof text === 'string' ? String(actual) : actual, text, path)
}

function assertOpportunity(actual, { opportunity = {}, raw = {}, keys }) {
  for (const [path, expected] of Object.entries(opportunity)) {
    const value = path.split('.').reduce((inner, name) => inner?.[name], actual)
    assertAttribute(value, expected, path)
  }
  for (const [key, expected] of Object.entries(raw)) assert.deepEqual(actual[key], expected, key)
  if (keys) assert.deepEqual(Object.keys(actual), keys)
}

function assertResult(result, { field_map, rows, total_count, ...outcome }) {
  for (const [name, options] of Object.entries(field_map ?? {})) {
    const found = result.fields[name].map(({ id, label, enabled }) => [id, label, enabled])
    assert.deepEqual(found, options, name)
  }
  if (total_count !== undefined) assert.equal(result.list.totalCount, total_count)
  if (rows) {
    assert.equal(result.rows.length, rows.length)
    rows.forEach((row, index) => assertOpportunity(result.rows[index], { opportunity: row }))
  } else if (!field_map) assertOpportunity(result, outcome)
}

function assertError(
  error,
  {
    fields,
    enterprises,
    message_contains,
    field_messages_contain,
    body_excerpt_contains,
    ...plain
  },
) {
  for (const [name, expected] of Object.entries(plain)) {
    const seconds = SECONDS.includes(name) && typeof expected === 'number'
    const plainValue = seconds ? expected * 1000 : expected
    const value = name === 'message' ? respelt(plainValue) : plainValue
    assert.equal(error[inNode(name)], value, `${name} of ${error.stack}`)
  }
  assertSpelling(error)
  if (message_contains) assert(error.message.includes(respelt(message_contains)), error.message)
  if (body_excerpt_contains) {
    assert(error.bodyExcerpt.includes(body_excerpt_contains), error.bodyExcerpt)
    const shown = [inspect(error, { showHidden: true }), JSON.stringify(error), error.stack].join()
    assert(!shown.includes(body_excerpt_contains), shown)
  }
  if (fields) assertFields(error, fields)
  if (enterprises) {
    assert.deepEqual(
      error.enterprises.map(({ corpId, name }) => [corpId, name]),
      enterprises,
    )
  }
  field_messages_contain?.forEach((text, index) => {
    assert(error.fields[index].message.includes(text), error.fields[index].message)
  })
}

/** A message of a vector, with the names that options have in Node. */
function respelt(text) {
  const named = Object.values(table('options'))
    .flat()
    .filter(({ name }) => name.includes('_'))
  return named.reduce(
    (text, { name, node }) => text.replace(new RegExp(`\\b${name}\\b`), node),
    text,
  )
}

/** No message mentions an option by its name in another language. */
function assertSpelling({ message, fields }) {
  for (const text of [message, ...fields.map(({ message }) => message)]) {
    assert.equal(text, respelt(text))
  }
}

function assertFields({ code, fields }, expected) {
  const inQuota = (field) => `quota.${inNode(field.slice('quota.'.length))}`
  const option = (field) => (field.startsWith('quota.') ? inQuota(field) : inNode(field))
  const named = ([field, kind]) => [isOption(code, field) ? option(field) : field, kind]
  assert.deepEqual(
    fields.map(({ field, code }) => [field, code]),
    expected.map(named),
  )
}

const CALL_OPTIONS = ['timeout', 'max_retries', 'if_unchanged', 'max_wait', 'deadline', 'priority']
const isOption = (code, field) => code === 'config' || CALL_OPTIONS.includes(field)

describe('vectors', () => {
  const server = new ScriptedServer()
  test.after(() => server.stop())
  for (const file of readdirSync(new URL('../vectors', import.meta.url)).sort()) {
    for (const vector of json(`vectors/${file}`)) {
      test(vector.id, { timeout: 30_000 }, async () => {
        const tokens = []
        const tokenStore = vector.store && new Store(vector.store)
        const events = []
        const hooks = {
          tokenStore,
          onToken: (token) => tokens.push(token),
          onEvent: (event) => events.push(event),
        }
        const address = await server.ask({ start: vector })
        const { result, error } = await play(vector, address, hooks)
        const { problems } = await server.ask({ finish: true })
        assertEvents(events)
        assert.equal(problems.length, 0, [...problems, error?.stack].join('\n'))
        const { stored, tokens: expected, meta } = vector.outcome
        if (meta !== undefined) assertMeta((error ?? result.list ?? result).meta, meta)
        if (stored !== undefined) assert.equal(tokenStore.token, stored)
        if (expected) assert.deepEqual(tokens, expected)
        if (vector.outcome.error)
          assertError(error ?? assert.fail('no error'), vector.outcome.error)
        else assertResult(result ?? assert.fail(error), vector.outcome)
      })
    }
  }
})
