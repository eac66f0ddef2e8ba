import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

const TOLD = ['retry_planned', 'quota_blocked', 'quota_wait_ended', 'signed_in']

/** An `onEvent` that makes spans of calls and of their requests. */
export function spans(tracer) {
  const calls = new Map()
  return (event) => {
    const events = [...(calls.get(event.callId) ?? []), event]
    calls.set(event.callId, events)
    if (event.name !== 'call_finished') return
    calls.delete(event.callId)
    tell(tracer, events, Date.now() - event.atMs)
  }
}

function tell(tracer, events, begun) {
  const call = span(tracer, events.at(-1), begun)
  for (const event of events) {
    const at = begun + event.atMs
    if (event.name === 'attempt_answered') span(tracer, event, begun, call).end(at)
    if (TOLD.includes(event.name)) call.addEvent(event.name, { wait: event.waitMs ?? 0 }, at)
  }
  call.end(begun + events.at(-1).atMs)
}

function span(tracer, event, begun, parent) {
  const { method, route, callId, status, errorCode, atMs, elapsedMs } = event
  const options = {
    kind: parent ? SpanKind.CLIENT : SpanKind.INTERNAL,
    startTime: begun + atMs - elapsedMs,
    attributes: { 'ikcrm.call_id': callId, 'http.response.status_code': status },
  }
  const above = parent ? trace.setSpan(context.active(), parent) : context.active()
  const made = tracer.startSpan(`${method} ${route}`, options, above)
  if (errorCode) made.setStatus({ code: SpanStatusCode.ERROR, message: errorCode })
  return made
}
