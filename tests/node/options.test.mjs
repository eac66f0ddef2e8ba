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
  for (const options of [TOKEN, [TOKEN], new Map([['token', TOKEN]]), Promise.resolve({}), 5]) {
    assert.deepEqual(
      faultsOfClient(options).map(({ field }) => field),
      ['options', 'token'],
    )
  }
  assert.deepEqual(
    faultsOfClient().map(({ field }) => field),
    ['token'],
  )
})

test('misspelt options are told with the right ones, in every call', async () => {
  const client = new Client({ token: TOKEN })
  const nearest = {
    updateOpportunity: {
      partail: 'partial',
      fil: 'fill',
      time_out: 'timeoutMs',
      timeoutms: 'timeoutMs',
      max_retries: 'maxRetries',
      if_unchanged: 'ifUnchanged',
      singal: 'signal',
    },
    getOpportunity: { time_out: 'timeoutMs', maxRetry: 'maxRetries', abortSignal: null },
    fieldMap: { refesh: 'refresh', Refresh: 'refresh', signals: 'signal' },
  }
  const calls = {
    updateOpportunity: (options) => client.updateOpportunity(1, FIELDS, options),
    getOpportunity: (options) => client.getOpportunity(1, options),
    fieldMap: (options) => client.fieldMap('opportunity', options),
  }
  for (const [call, names] of Object.entries(nearest)) {
    for (const [name, right] of Object.entries(names)) {
      const error = await calls[call]({ [name]: true }).catch((error) => error)
      assert(error instanceof ValidationError, `${call} ${name}`)
      const [fault] = error.fields
      assert.deepEqual([fault.field, fault.code], [name, 'unknown'])
      const told = right ? `no such option; did you mean ${right}?` : /^no such option/
      if (right) assert.equal(fault.message, told)
      else assert.match(fault.message, told)
    }
  }
  assert.throws(
    () => client.listOpportunities({ stag: 5 }, { time_out: 5 }),
    ({ fields: [part, option] }) =>
      /did you mean stage/.test(part.message) && /did you mean timeoutMs/.test(option.message),
  )
  for (const [name, right] of Object.entries({ tokenstore: 'tokenStore', on_token: 'onToken' })) {
    const [fault] = faultsOfClient({ token: TOKEN, [name]: null })
    assert.match(fault.message, new RegExp(`did you mean ${right}`))
  }
})

test('a store and a hook of a wrong type are refused with the other faults', () => {
  const store = { get() {} }
  for (const tokenStore of ['crm.token', 5, store, { ...store, set: 5 }, () => {}, []]) {
    const faults = faultsOfClient({ token: TOKEN, timeoutMs: 0, tokenStore })
    const told = Object.fromEntries(faults.map(({ field, message }) => [field, message]))
    assert.deepEqual(Object.keys(told).sort(), ['timeoutMs', 'tokenStore'], String(tokenStore))
    assert.equal(told.tokenStore, 'must be an object with the methods get() and set(token)')
  }
  for (const onToken of [5, 'print', {}, []]) {
    const [fault] = faultsOfClient({ token: TOKEN, onToken })
    assert.deepEqual(
      [fault.field, fault.code, fault.message],
      ['onToken', 'type', 'must be a function'],
    )
  }
  const [fault] = faultsOfClient({ token: TOKEN, onEvent: 5 })
  assert.deepEqual([fault.field, fault.message], ['onEvent', 'must be a function'])
  new Client({ token: TOKEN, tokenStore: null, onToken: undefined, onEvent: null })
})

test('options of a field map of a wrong type are refused', async () => {
  const client = new Client({ token: TOKEN, baseUrl: 'http://127.0.0.1:9' })
  for (const [options, field] of [
    [5, 'options'],
    ['fresh', 'options'],
    [[], 'options'],
    [{ refresh: 'no' }, 'refresh'],
    [{ refresh: 0 }, 'refresh'],
  ]) {
    const error = await client.fieldMap('opportunity', options).catch((error) => error)
    assert(error instanceof ValidationError, error)
    assert.deepEqual(
      error.fields.map(({ field, code }) => [field, code]),
      [[field, 'type']],
    )
  }
  const [fault] = await client.fieldMap('opportunity', { refresh: 'no' }).catch((e) => e.fields)
  assert.equal(fault.message, 'must be true or false, got the text "no"')
  assert.throws(() => client.listOpportunities({}, 5), ValidationError)
  assert.throws(() => client.listOpportunities('won'), ValidationError)
  await assert.rejects(client.getOpportunity(1, true), ValidationError)
})

test('a duration that is no duration is told as it was written, with its limits', async () => {
  for (const [timeoutMs, got] of [
    [0, '0 ms'],
    [-0, '0 ms'],
    [-1, '-1 ms'],
    [Infinity, 'Infinity ms'],
    [1e30, '1000000000000000000000000000000 ms'],
    [3_600_001, '3600001 ms'],
    [NaN, 'NaN ms'],
  ]) {
    const told = `must be more than 0 and at most 3600000 ms, got ${got}`
    const [ofClient] = faultsOfClient({ token: TOKEN, timeoutMs })
    assert.deepEqual([ofClient.field, ofClient.message], ['timeoutMs', told])
    const [ofCall] = await faultsOfCall({ timeoutMs })
    assert.deepEqual([ofCall.field, ofCall.message], ['timeoutMs', told])
  }
  for (const name of ['perMs', 'maxWaitMs']) {
    const [fault] = faultsOfClient({ token: TOKEN, quota: { [name]: -1 } })
    assert.match(fault.message, /got -1 ms$/)
  }
  for (const [name, longest] of [
    ['signInIntervalMs', 86400000],
    ['idleTimeoutMs', 3600000],
  ]) {
    for (const given of [-1, Infinity, longest + 1]) {
      const faults = faultsOfClient({ login: 'demo', password: 'demo', [name]: given })
      const message = `must be 0 to ${longest} ms, got ${given} ms`
      assert.deepEqual(
        faults.map(({ field, message }) => [field, message]),
        [[name, message]],
      )
    }
  }
})

test('a number of retries that is none is told as it was written', () => {
  for (const [maxRetries, got] of [
    [Infinity, 'the number Infinity'],
    [2 ** 60, '1152921504606847000'],
    [-1, '-1'],
    [1.5, 'the float 1.5'],
  ]) {
    const [fault] = faultsOfClient({ token: TOKEN, maxRetries })
    assert(fault.message.endsWith(`got ${got}`), fault.message)
  }
})

test('a duration below 0 is refused in milliseconds', async () => {
  const [fault] = await faultsOfCall({ maxWaitMs: -1 })
  assert.equal(fault.message, 'must be a finite number of milliseconds, 0 or more, got -1 ms')
})

test('an option among the fields is told to be one', async () => {
  const client = new Client({ token: TOKEN })
  for (const option of ['partial', 'fill', 'ifUnchanged', 'timeoutMs', 'maxWaitMs']) {
    const call = client.updateOpportunity(1, { ...FIELDS, [option]: 1 })
    const { fields } = await call.then(assert.fail, (error) => error)
    assert.deepEqual(
      fields.map(({ field }) => field),
      [option],
    )
    assert.match(fields[0].message, /^is an option of the call, not a field/)
  }
})
