// The calls under way: each is a promise with a number, under which its outcome comes back.

import { setImmediate } from 'node:timers'

import { listen, type Listening } from './abort.js'
import { failure } from './failure.js'
import { withMeta } from './meta.js'
import type { CancelHandle, ErrorData, NativeCall } from './native.cjs'
import { CompletionQueue } from './native.js'

type Signal = AbortSignal | null | undefined

/** The JSON text of an answer, or an error; and of what the call cost. */
type Outcome = [answer: string | ErrorData, meta: string | null]

/** Takes events of a call, as JSON text. */
export type Tell = ((json: string) => void) | undefined

/** Taken at load, before the fake timers of a test can take its place. */
const nextTurn = setImmediate

interface Waiting {
  resolve: (outcome: Outcome) => void
  tell: Tell
}

const calls = new Map<number, Waiting>()
const queue = new CompletionQueue(settle)
let last = 0

/** Makes a call and reads what comes back; the error's stack goes on in the caller's `await`. */
export async function run<T>(
  read: (json: string) => T,
  signal: Signal,
  prepare: (cancel: CancelHandle | undefined) => NativeCall,
  tell: Tell,
  listening: Listening = listen(signal),
): Promise<T> {
  try {
    const call = prepare(listening.handle)
    // An abort that comes in the same turn of the event loop comes before the call.
    if (listening.handle) await new Promise(nextTurn)
    const [outcome, meta] = await started(call, tell)
    if (typeof outcome !== 'string') throw failure(outcome, signal, meta)
    return withMeta(read(outcome), meta)
  } finally {
    listening.stop()
  }
}

/** Starts a call and promises its outcome; until it is there, the process lives on. */
function started(call: NativeCall, tell: Tell): Promise<Outcome> {
  return new Promise((resolve) => {
    const number = ++last
    call.start(queue, number, tell !== undefined)
    calls.set(number, { resolve, tell })
    if (calls.size === 1) queue.keepAlive(true)
  })
}

function settle(
  number: number,
  outcome: string | ErrorData,
  ended: boolean,
  meta: string | null,
): void {
  const call = calls.get(number)
  if (!ended) return call?.tell?.(outcome as string)
  calls.delete(number)
  if (calls.size === 0) queue.keepAlive(false)
  call?.resolve([outcome, meta])
}
