// How calls wait: without threads, for as long as they may, and until the client is closed.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

import {
  CancelledError,
  QuotaExceededError,
  RequestTimeoutError,
  SignInLimitedError,
  ValidationError,
} from '../../node/dist/index.js'
import { Crm, FIELDS, LONG_MS, run } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }
const HOUR_MS = 3_600_000
const ONE = { calls: 1, perMs: HOUR_MS }
const ACCOUNT = { token: null, login: 'demo', password: 'test-password' }
const LINUX = process.platform === 'linux'

const ended = (call) => call.then(assert.fail, (error) => error)
const path = ({ url }) => url.split('/').at(-1)

async function untilWaiting(client, count) {
  while ((await client.quota()).waiting < count);
}

const MEASURED = `
import { readFileSync, readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
const { Client } = await import(process.argv[1])
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const COUNT = 10_000
const fields = { title: 'ccc', customer_id: 1 }
const megabytes = () => {
  gc()
  return /^Pss: +(\\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1] / 1024
}
const threads = () => readdirSync('/proc/self/task').length
const quota = { calls: 1, perMs: 3_600_000 }
const client = new Client({ token: 't', baseUrl: process.env.CRM, quota })
await client.updateOpportunity(1, fields)
const before = [megabytes(), threads()]
const calls = Array.from({ length: COUNT }, () => client.updateOpportunity(1, fields))
const all = Promise.allSettled(calls)
let status
do status = await client.quota()
while (status.waiting < COUNT)
const told = { ...status, megabytes: megabytes() - before[0], threads: threads() - before[1] }
const wrong = await client.updateOpportunity(0, fields).catch((error) => error)
told.wrong = wrong.fields[0].field
await client.close()
told.cancelled = (await all).filter(({ reason }) => reason?.name === 'CancelledError').length
console.log(JSON.stringify(told))
`

test(
  'ten thousand promises wait in little memory and without threads',
  { ...OPTIONS, skip: !LINUX },
  async (t) => {
    const crm = await Crm.start(t)
    crm.answerAll()
    const child = run(MEASURED, { CRM: crm.url })
    const told = JSON.parse(await text(child.stdout))
    t.diagnostic(`${told.megabytes.toFixed(1)} MB, ${told.threads} more threads`)
    assert(told.megabytes < 40, String(told.megabytes))
    assert(told.threads < 10, String(told.threads))
    assert.deepEqual([told.used, told.waiting, told.wrong], [1, 10_000, 'id'])
    assert(told.nextFreeMs > HOUR_MS * 9_999)
    assert.equal(told.cancelled, 10_000)
    assert.equal(crm.requests.length, 1)
  },
)

test('closing ends what waits and gives time to what is under way', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client({ quota: ONE })
  const underWay = client.updateOpportunity(568587, FIELDS)
  await crm.arrived(1)
  const waits = client.updateOpportunity(1, FIELDS)
  let isClosed = false
  const closing = client.close({ timeoutMs: LONG_MS }).then(() => (isClosed = true))
  assert((await ended(waits)) instanceof CancelledError)
  assert(!isClosed)
  crm.answerAll()
  assert.equal((await underWay).id, 568587)
  await closing
})

test('closing ends what takes longer than its grace, as a block does', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client({ quota: ONE })
  const stalled = ended(client.updateOpportunity(1, FIELDS))
  await crm.arrived(1) // else the other may get the slot
  const waits = ended(client.updateOpportunity(1, FIELDS))
  await client.close({ timeoutMs: 1 })
  assert.equal((await stalled).mayHaveBeenApplied, true)
  assert.equal((await waits).mayHaveBeenApplied, false)
  const block = crm.client({ quota: ONE })
  const waitsToo = ended(block.updateOpportunity(1, FIELDS))
  await block[Symbol.asyncDispose]()
  assert((await waitsToo) instanceof CancelledError)
  assert((await ended(block.updateOpportunity(1, FIELDS))) instanceof CancelledError)
})

test('closing one client lets another of the same quota go on', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const quota = { calls: 1, perMs: 50 }
  const [client, other] = [crm.client({ quota }), crm.client({ quota })]
  const first = client.updateOpportunity(1, FIELDS)
  await crm.arrived(1)
  const waits = ended(client.updateOpportunity(2, FIELDS))
  const goesOn = other.updateOpportunity(3, FIELDS)
  await untilWaiting(other, 2)
  const closing = client.close()
  assert((await waits) instanceof CancelledError)
  crm.answerAll()
  assert.deepEqual([(await first).id, (await goesOn).id], [1, 3])
  await closing
})

test('what cannot end in time says when it could', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client({ quota: ONE })
  await client.updateOpportunity(1, FIELDS)
  for (const options of [{ maxWaitMs: 10_000 }, { deadlineMs: 10_000 }]) {
    const error = await ended(client.updateOpportunity(1, FIELDS, options))
    assert(error instanceof QuotaExceededError, error)
    assert(error.retryAfterMs > HOUR_MS / 2)
  }
  assert.equal(crm.requests.length, 1)
})

test('what is wrong with the patience of a call is told by its name', OPTIONS, async (t) => {
  const client = (await Crm.start(t)).client()
  const wrong = { maxWaitMs: -1, deadlineMs: 'soon', priority: 'urgent' }
  const error = await ended(client.updateOpportunity(1, FIELDS, wrong))
  assert(error instanceof ValidationError, error)
  assert.deepEqual(error.fields.map(({ field }) => field).sort(), Object.keys(wrong).sort())
})

test('a batch stands behind those who come later', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client({ quota: { calls: 1, perMs: 20 } })
  const calls = [client.updateOpportunity(1, FIELDS)]
  await crm.arrived(1)
  calls.push(client.updateOpportunity(2, FIELDS, { priority: 'batch' }))
  calls.push(client.updateOpportunity(3, FIELDS))
  await untilWaiting(client, 2)
  crm.answerAll()
  await Promise.all(calls)
  assert.deepEqual(crm.requests.map(path), ['1', '3', '2'])
})

test('a token store that does not return ends by timeout, signal and close', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const tokenStore = { get: () => new Promise(() => {}), set() {} }
  const client = crm.client({ token: null, tokenStore })
  const late = await ended(client.getOpportunity(1, { timeoutMs: 100 }))
  assert(late instanceof RequestTimeoutError, late)
  assert.match(late.message, /waiting for the token store/)
  const controller = new AbortController()
  const aborted = ended(client.getOpportunity(1, { signal: controller.signal }))
  const closed = ended(client.getOpportunity(1))
  controller.abort()
  assert((await aborted) instanceof CancelledError)
  await client.close()
  assert((await closed) instanceof CancelledError)
  assert.equal(crm.requests.length, 0)
})

/** Signs in, and answers updates. */
const signIn = (request) =>
  request.answer(
    request.url.endsWith('/login') ? '{"code":0,"data":{"user_token":"new-1"}}' : undefined,
  )

test('an endpoint that fails gets one sign-in an interval', OPTIONS, async (t) => {
  for (const fail of [
    (request) => request.answer('bad gateway', 502),
    (request) => request.socket.destroy(),
  ]) {
    const crm = await Crm.start(t)
    crm.answerWith(fail)
    const client = crm.client(ACCOUNT)
    const calls = Array.from({ length: 40 }, () => ended(client.updateOpportunity(1, FIELDS)))
    for (const error of await Promise.all(calls)) assert(error instanceof Error)
    const later = await ended(client.updateOpportunity(1, FIELDS))
    assert(!(later instanceof SignInLimitedError), 'it tells why the sign-in failed')
    assert.equal(crm.requests.length, 1)
  }
})

test('clients made for each call sign in once', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerWith(signIn)
  for (let id = 1; id <= 20; id++) {
    const client = crm.client(ACCOUNT)
    assert.equal((await client.updateOpportunity(id, FIELDS)).id, id)
    await client.close()
  }
  assert.equal(crm.requests.filter(({ url }) => url.endsWith('/login')).length, 1)
})

for (const hook of ['get', 'set', 'onToken', 'onEvent']) {
  test(`${hook} may close its client`, OPTIONS, async (t) => {
    const crm = await Crm.start(t)
    crm.answerWith(signIn)
    let closing
    const close = (own) => {
      if (own === hook) closing ??= client.close({ timeoutMs: 0 })
      return closing
    }
    const tokenStore = { get: async () => void (await close('get')), set: () => close('set') }
    const hooks = { tokenStore, onToken: () => close('onToken'), onEvent: () => close('onEvent') }
    const client = crm.client({ ...ACCOUNT, ...hooks })
    const [call] = await Promise.allSettled([client.updateOpportunity(1, FIELDS)])
    await closing
    // Events are told when the call has its answer.
    if (hook === 'onEvent') assert.equal(call.value.id, 1)
    else assert.equal(call.reason.message, 'the client is closed')
    const later = await ended(client.updateOpportunity(1, FIELDS))
    assert(later instanceof CancelledError)
    assert.equal(later.message, 'the client is closed')
  })
}
