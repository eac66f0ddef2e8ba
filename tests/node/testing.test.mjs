// `ikcrm/testing`: a stand-in CRM for the tests of users' own programs.

import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, mock, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'

import * as ikcrm from '../../node/dist/index.js'
import { Sandbox } from '../../node/dist/testing.js'
import { pathOf } from './scripted.mjs'
import { FIELDS, LONG_MS } from './support.mjs'

const ID = 568587
const UPDATE = 'PUT /api/v2/opportunities/:id'
const NODE = fileURLToPath(new URL('../../node', import.meta.url))
const PROGRAM = join(NODE, 'dist/sandbox.js')
const TESTING = join(NODE, 'dist/testing.js')

/** A sandbox that is closed when the test is over. */
async function started(t, options) {
  const sandbox = await Sandbox.start(options)
  t.after(() => sandbox.close())
  return sandbox
}

function client(sandbox, options) {
  const settings = { token: sandbox.token, baseUrl: sandbox.url, timeoutMs: LONG_MS, quota: null }
  return new ikcrm.Client({ ...settings, ...options })
}

/** Waits until so many calls have come. */
const arrived = async (sandbox, calls) =>
  (await fetch(`${sandbox.url}/sandbox/stats?calls=${calls}`)).json()

test('a client uses it as it uses the CRM', async (t) => {
  const sandbox = await started(t)
  assert.match(sandbox.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  const won = await client(sandbox).updateOpportunity(ID, { stage: '赢单' }, { fill: true })
  assert.equal(won.stage_mapped, '赢单')
  assert.equal(sandbox.opportunity(ID).stage_mapped, '赢单')
  assert.equal(sandbox.opportunity(ID).customer.id, 1522636)
  assert.equal(sandbox.opportunity(1), null)
})

test('what is seeded is what a client reads', async (t) => {
  const sandbox = await started(t)
  sandbox.seed({
    users: [{ id: 9, name: '某人' }],
    customers: new Set([
      { id: 7n, name: '客户7' },
      { id: 8, name: '客户8' },
    ]),
    stages: ['洽谈', { id: 5, label: '成交' }, { id: '6', label: '搁置', enabled: false }],
    opportunities: undefined,
  })
  const whole = await client(sandbox).getOpportunity(600001)
  sandbox.seed({
    opportunities: [
      { id: 1, title: '一', customer_id: 8, user_id: 9, stage: '成交', expect_amount: '12.50' },
      { ...whole, id: 2 },
      { stage: 6, text_asset_8b1eeedd: 'x' },
    ],
  })
  const crm = client(sandbox)
  const one = await crm.getOpportunity(1)
  assert.deepEqual([one.title, one.stage, one.customer.name], ['一', '5', '客户8'])
  const rows = []
  for await (const row of crm.listOpportunities({ sort: 'id', order: 'asc' })) rows.push(row)
  assert.deepEqual(
    rows.map(({ title }) => title),
    ['一', whole.title, '示例商机'],
  )
  const { fields } = await crm.fieldMap()
  assert.deepEqual(
    fields.stage.map(({ label, enabled }) => [label, enabled]),
    [
      ['洽谈', true],
      ['成交', true],
      ['搁置', false],
    ],
  )
})

test('a wrong seed is refused and changes nothing', async (t) => {
  const sandbox = await started(t)
  for (const [seed, told] of [
    [{ opportunities: [{ id: 1 }, { stage: '赢丹' }] }, /opportunities\[1\]\.stage/],
    [{ opportunities: [{ id: 0 }] }, /opportunities\[0\]\.id must be/],
    [{ customers: ['x'] }, /customers\[0\] must be an object/],
    [{ deals: [] }, /there are no deals/],
    [{ users: 7 }, /not iterable/],
  ]) {
    assert.throws(() => sandbox.seed(seed), told)
  }
  assert.deepEqual([sandbox.opportunity(ID)?.id, sandbox.opportunity(1)], [ID, null])
})

describe('the next call fails as planned', () => {
  for (const [failure, ...classes] of [
    [{ status: 503 }, 'ServerError'],
    [{ status: 429 }, 'RateLimitedError'],
    [{ status: 404 }, 'NotFoundError'],
    [{ code: 100401 }, 'AuthError'],
    [{ code: 100100 }, 'NotFoundError'],
    [{ code: 7 }, 'ApiError'],
    [{ fault: 'reset' }, 'TransportError'],
    [{ fault: 'garbage' }, 'TransportError', 'InvalidAnswerError'],
  ]) {
    test(JSON.stringify(failure), async (t) => {
      const sandbox = await started(t)
      sandbox.failNext(failure)
      const crm = client(sandbox, { maxRetries: 0 })
      const error = await crm.updateOpportunity(ID, FIELDS).then(assert.fail, (error) => error)
      assert(classes.includes(error.name), error.name)
      assert.notEqual(sandbox.opportunity(ID).title, FIELDS.title)
      assert.equal((await crm.updateOpportunity(ID, FIELDS)).title, FIELDS.title)
    })
  }
})

for (const failure of [{ status: 503 }, { fault: 'reset' }]) {
  test(`what passes is tried again: ${JSON.stringify(failure)}`, async (t) => {
    const sandbox = await started(t)
    sandbox.failNext({ ...failure, times: 2 })
    await client(sandbox, { maxRetries: 2 }).updateOpportunity(ID, FIELDS)
    assert.deepEqual(
      sandbox.requests.map(({ route }) => route),
      [UPDATE, UPDATE, UPDATE],
    )
  })
}

test("a call that hangs ends by the client's timeout, or by its signal", async (t) => {
  const sandbox = await started(t)
  sandbox.failNext({ fault: 'hang', times: 2 })
  const error = await client(sandbox, { timeoutMs: 200 })
    .updateOpportunity(ID, FIELDS)
    .then(assert.fail, (error) => error)
  assert.deepEqual([error.name, error.mayHaveBeenApplied], ['RequestTimeoutError', true])
  const aborting = new AbortController()
  const call = client(sandbox).updateOpportunity(ID, FIELDS, { signal: aborting.signal })
  await arrived(sandbox, 2)
  aborting.abort()
  await assert.rejects(call, ikcrm.CancelledError)
})

test('only the calls of a route fail', async (t) => {
  const sandbox = await started(t)
  sandbox.failNext({ status: 500, route: 'GET /api/v2/field_maps/:entity' })
  sandbox.failNext({ code: 100100, route: 'GET /api/v2/opportunities/600002' })
  const crm = client(sandbox)
  await crm.getOpportunity(ID)
  await assert.rejects(crm.getOpportunity(600002), ikcrm.NotFoundError)
  await crm.getOpportunity(600002)
  await assert.rejects(crm.fieldMap(), ikcrm.ServerError)
})

test('a failure that cannot be is refused', async (t) => {
  const sandbox = await started(t)
  for (const [failure, told] of [
    [{}, /give one of status, code and fault/],
    [{ status: 500, code: 1 }, /give one of status, code and fault/],
    [{ status: 200 }, /status is 200; write 400 to 599/],
    [{ status: 500.5 }, /status is 500.5; write a whole number/],
    [{ status: 70000 }, /status is 70000; write a whole number/],
    [{ code: 0 }, /code 0 is success/],
    [{ code: 1, times: 0 }, /times is 0/],
    [{ code: 1, times: -1 }, /times is -1/],
    [{ fault: 'crash' }, /no fault "crash"; write reset, hang or garbage/],
    [{ code: 1, route: 'PUT /opportunities' }, /there is no route .* write one of/],
  ]) {
    assert.throws(() => sandbox.failNext(failure), told, inspect(failure))
  }
  await client(sandbox).getOpportunity(ID)
})

test('answers take as long as they are told to', async (t) => {
  const sandbox = await started(t, { latencyMs: LONG_MS })
  assert.equal(sandbox.latencyMs, LONG_MS)
  const call = client(sandbox, { timeoutMs: 100 }).getOpportunity(ID)
  await assert.rejects(call, ikcrm.RequestTimeoutError)
  sandbox.latencyMs = 0
  assert.equal(sandbox.latencyMs, 0)
  await client(sandbox).getOpportunity(ID)
  assert.throws(() => (sandbox.latencyMs = -1), /latencyMs is -1/)
  await assert.rejects(Sandbox.start({ latencyMs: NaN }), /latencyMs is NaN/)
})

test('calls over its quota are refused', async (t) => {
  const sandbox = await started(t, { quota: { calls: 1, perMs: LONG_MS } })
  assert.deepEqual(sandbox.quota, { calls: 1, perMs: LONG_MS })
  const crm = client(sandbox, { maxRetries: 0 })
  await crm.getOpportunity(ID)
  await assert.rejects(crm.getOpportunity(ID), ikcrm.RateLimitedError)
  sandbox.quota = null
  assert.equal(sandbox.quota, null)
  await crm.getOpportunity(ID)
  sandbox.quota = {}
  assert.deepEqual(sandbox.quota, { calls: 10, perMs: 10_000 })
})

test('the requests show what was sent without its secrets', async (t) => {
  const [token, password] = ['a-token-of-ours', 'a-password-of-ours']
  const accounts = [{ login: 'me', password, corpIds: ['7'] }]
  const sandbox = await started(t, { token, accounts })
  await client(sandbox).updateOpportunity(ID, { ...FIELDS, note: null })
  const signedIn = client(sandbox, { token: null, login: 'me', password })
  for await (const _ of signedIn.listOpportunities({ stage: '3514', per_page: 50 })) break
  const [update, signIn, listed] = sandbox.requests
  assert.deepEqual([update.method, update.path], ['PUT', `/api/v2/opportunities/${ID}`])
  assert.deepEqual([update.route, [...update.query]], [UPDATE, []])
  assert.deepEqual(update.body, { opportunity: { ...FIELDS, note: null } })
  assert.equal(update.headers.authorization, 'Token token=•••, device=open_api, version_code=9.9.9')
  assert.deepEqual([signIn.body.login, signIn.body.password], ['me', '•••'])
  assert.deepEqual([listed.body, listed.query.get('stage')], [null, '3514'])
  const shown = inspect(sandbox.requests, { depth: null }) + JSON.stringify(sandbox.requests)
  assert(!shown.includes(token) && !shown.includes(password))
})

test('reset makes all as it was', async (t) => {
  const sandbox = await started(t, { latencyMs: 1 })
  await client(sandbox).updateOpportunity(ID, FIELDS)
  sandbox.seed({ opportunities: [] })
  sandbox.failNext({ status: 500, times: 9 })
  sandbox.latencyMs = LONG_MS
  sandbox.quota = { calls: 1 }
  sandbox.reset()
  assert.deepEqual([sandbox.latencyMs, sandbox.quota, sandbox.requests], [1, null, []])
  const { title } = await client(sandbox, { maxRetries: 0 }).getOpportunity(ID)
  assert.notEqual(title, FIELDS.title)
})

test('closing ends what is under way and leaves no thread and no socket', async () => {
  const sandbox = await Sandbox.start()
  sandbox.failNext({ fault: 'hang' })
  const { port } = new URL(sandbox.url)
  const hanging = connect(port, '127.0.0.1')
  hanging.write('GET / HTTP/1.1\r\n\r\n')
  await arrived(sandbox, 1)
  const idle = connect(port, '127.0.0.1')
  idle.write('GET /sandbox/stats HTTP/1.1\r\n\r\n')
  await once(idle, 'data') // so that it was accepted
  const ends = [once(hanging.resume(), 'end'), once(idle.resume(), 'end')]
  await sandbox.close()
  await Promise.all(ends)
  const [refused] = await once(connect(port, '127.0.0.1'), 'error')
  assert.equal(refused.code, 'ECONNREFUSED')
  await sandbox.close()
  for (const use of [() => sandbox.requests, () => sandbox.reset(), () => sandbox.seed({})]) {
    assert.throws(use, /the sandbox is closed/)
  }
  if (process.platform === 'linux') {
    const names = readdirSync('/proc/self/task').map((task) => comm(task))
    assert.deepEqual(
      names.filter((name) => name.startsWith('ikcrm-sandbox')),
      [],
    )
    const listening = readFileSync('/proc/net/tcp', 'utf8')
    assert(
      !listening.includes(
        `:${Number(port).toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`,
      ),
    )
  }
})

test('several run at once', async (t) => {
  const [one, two] = [await started(t, { token: 'one' }), await started(t, { token: 'two' })]
  await Promise.all([client(one).updateOpportunity(ID, FIELDS), client(two).getOpportunity(ID)])
  assert.deepEqual([one.requests.length, two.requests.length], [1, 1])
  assert.notEqual(two.opportunity(ID).title, FIELDS.title)
  await assert.rejects(client(one, { token: 'two' }).getOpportunity(ID), ikcrm.AuthError)
})

test('a port that is taken is told', async (t) => {
  const sandbox = await started(t)
  const port = Number(new URL(sandbox.url).port)
  await assert.rejects(Sandbox.start({ port }), new RegExp(`port ${port} cannot be opened`))
  await assert.rejects(Sandbox.start({ port: 70000 }), /port is 70000/)
})

test('it ends with its block', { skip: Symbol.asyncDispose === undefined }, async () => {
  const sandbox = await Sandbox.start()
  await sandbox[Symbol.asyncDispose]()
  assert.throws(() => sandbox.requests, /the sandbox is closed/)
})

test('a sandbox that was not closed keeps no process and no worker alive', async () => {
  const source = `require(${JSON.stringify(TESTING)}).Sandbox.start().then((it) => console.log(it.url))`
  assert.match(execFileSync(process.execPath, ['-e', source], { encoding: 'utf8' }), /^http/)
  const [code] = await once(new Worker(source, { eval: true, stdout: true }), 'exit')
  assert.equal(code, 0)
})

test('the client of the process can be reset', async (t) => {
  const before = { ...process.env }
  t.after(() => {
    for (const name in process.env) if (!(name in before)) delete process.env[name]
    ikcrm.resetClient()
  })
  for (let round = 0; round < 2; round++) {
    const sandbox = await started(t)
    Object.assign(process.env, sandbox.env)
    ikcrm.resetClient()
    await ikcrm.updateOpportunity(ID, FIELDS)
    assert.equal(sandbox.requests.length, 1)
  }
})

test('clients can be mocked', async () => {
  const crm = new ikcrm.Client({ token: 't' })
  const answer = { id: 1, title: 'x' }
  const method = mock.method(crm, 'updateOpportunity', async () => answer)
  assert.equal(await crm.updateOpportunity(1, FIELDS), answer)
  assert.deepEqual(method.mock.calls[0].arguments, [1, FIELDS])
  mock.restoreAll()
})

// --- the program ---------------------------------------------------------------------------------

test('the program prints its URL and the settings for a shell', async () => {
  const args = [
    PROGRAM,
    '--until-stdin-closes',
    '--token',
    "it's mine",
    '--account',
    'me:se:cret:7',
  ]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let printed = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    printed += chunk
    if (printed.split('\n').length > 2) break
  }
  const [baseUrl, settings] = printed.split('\n')
  const shell = `${settings}; printf '%s|%s' "$IKCRM_BASE_URL" "$IKCRM_TOKEN"`
  const shown = execFileSync('sh', ['-c', shell], { encoding: 'utf8' })
  assert.equal(shown, `${baseUrl}|it's mine`)
  const signedIn = new ikcrm.Client({ login: 'me', password: 'se:cret', baseUrl })
  assert.equal((await signedIn.getOpportunity(ID)).id, ID)
  child.stdin.end()
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('the program runs a command and ends as it does', async () => {
  const source = `require(${JSON.stringify(join(NODE, 'dist'))})
    .updateOpportunity(${ID}, { note: 'x' }, { partial: true })
    .then(({ note }) => { console.log(note, process.argv.slice(1)); process.exitCode = 3 })`
  const command = [process.execPath, '-e', source, '--', '--port', 'x']
  for (const mark of [[], ['--']]) {
    const args = [PROGRAM, '--no-quota', ...mark, ...command]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(child, 'exit')
    let printed = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) printed += chunk
    assert.equal(printed, "x [ '--port', 'x' ]\n")
    assert.deepEqual(await exit, [3, null])
  }
})

test('the program tells what is wrong in a line', () => {
  for (const [args, told] of [
    [['--account', 'me'], /--account me: write login:password/],
    [['--latency-ms', 'x'], /latencyMs is NaN/],
    [['--nothing'], /Unknown option '--nothing'/],
    [['no-such-program'], /no-such-program/],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' })
    assert.equal(status, 2)
    assert.match(stderr, told)
    assert.doesNotMatch(stderr, / {4}at /)
  }
})

test("the options are those of the crate's program", () => {
  const options = (command, args) => {
    const shown = execFileSync(command, [...args, '--help'], { cwd: NODE, encoding: 'utf8' })
    return new Set(shown.match(/--[a-z-]+/g))
  }
  const ours = options(process.execPath, [PROGRAM])
  assert(ours.has('--until-stdin-closes'))
  // What only tests of ikcrm itself need: forms that the CRM's lists may have.
  for (const option of ['--no-sort-by-update', '--whole-list-rows']) ours.add(option)
  assert.deepEqual(ours, options(pathOf('ikcrm-sandbox'), []))
})

test('it is found by its name, as a module and as a program', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ikcrm-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(NODE, join(folder, 'node_modules/ikcrm'))
  const esm =
    "import { Sandbox } from 'ikcrm/testing'\nconst s = await Sandbox.start()\nawait s.close()"
  writeFileSync(join(folder, 'esm.mjs'), `${esm}\nconsole.log(s.token)`)
  const shown = execFileSync(process.execPath, ['esm.mjs'], { cwd: folder, encoding: 'utf8' })
  assert.equal(shown, 'sandbox-token\n')
})

/** The name of a thread of this process. */
function comm(task) {
  try {
    return readFileSync(`/proc/self/task/${task}/comm`, 'utf8')
  } catch {
    return '' // it has ended meanwhile
  }
}
