// Updates an opportunity and prints the spans of the call, below one of its own.
//
//   npm install ikcrm @opentelemetry/api @opentelemetry/sdk-trace-node
//   IKCRM_TOKEN=… node with-opentelemetry.mjs
//
// `telemetry.mjs` beside it makes the spans.

import { trace } from '@opentelemetry/api'
import {
  ConsoleSpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { Client } from 'ikcrm'

import { spans } from './telemetry.mjs'

const exporter = new SimpleSpanProcessor(new ConsoleSpanExporter())
new NodeTracerProvider({ spanProcessors: [exporter] }).register()
const tracer = trace.getTracer('my-program')

const client = Client.fromEnv({ onEvent: spans(tracer) })
await tracer.startActiveSpan('my work', async (work) => {
  await client.updateOpportunity(568587, { title: 'ccc', customer_id: 1 })
  work.end()
})
await client.close()
