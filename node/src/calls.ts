// The calls under way: each is a promise with a number, under which its outcome comes back.

import { setImmediate } from 'node:timers'

import { listen, type Listening } from './abort.js'
import { failure } from './failure.js'
import type { CancelHandle, ErrorData, NativeCall } from './native.cjs'
import { CompletionQueue } from './native.js'

type Signal = AbortSignal | null | undefined

/** The JSON text of an answer, or an error. */
type Outcome = string | ErrorData

/** Taken at load, before the fake timers of a test can take its place. */
const nextTurn = setImmediate

const resolvers = new Map<number, (outcome: Outcome) => void>()
const queue = new CompletionQueue(settle)
let last = 0

/** Makes a call and reads what comes back; the error's stack goes on in the caller's `await`. */
export async function run<T>(
  read: (json: string) => T,
  signal: Signal,
  prepare: (cancel: CancelHandle | undefined) => NativeCall,
  listening: Listening = listen(signal),
): Promise<T> {
  try {
    const call = prepare(listening.handle)
    // An abort that comes in the same turn of the event loop comes before the call.
    if (listening.handle) await new Promise(nextTurn)
    const outcome = await started(call)
    if (typeof outcome !== 'string') throw failure(outcome, signal)
    return read(outcome)
  } finally {
    listening.stop()
  }
}

/** Starts a call and promises its outcome; until it is there, the process lives on. */
function started(call: NativeCall): Promise<Outcome> {
  return new Promise((resolve) => {
    const number = ++last
    call.start(queue, number)
    resolvers.set(number, resolve)
    if (resolvers.size === 1) queue.keepAlive(true)
  })
}

function settle(number: number, outcome: Outcome): void {
  const resolve = resolvers.get(number)
  resolvers.delete(number)
  if (resolvers.size === 0) queue.keepAlive(false)
  resolve?.(outcome)
}
