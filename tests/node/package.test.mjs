// What the package gives to whom: module systems, names, stacks, secrecy.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { inspect } from 'node:util'

import * as esm from '../../node/dist/index.js'
import { Crm, FIELDS, json, TOKEN } from './support.mjs'

/** What Node adds to the names of a CommonJS module. */
const ESM_ONLY = ['default', '__esModule', 'module.exports']

const cjs = createRequire(import.meta.url)('../../node/dist/index.js')

/** Makes this error the outcome of a call. */
async function failed(t, body, status, options) {
  const crm = await Crm.start(t)
  crm.answerAll(body, status)
  const call = crm.client({ maxRetries: 0 }).updateOpportunity(1, FIELDS, options)
  return call.then(assert.fail, (error) => error)
}

test('every name that require sees can be imported, and is the same', () => {
  const names = Object.keys(esm).filter((name) => !ESM_ONLY.includes(name))
  assert.deepEqual(names.sort(), Object.keys(cjs).sort())
  for (const name of names) assert.equal(esm[name], cjs[name], name)
  assert.equal(esm.default, cjs)
})

test('no declaration that a program reaches names what is native', () => {
  const { files } = json('../node/package.json')
  const seen = new Set()
  const read = (file) => {
    if (seen.has(file)) return
    seen.add(file)
    assert(files.includes(`dist/${file}`), `${file} is packed`)
    const types = readFileSync(new URL(`../../node/dist/${file}`, import.meta.url), 'utf8')
    assert.doesNotMatch(types, /native|Handle|CallQueue|ErrorData/i, file)
    for (const [, name] of types.matchAll(/from '\.\/(\w+)\.js'/g)) read(`${name}.d.ts`)
  }
  read('index.d.ts')
  read('testing.d.ts')
  assert(seen.size > 1)
  assert.deepEqual(
    files.filter((file) => file.endsWith('.d.ts')).sort(),
    [...seen].map((file) => `dist/${file}`).sort(),
  )
})

test('update_opportunity is updateOpportunity', () => {
  assert.equal(esm.update_opportunity, esm.updateOpportunity)
})

test("the version is the package's", () => {
  assert.equal(esm.version, json('../node/package.json').version)
})

test('the free function rejects when the environment has no token', async () => {
  await assert.rejects(esm.updateOpportunity(1, FIELDS), esm.ConfigError)
})

test('a method taken off its client rejects and does not throw', async () => {
  const { updateOpportunity } = esm.Client.prototype
  await assert.rejects(updateOpportunity(1, FIELDS), TypeError)
})

test("the stack shows the caller's line", async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll('{"code":100100,"message":"gone"}')
  const client = crm.client()
  for (const call of [
    () => client.updateOpportunity(1, FIELDS),
    () => client.updateOpportunity(0, {}),
  ]) {
    let line
    async function caller() {
      line = new Error().stack.match(/package\.test\.mjs:(\d+)/)[1]
      await call()
    }
    const { stack } = await caller().then(assert.fail, (error) => error)
    assert.match(stack, new RegExp(`at async caller \\(.*package\\.test\\.mjs:${Number(line) + 1}`))
  }
})

test("an error has its class's name, its message and its details", async (t) => {
  const error = await failed(t, '{"code":100100,"message":"您没有权限查看该对象或该对象不存在。"}')
  assert.equal(String(error), 'NotFoundError: 您没有权限查看该对象或该对象不存在。')
  const { meta, ...details } = error
  assert.deepEqual([meta.attempts, meta.status], [1, 200])
  assert.deepEqual(details, {
    code: 'not_found',
    status: 200,
    apiCode: 100100,
    fields: [],
    enterprises: [],
    retryable: false,
    retryAfterMs: null,
    mayHaveBeenApplied: false,
  })
})

test('the token is in no text', async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client()
  const errors = [
    await failed(t, '{"code":100401,"data":null,"message":"下线"}'),
    await failed(t, 'not an answer'),
    await failed(t, 'Retry later\n', 429),
    await failed(t, '{}', 500, { timeout: 1 }),
    await new esm.Client({ token: TOKEN, baseUrl: 'http://127.0.0.1:9', maxRetries: 0 })
      .updateOpportunity(1, FIELDS)
      .catch((error) => error),
  ]
  try {
    errors.push(new esm.Client({ token: `${TOKEN},${TOKEN}` }))
  } catch (error) {
    errors.push(error)
  }
  for (const shown of [client, ...errors]) {
    const options = { depth: null, showHidden: true, getters: true }
    const text = [inspect(shown, options), JSON.stringify(shown), String(shown), shown.stack].join()
    assert.doesNotMatch(text, new RegExp(TOKEN))
  }
})

test('errors can be made in the tests of a program that uses the package', () => {
  const error = new esm.NotFoundError('gone', { status: 200, apiCode: 100100, cause: 'why' })
  assert(error instanceof esm.ApiError && error instanceof esm.IkcrmError && error instanceof Error)
  assert.deepEqual([error.code, error.apiCode, error.retryable], ['not_found', 100100, false])
  assert.equal(error.cause, 'why')
})

test('JSON.stringify keeps the name, the code and the message', async (t) => {
  const error = await failed(t, '{"code":100100,"message":"gone"}')
  const shown = JSON.parse(JSON.stringify({ error })).error
  assert.deepEqual(shown, {
    name: 'NotFoundError',
    message: 'gone',
    ...error,
    meta: { ...error.meta },
  })
  assert.deepEqual(Object.keys(shown).slice(0, 3), ['name', 'message', 'code'])
  class Mine extends esm.ConfigError {}
  Mine.prototype.name = 'Mine'
  assert.equal(JSON.parse(JSON.stringify(new Mine('x', { cause: TOKEN }))).name, 'Mine')
  assert.doesNotMatch(JSON.stringify(new Mine('x', { cause: TOKEN })), new RegExp(TOKEN))
})
