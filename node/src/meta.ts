// What a call cost, from the core's JSON text, and on the answer that it brought.

import type { CallMeta } from './records.js'

/** What a call cost. No log finds the headers. */
class Cost implements CallMeta {
  readonly callId: string
  readonly attempts: number
  readonly elapsedMs: number
  readonly quotaWaitMs: number
  readonly status: number | null
  readonly lookups: number
  readonly #headers: Record<string, string>

  constructor(told: CallMeta) {
    this.callId = told.callId
    this.attempts = told.attempts
    this.elapsedMs = told.elapsedMs
    this.quotaWaitMs = told.quotaWaitMs
    this.status = told.status
    this.lookups = told.lookups
    this.#headers = told.headers
  }

  get headers(): Record<string, string> {
    return this.#headers
  }
}

/** What a call cost; `null` when there was none. */
export function metaOf(text: string | null): CallMeta | null {
  return text === null ? null : new Cost(JSON.parse(text) as CallMeta)
}

/** Where an answer keeps what its call cost, as text until somebody asks. */
const KEPT = Symbol('meta')

interface Kept {
  text: string | null
  meta?: CallMeta | null
}

/** One for all answers: with a function of its own, each would be an object that V8 is slow to read. */
const META: PropertyDescriptor = {
  get(this: { [KEPT]: Kept }): CallMeta | null {
    const kept = this[KEPT]
    return (kept.meta ??= metaOf(kept.text))
  },
  enumerable: false,
  configurable: true,
}

/**
 * The answer with `meta`, which is read when it is asked for and is none of the answer's keys; a key
 * of the CRM's with this name stays.
 */
export function withMeta<T>(value: T, text: string | null): T {
  if (typeof value !== 'object' || value === null || Object.hasOwn(value, 'meta')) return value
  const kept: Kept = { text }
  Object.defineProperty(value, KEPT, { value: kept })
  return Object.defineProperty(value, 'meta', META)
}
