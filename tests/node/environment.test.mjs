// The environment is what `process.env` says, in workers and under test runners too.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import { Worker } from 'node:worker_threads'

import { Client, ConfigError } from '../../node/dist/index.js'
import { Crm, FIELDS, LONG_MS, PACKAGE, run, TOKEN } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }

const UPDATE = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { updateOpportunity } = require(workerData.package)
  updateOpportunity(568587, workerData.fields).then(
    ({ id }) => parentPort.postMessage({ id }),
    ({ name, message }) => parentPort.postMessage({ name, message }),
  )
`

/** What the free function does in a worker with this environment. */
async function inWorker(env) {
  const workerData = { package: PACKAGE, fields: FIELDS }
  const worker = new Worker(UPDATE, { eval: true, env, workerData })
  const [outcome] = await once(worker, 'message')
  return outcome
}

/** Sets variables until the test is over. */
function withVariables(t, variables) {
  for (const [name, value] of Object.entries(variables)) {
    process.env[name] = value
    t.after(() => delete process.env[name])
  }
}

test('what a program puts into process.env is taken', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  withVariables(t, { IKCRM_TOKEN: TOKEN, IKCRM_BASE_URL: crm.url, IKCRM_QUOTA: 'off' })
  const client = Client.fromEnv()
  assert.equal((await client.updateOpportunity(568587, FIELDS)).id, 568587)
  assert.equal(await client.quota(), null)
  delete process.env.IKCRM_TOKEN
  assert.throws(() => Client.fromEnv(), ConfigError)
})

test('every variable is read', OPTIONS, (t) => {
  withVariables(t, {
    IKCRM_LOGIN: 'x',
    IKCRM_EDITION: 'cloud',
    IKCRM_TIMEOUT: '0',
    IKCRM_MAX_RETRIES: '99',
    IKCRM_QUOTA_CALLS: '0',
    IKCRM_UNKNOWN: 'x',
    IKCRM_CA_BUNDLE: '',
  })
  assert.throws(
    () => Client.fromEnv(),
    ({ fields }) => {
      const named = fields.map(({ field }) => field)
      const expected = ['password', 'edition', 'timeoutMs', 'maxRetries', 'quota.calls']
      assert.deepEqual(new Set(named), new Set(expected))
      const timeout = fields.find(({ field }) => field === 'timeoutMs').message
      assert.match(timeout, /; it comes from the environment variable IKCRM_TIMEOUT$/)
      const calls = fields.find(({ field }) => field === 'quota.calls').message
      assert.match(calls, /; it comes from the environment variable IKCRM_QUOTA_CALLS$/)
      return true
    },
  )
})

test("a worker has its own environment, not the process's", OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const env = { IKCRM_TOKEN: TOKEN, IKCRM_BASE_URL: crm.url }
  assert.deepEqual(await inWorker(env), { id: 568587 })
  withVariables(t, env)
  const without = await inWorker({})
  assert.equal(without.name, 'ConfigError')
  assert.match(without.message, /token/)
  assert.deepEqual(await inWorker({ ...env, IKCRM_TIMEOUT: '5' }), { id: 568587 })
  assert.equal(crm.requests.length, 2)
})

test("a worker without its own token does not get the process's", OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  // The process was started with the variables, so that libc has them too.
  const source = `
    import { Worker } from 'node:worker_threads'
    const workerData = { package: process.argv[1], fields: ${JSON.stringify(FIELDS)} }
    const worker = new Worker(${JSON.stringify(UPDATE)}, { eval: true, env: {}, execArgv: [], workerData })
    worker.on('message', ({ name }) => console.log(name))
  `
  const child = run(source, { IKCRM_TOKEN: TOKEN, IKCRM_BASE_URL: crm.url })
  assert.equal(await text(child.stdout), 'ConfigError\n')
  assert.equal(crm.requests.length, 0)
})

test('an environment of another realm is taken, as test runners make one', OPTIONS, (t) => {
  const before = process.env
  t.after(() => (process.env = before))
  const sandbox = createContext({ token: TOKEN })
  process.env = runInContext("new Proxy({ IKCRM_TOKEN: token, IKCRM_QUOTA: 'off' }, {})", sandbox)
  assert(Client.fromEnv() instanceof Client)
})

const CLIENT = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { Client } = require(workerData.package)
  try {
    new Client({ token: 't', proxy: 'env' })
    Client.fromEnv()
    parentPort.postMessage('made')
  } catch ({ fields: [{ field, message }] }) {
    parentPort.postMessage(field + ': ' + message)
  }
`

test("the proxy's variables are those of process.env too", OPTIONS, async (t) => {
  const made = async (variables) => {
    const env = { IKCRM_TOKEN: TOKEN, ...variables }
    const worker = new Worker(CLIENT, { eval: true, env, workerData: { package: PACKAGE } })
    const [outcome] = await once(worker, 'message')
    return outcome
  }
  for (const name of ['all_proxy', 'HTTPS_PROXY']) {
    assert.match(await made({ [name]: 'socks5://127.0.0.1:9' }), new RegExp(`^proxy: .*${name}`))
  }
  withVariables(t, { all_proxy: 'socks5://127.0.0.1:9' })
  assert.equal(await made({}), 'made')
  assert.throws(() => new Client({ token: TOKEN, proxy: 'env' }), ConfigError)
})

test('what is given takes the place of variables, and the client shows no secret', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const variables = { IKCRM_TOKEN: TOKEN, IKCRM_EDITION: 'wecom', IKCRM_TIMEOUT: 'x' }
  Object.assign(process.env, variables)
  t.after(() => Object.keys(variables).forEach((name) => delete process.env[name]))
  const events = []
  const onEvent = ({ name }) => events.push(name)
  const client = Client.fromEnv({ baseUrl: crm.url, timeoutMs: 5000, quota: null, onEvent })
  const { meta } = await client.getOpportunity(568587)
  assert.equal(meta.attempts, 1)
  assert.equal(events.at(-1), 'call_finished')
  const shown = `Client <${crm.url}, token ***, no quota, timeout 5 s, 2 retries>`
  assert.equal(inspect(client), shown)
  assert.throws(
    () => Client.fromEnv({ timeoutMs: null }),
    ({ fields: [fault] }) => fault.field === 'timeoutMs',
  )
})
