// The guide's recipe for OpenTelemetry, with the real SDK: spans of calls and of their requests.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { spans } from '../../node/examples/telemetry.mjs'
import { Crm, FIELDS, PACKAGE, TOKEN } from './support.mjs'

const EXAMPLES = new URL('../../node/examples/', import.meta.url)
const require = createRequire(EXAMPLES)
const { SpanStatusCode, trace } = require('@opentelemetry/api')
const sdk = require('@opentelemetry/sdk-trace-node')

const PUT = 'PUT /api/v2/opportunities/:id'
const exporter = new sdk.InMemorySpanExporter()
new sdk.NodeTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] }).register()
const tracer = trace.getTracer('test')

/** The spans since the last time. */
function finished() {
  const all = exporter.getFinishedSpans().slice()
  exporter.reset()
  return all
}

function parentOf(span, all) {
  return all.find((it) => it.spanContext().spanId === span.parentSpanContext?.spanId)?.name
}

/** A call within a span of this name. */
function callIn(client, name) {
  return tracer.startActiveSpan(name, async (span) => {
    await client.updateOpportunity(1, FIELDS)
    span.end()
  })
}

test('the guide has the example', () => {
  const recipe = readFileSync(new URL('telemetry.mjs', EXAMPLES), 'utf8')
  for (const language of ['en', 'zh']) {
    const page = new URL(`../../crates/ikcrm/docs/${language}/calls.md`, import.meta.url)
    assert(readFileSync(page, 'utf8').includes(`\`\`\`js title="telemetry.mjs"\n${recipe}\`\`\``))
  }
})

test('a call is a span with a child for each attempt', async (t) => {
  const crm = await Crm.start(t)
  crm.answerWith((request) => request.answer(undefined, request === crm.requests[0] ? 503 : 200))
  await callIn(crm.client({ onEvent: spans(tracer) }), 'caller')
  const all = finished()
  const [first, second, call] = all
  assert.deepEqual(
    all.map((span) => [span.name, parentOf(span, all)]),
    [
      [PUT, PUT],
      [PUT, PUT],
      [PUT, 'caller'],
      ['caller', undefined],
    ],
  )
  const told = (span) => [span.status.code, span.attributes['http.response.status_code']]
  assert.deepEqual(told(first), [SpanStatusCode.ERROR, 503])
  assert.deepEqual(told(second), [SpanStatusCode.UNSET, 200])
  assert.deepEqual(told(call), [SpanStatusCode.UNSET, 200])
  assert.deepEqual(
    call.events.map(({ name }) => name),
    ['retry_planned'],
  )
  const times = [call.startTime, first.startTime, first.endTime, second.startTime, second.endTime]
  const known = [...times, call.endTime].map(([seconds, nanos]) => seconds * 1e9 + nanos)
  assert.deepEqual(
    known,
    known.toSorted((a, b) => a - b),
  )
})

test('each of many calls at once belongs to its own caller', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client({ onEvent: spans(tracer) })
  const names = Array.from({ length: 50 }, (_, number) => `caller ${number}`)
  await Promise.all(names.map((name) => callIn(client, name)))
  checkParents(finished(), names)
})

function checkParents(all, names) {
  const calls = all.filter((span) => span.name === PUT && parentOf(span, all) !== PUT)
  assert.deepEqual(calls.map((span) => parentOf(span, all)).sort(), names.toSorted())
  assert.equal(all.filter((span) => parentOf(span, all) === PUT).length, names.length)
  assert.equal(new Set(calls.map((span) => span.spanContext().traceId)).size, names.length)
}

test('a worker has spans of its own callers', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const require_ = require('node:module').createRequire(workerData.examples)
    const { trace } = require_('@opentelemetry/api')
    const sdk = require_('@opentelemetry/sdk-trace-node')
    const exporter = new sdk.InMemorySpanExporter()
    const processor = new sdk.SimpleSpanProcessor(exporter)
    new sdk.NodeTracerProvider({ spanProcessors: [processor] }).register()
    const tracer = trace.getTracer('worker')
    async function work() {
      const { spans } = await import(workerData.examples + 'telemetry.mjs')
      const { Client } = require(workerData.ikcrm)
      const client = new Client({ ...workerData.options, onEvent: spans(tracer) })
      const call = (name) => tracer.startActiveSpan(name, async (span) => {
        await client.updateOpportunity(1, { title: 'ccc', customer_id: 1 })
        span.end()
      })
      await Promise.all(['one', 'two'].map(call))
      parentPort.postMessage(exporter.getFinishedSpans().map((span) => {
        const { spanId, traceId } = span.spanContext()
        return { name: span.name, spanId, traceId, parent: span.parentSpanContext?.spanId }
      }))
    }
    work()
  `
  const options = { token: TOKEN, baseUrl: crm.url, quota: null }
  const workerData = { examples: EXAMPLES.href, ikcrm: PACKAGE, options }
  const worker = new Worker(code, { eval: true, workerData })
  const [told] = await once(worker, 'message')
  const all = told.map(({ name, spanId, traceId, parent }) => {
    const parentSpanContext = parent && { spanId: parent }
    return { name, parentSpanContext, spanContext: () => ({ spanId, traceId }) }
  })
  checkParents(all, ['one', 'two'])
  assert.deepEqual(finished(), [])
})

test('a call that fails says so', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll('{"code":100100,"message":"m"}')
  const client = crm.client({ onEvent: spans(tracer) })
  await assert.rejects(client.updateOpportunity(1, FIELDS), { name: 'NotFoundError' })
  assert.deepEqual(
    finished().map(({ status }) => [status.code, status.message]),
    [
      [SpanStatusCode.ERROR, 'not_found'],
      [SpanStatusCode.ERROR, 'not_found'],
    ],
  )
})

test('the example prints its spans', async (t) => {
  const crm = await Crm.start(t)
  crm.answerAll()
  const program = fileURLToPath(new URL('with-opentelemetry.mjs', EXAMPLES))
  const env = { ...process.env, IKCRM_TOKEN: TOKEN, IKCRM_BASE_URL: crm.url, IKCRM_QUOTA: 'off' }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  assert.equal(code, 0)
  assert.deepEqual(
    [...printed.matchAll(/name: '(.+)'/g)]
      .map(([, name]) => name)
      .filter((it) => it !== 'my-program'),
    [PUT, PUT, 'my work'],
  )
})
