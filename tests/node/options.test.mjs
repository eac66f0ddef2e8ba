// Options have camelCase names and milliseconds, and so have their faults.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Client, ConfigError, RequestTimeoutError, ValidationError } from '../../node/dist/index.js'
import { Crm, FIELDS, TOKEN } from './support.mjs'

function faultsOfClient(options) {
  try {
    new Client(options)
  } catch (error) {
    assert(error instanceof ConfigError, error)
    return error.fields
  }
  assert.fail('the client was made')
}

async function faultsOfCall(options) {
  const call = new Client({ token: TOKEN }).updateOpportunity(1, FIELDS, options)
  const error = await call.then(assert.fail, (error) => error)
  assert(error instanceof ValidationError, error)
  return error.fields
}

test('faults of client options carry the names that were written', () => {
  const options = { timeoutMs: 0, maxRetries: 11, baseUrl: 'ftp://x', caBundle: '/no/such/file' }
  assert.deepEqual(
    faultsOfClient(options)
      .map(({ field, code }) => [field, code])
      .sort(),
    [
      ['baseUrl', 'format'],
      ['caBundle', 'format'],
      ['maxRetries', 'range'],
      ['timeoutMs', 'range'],
      ['token', 'required'],
    ],
  )
})

test('a name of another language is no option, and the right one is told', () => {
  const nearest = { timeout: 'timeoutMs', base_url: 'baseUrl', max_retries: 'maxRetries' }
  for (const [name, right] of Object.entries(nearest)) {
    const [fault] = faultsOfClient({ token: TOKEN, [name]: 5 })
    assert.deepEqual([fault.field, fault.code], [name, 'unknown'])
    assert.match(fault.message, new RegExp(`did you mean ${right}\\?`))
  }
})

test("a setting of the quota under another language's name is none, and the right one is told", () => {
  const [fault] = faultsOfClient({ token: TOKEN, quota: { per: 10 } })
  assert.deepEqual([fault.field, fault.code], ['quota.per', 'unknown'])
  assert.match(fault.message, /did you mean perMs\?/)
})

test('a duration that is refused is told as it was written', () => {
  const [timeout, per] = faultsOfClient({ token: TOKEN, timeoutMs: -1, quota: { perMs: NaN } })
  assert.match(timeout.message, /got -1 ms$/)
  assert.match(per.message, /got NaN ms$/)
})

test('faults of call options carry the names that were written', async () => {
  const options = { timeoutMs: -1, maxRetries: 0.5, timeout: 5, partial: 'yes', signal: 'SIGINT' }
  assert.deepEqual(
    (await faultsOfCall(options)).map(({ field, code }) => [field, code]),
    [
      ['timeoutMs', 'range'],
      ['maxRetries', 'type'],
      ['timeout', 'unknown'],
      ['partial', 'type'],
      ['signal', 'type'],
    ],
  )
})

test('an unknown field that is named as an option keeps its name', async () => {
  const fields = { ...FIELDS, timeout: 5 }
  const call = new Client({ token: TOKEN }).updateOpportunity(1, fields)
  await assert.rejects(call, ({ fields: [fault] }) => fault.field === 'timeout')
})

test('milliseconds as text are refused, not taken for seconds', async () => {
  const [fault] = await faultsOfCall({ timeoutMs: '10' })
  assert.deepEqual([fault.field, fault.code], ['timeoutMs', 'type'])
})

test('timeoutMs counts milliseconds', async (t) => {
  const crm = await Crm.start(t)
  const call = crm.client().updateOpportunity(1, FIELDS, { timeoutMs: 50 })
  await assert.rejects(call, RequestTimeoutError)
})

test('null and undefined leave the defaults', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client({ edition: null, proxy: undefined, maxRetries: null })
  const options = { timeoutMs: null, signal: null, partial: undefined }
  assert.equal((await client.updateOpportunity(568587, FIELDS, options)).id, 568587)
})

test('settings that are no object are refused', () => {
  assert.deepEqual(
    faultsOfClient(TOKEN).map(({ field }) => field),
    ['options', 'token'],
  )
  assert.deepEqual(
    faultsOfClient().map(({ field }) => field),
    ['token'],
  )
})
