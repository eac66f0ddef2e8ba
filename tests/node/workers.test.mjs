// Each worker thread has clients of its own, and may be stopped in the middle of a call.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

import { Crm, FIELDS, LONG_MS, PACKAGE, TOKEN } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }

const CALLS = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { Client } = require(workerData.package)
  const client = new Client(workerData.options)
  const call = () => client.updateOpportunity(568587, workerData.fields)
  Promise.all(Array.from({ length: workerData.calls }, call)).then((answers) =>
    parentPort.postMessage(answers.map(({ id }) => id)),
  )
`

function worker(crm, calls) {
  const options = { token: TOKEN, baseUrl: crm.url, timeoutMs: LONG_MS, quota: null }
  const workerData = { package: PACKAGE, options, fields: FIELDS, calls }
  return new Worker(CALLS, { eval: true, workerData })
}

test('several workers make calls at once, and end by themselves', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  const workers = Array.from({ length: 4 }, () => worker(crm, 8))
  const ends = workers.map((worker) => Promise.all([once(worker, 'message'), once(worker, 'exit')]))
  await crm.arrived(32)
  crm.answerAll()
  for (const [[ids], [code]] of await Promise.all(ends)) {
    assert.deepEqual(ids, Array(8).fill(568587))
    assert.equal(code, 0)
  }
})

test('a worker stopped in the middle of calls leaves the others whole', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  for (let round = 1; round <= 10; round++) {
    const stopped = worker(crm, 8)
    await crm.arrived(8 * round)
    const stop = stopped.terminate()
    // The answers arrive while the worker's environment is being taken down.
    crm.requests.forEach(({ answer }) => answer())
    await stop
  }
  crm.answerAll()
  assert.equal((await crm.client().updateOpportunity(568587, FIELDS)).id, 568587)
})
