// An AbortSignal ends a call before, during and after it, and leaves nothing behind.

import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

import { CancelledError, Client, ServerError, ValidationError } from '../../node/dist/index.js'
import { Crm, FIELDS, LONG_MS, TOKEN } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }

const listeners = (signal) => getEventListeners(signal, 'abort').length

test('a signal aborted before sends nothing', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const signal = AbortSignal.abort(new Error('never mind'))
  const error = await crm
    .client()
    .updateOpportunity(1, FIELDS, { signal })
    .catch((error) => error)
  assert(error instanceof CancelledError)
  assert.equal(error.cause, signal.reason)
  assert.equal(error.mayHaveBeenApplied, false)
  assert.equal(crm.requests.length, 0)
  assert.equal(listeners(signal), 0)
})

test('an abort in the same turn of the event loop comes before the call', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client()
  const abort = {
    'at once': (controller) => controller.abort(),
    'in a microtask': (controller) => queueMicrotask(() => controller.abort()),
    'in the next tick': (controller) => process.nextTick(() => controller.abort()),
  }
  const make = {
    update: (options) => client.updateOpportunity(568587, FIELDS, options),
    get: (options) => client.getOpportunity(568587, options),
    map: (options) => client.fieldMap('opportunity', options),
    list: (options) => client.listOpportunities({}, options)[Symbol.asyncIterator]().next(),
  }
  for (const [when, stop] of Object.entries(abort)) {
    for (const [what, call] of Object.entries(make)) {
      const outcomes = Array.from({ length: 50 }, () => {
        const controller = new AbortController()
        const outcome = call({ signal: controller.signal })
        stop(controller)
        return outcome
      })
      for (const { reason } of await Promise.allSettled(outcomes)) {
        assert(reason instanceof CancelledError, `${what} ${when}: ${reason}`)
        assert.equal(reason.mayHaveBeenApplied, false)
      }
    }
  }
  assert.equal(crm.requests.length, 0)
})

test('values are read when the call is made, with a signal too', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const fields = { ...FIELDS, note: 'before' }
  const { signal } = new AbortController()
  const call = crm.client().updateOpportunity(568587, fields, { signal })
  fields.note = 'after'
  await call
  assert.equal(crm.requests[0].body.opportunity.note, 'before')
})

test('fake timers of a test do not hold a call with a signal', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client()
  t.mock.timers.enable({ apis: ['setImmediate', 'setTimeout'] })
  const call = client.updateOpportunity(568587, FIELDS, { signal: new AbortController().signal })
  t.mock.timers.reset()
  assert.equal((await call).id, 568587)
})

test('an abort during a call ends it and tells that it went out', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const controller = new AbortController()
  const call = crm.client().updateOpportunity(1, FIELDS, { signal: controller.signal })
  const outcome = assert.rejects(call, (error) => {
    assert(error instanceof CancelledError)
    assert.equal(error.name, 'CancelledError')
    assert.equal(error.code, 'cancelled')
    assert.equal(error.cause, controller.signal.reason)
    assert.equal(error.mayHaveBeenApplied, true)
    return true
  })
  await crm.arrived(1)
  assert.equal(listeners(controller.signal), 1)
  controller.abort()
  await outcome
  assert.equal(listeners(controller.signal), 0)
})

test('an abort amid an answer ends the call', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const controller = new AbortController()
  const call = crm.client().updateOpportunity(1, FIELDS, { signal: controller.signal })
  const outcome = assert.rejects(call, ({ name, mayHaveBeenApplied }) => {
    return name === 'CancelledError' && mayHaveBeenApplied
  })
  await crm.arrived(1)
  crm.requests[0].answer('{"code":0,"da', 200, { 'content-length': '5000' })
  controller.abort()
  await outcome
})

/** Listens, tells its port, and never accepts: its loop is blocked for good. */
const DEAF = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
`

test('an abort while connecting ends the call', OPTIONS, async (t) => {
  const deaf = new Worker(DEAF, { eval: true })
  const [port] = await once(deaf, 'message')
  const filling = Array.from({ length: 2 }, () => connect(port, '127.0.0.1'))
  t.after(() => {
    filling.forEach((socket) => socket.destroy())
    return deaf.terminate()
  })
  await Promise.all(filling.map((socket) => once(socket, 'connect')))
  const client = new Client({ token: TOKEN, baseUrl: `http://127.0.0.1:${port}` })
  const call = client.updateOpportunity(1, FIELDS, { signal: AbortSignal.timeout(50) })
  await assert.rejects(call, ({ name, mayHaveBeenApplied }) => {
    return name === 'CancelledError' && !mayHaveBeenApplied
  })
})

test('an abort ends the wait before another attempt', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const controller = new AbortController()
  const call = crm.client().updateOpportunity(1, FIELDS, { signal: controller.signal })
  const outcome = assert.rejects(call, CancelledError)
  await crm.arrived(1)
  crm.requests[0].answer('busy', 503, { 'retry-after': String(LONG_MS / 2000) })
  controller.abort()
  await outcome
  assert.equal(crm.requests.length, 1)
})

test("one call's abort leaves another alone", OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client()
  const controller = new AbortController()
  const kept = client.updateOpportunity(1, FIELDS, { signal: new AbortController().signal })
  const cancelled = client.updateOpportunity(2, FIELDS, { signal: controller.signal })
  const outcome = assert.rejects(cancelled, CancelledError)
  await crm.arrived(2)
  controller.abort()
  await outcome
  crm.answerAll()
  assert.equal((await kept).id, 1)
})

test('AbortSignal.timeout ends a call with its own reason as the cause', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const call = crm.client().updateOpportunity(1, FIELDS, { signal: AbortSignal.timeout(20) })
  await assert.rejects(call, ({ name, cause }) => {
    return name === 'CancelledError' && cause.name === 'TimeoutError'
  })
})

test('an abort after the answer has no effect', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const controller = new AbortController()
  const options = { signal: controller.signal }
  const opportunity = await crm.client().updateOpportunity(568587, FIELDS, options)
  assert.equal(listeners(controller.signal), 0)
  controller.abort()
  assert.equal(opportunity.id, 568587)
})

test('a failed call leaves no listener', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll('{}', 500)
  const { signal } = new AbortController()
  await assert.rejects(crm.client().updateOpportunity(1, FIELDS, { signal }), ServerError)
  assert.equal(listeners(signal), 0)
})

test('one signal serves 10,000 calls without a leak or a warning', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client()
  const { signal } = new AbortController()
  const warnings = []
  const warn = (warning) => warnings.push(warning)
  process.on('warning', warn)
  t.after(() => process.off('warning', warn))
  // Refused calls take the same way through the signal, and no network.
  const refused = () => client.updateOpportunity(0, FIELDS, { signal })
  for (let done = 0; done < 10_000; done += 100) {
    const calls = Array.from({ length: 100 }, refused)
    for (const { reason } of await Promise.allSettled(calls))
      assert(reason instanceof ValidationError)
  }
  assert.equal(listeners(signal), 0)
  assert.deepEqual(warnings, [])
})

test('what is no signal is refused, for a list too', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const refused = ({ fields: [fault] }) => fault.field === 'signal' && fault.code === 'type'
  for (const signal of ['SIGINT', 5, new EventTarget(), new AbortController(), {}]) {
    const client = crm.client()
    assert.throws(() => client.listOpportunities({}, { signal }), refused)
    await assert.rejects(client.updateOpportunity(1, FIELDS, { signal }), refused)
    await assert.rejects(client.fieldMap('opportunity', { signal }), refused)
  }
  assert.equal(crm.requests.length, 0)
})

test('one signal ends many lists without a warning', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const client = crm.client()
  const controller = new AbortController()
  const { signal } = controller
  const warnings = []
  const warn = (warning) => warnings.push(warning)
  process.on('warning', warn)
  t.after(() => process.off('warning', warn))
  const first = () => client.listOpportunities({}, { signal })[Symbol.asyncIterator]().next()
  const pages = Promise.allSettled(Array.from({ length: 20 }, first))
  assert.equal(listeners(signal), 1)
  controller.abort()
  for (const { reason } of await pages) assert(reason instanceof CancelledError, reason)
  assert.equal(listeners(signal), 0)
  assert.deepEqual(warnings, [])
})

test("the user's own onabort stays", OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const controller = new AbortController()
  const mine = t.mock.fn()
  controller.signal.onabort = mine
  const options = { signal: controller.signal }
  const outcome = assert.rejects(crm.client().updateOpportunity(1, FIELDS, options), CancelledError)
  await crm.arrived(1)
  controller.abort()
  await outcome
  assert.equal(mine.mock.callCount(), 1)
})
