// Runs the vectors of `tests/vectors` through the package against the scripted server.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'

import { Client } from '../../node/index.js'
import { json, TOKEN } from './support.mjs'

const ROOT = new URL('../../', import.meta.url)

function serverPath() {
  const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: Infinity }
  const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version=1'], options)
  return `${JSON.parse(metadata).target_directory}/debug/scripted-server`
}

/** Speaks with the scripted server: a line of JSON there, a line back. */
class ScriptedServer {
  #process = spawn(process.env.IKCRM_SCRIPTED_SERVER ?? serverPath(), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  #answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()

  async ask(request) {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`)
    return JSON.parse((await this.#answers.next()).value)
  }

  stop() {
    this.#process.stdin.end()
  }
}

/** How JavaScript spells what JSON cannot. */
const SPELT = {
  $decimal: (text) => text,
  $date: (text) => text,
  $datetime: (text) => new Date(text),
  $float: (text) => Number(text.replace('inf', 'Infinity')),
  $int: BigInt,
  $absent: () => undefined,
}

function spell(value) {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(spell)
  const [[name, inner] = []] = Object.entries(value)
  if (name in SPELT) return SPELT[name](inner)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, spell(inner)]))
}

const inNode = (name) =>
  name === 'timeout' ? 'timeoutMs' : name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())

/** Options under their names in Node, with milliseconds. */
function inNodeOptions(options) {
  const entries = Object.entries(options).map(([name, value]) => {
    const seconds = name === 'timeout' && typeof value === 'number'
    return [inNode(name), seconds ? value * 1000 : value]
  })
  return Object.fromEntries(entries)
}

async function play({ client, call, times = 1 }, { base_url, ca_bundle }) {
  const settings = { token: TOKEN, base_url, ca_bundle, ...client }
  const { id, fields, ...options } = call
  try {
    const made = new Client(inNodeOptions(settings))
    const once = () =>
      made.updateOpportunity(spell(id), spell(fields ?? {}), inNodeOptions(options))
    for (let done = 1; done < times; done++) await once().catch(() => {})
    return { opportunity: await once() }
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

function assertError(error, { fields, message_contains, field_messages_contain, ...plain }) {
  for (const [name, expected] of Object.entries(plain)) {
    assert.equal(error[inNode(name)], expected, `${name} of ${error.stack}`)
  }
  if (message_contains) assert(error.message.includes(message_contains), error.message)
  if (fields) assertFields(error, fields)
  field_messages_contain?.forEach((text, index) => {
    assert(error.fields[index].message.includes(text), error.fields[index].message)
  })
}

function assertFields({ code, fields }, expected) {
  const named = ([field, kind]) => [isOption(code, field) ? inNode(field) : field, kind]
  assert.deepEqual(
    fields.map(({ field, code }) => [field, code]),
    expected.map(named),
  )
}

const isOption = (code, field) => code === 'config' || ['timeout', 'max_retries'].includes(field)

describe('vectors', () => {
  const server = new ScriptedServer()
  test.after(() => server.stop())
  for (const file of readdirSync(new URL('tests/vectors', ROOT)).sort()) {
    for (const vector of json(`vectors/${file}`)) {
      test(vector.id, { timeout: 30_000 }, async () => {
        const { opportunity, error } = await play(vector, await server.ask({ start: vector }))
        const { problems } = await server.ask({ finish: true })
        assert.deepEqual(problems, [])
        if (vector.outcome.error)
          assertError(error ?? assert.fail('no error'), vector.outcome.error)
        else assertOpportunity(opportunity ?? assert.fail(error), vector.outcome)
      })
    }
  }
})
