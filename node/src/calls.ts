// The calls under way: each is a promise with a number, under which its outcome comes back.

import { setImmediate } from 'node:timers'

import { listen, type Listening } from './abort.js'
import { failure } from './failure.js'
import { withMeta } from './meta.js'
import type { CallQueue as Queue, CancelHandle, ErrorData } from './native.cjs'
import { CallQueue } from './native.js'

type Signal = AbortSignal | null | undefined

/** The JSON text of an answer, or an error; of what the call cost; and what may have ended it. */
type Outcome = [answer: string | ErrorData, meta: string | null, signal: Signal]

/** Takes events of a call, as JSON text. */
export type Tell = ((json: string) => void) | undefined

/** Leaves a call in the queue; gives its number there, and who is told of its events. */
export type Prepare = (
  queue: Queue,
  cancel: CancelHandle | undefined,
) => [call: number, tell?: Tell]

/** What a call answers, or throws, of its outcome. */
export type Answer<T> = (outcome: Outcome) => T

/** Taken at load, before the fake timers of a test can take its place. */
const nextTurn = setImmediate

/** A call under way. Thousands may wait, so it holds no closure of its own. */
interface UnderWay {
  resolve: (outcome: Outcome) => void
  tell: Tell
  signal: Signal
  listening: Listening
}

const calls = new Map<number, UnderWay>()
const queue = new CallQueue(settle)

/** The answer of a call whose JSON text is read so. */
export function answered<T>(read: (json: string) => T): Answer<T> {
  return ([answer, meta, signal]) => {
    if (typeof answer !== 'string') throw failure(answer, signal, meta)
    return withMeta(read(answer), meta)
  }
}

/**
 * Makes a call. What goes wrong rejects, and never throws. An error is made in a `then`, and in no
 * `async` function: that takes less memory, and its stack goes on in the caller's `await` all the same.
 */
export function run<T>(
  answer: Answer<T>,
  options: { signal?: Signal } | null | undefined,
  prepare: Prepare,
  listenTo: (signal: Signal) => Listening = listen,
): Promise<T> {
  let listening: Listening | undefined
  try {
    const signal = options?.signal
    listening = listenTo(signal)
    const [call, tell] = prepare(queue, listening.handle)
    const begun = listening.handle
      ? later(call, tell, signal, listening)
      : started(call, tell, signal, listening)
    return begun.then(answer)
  } catch (error) {
    listening?.stop()
    return Promise.reject(error)
  }
}

/** An abort that comes in the same turn of the event loop comes before the call. */
async function later(...call: Parameters<typeof started>): Promise<Outcome> {
  await new Promise(nextTurn)
  return started(...call)
}

/** Starts a call and promises its outcome. */
function started(call: number, tell: Tell, signal: Signal, listening: Listening): Promise<Outcome> {
  return new Promise((resolve) => {
    calls.set(call, { resolve, tell, signal, listening })
    queue.start(call, tell !== undefined)
  })
}

function settle(
  number: number,
  answer: string | ErrorData,
  ended: boolean,
  meta: string | null,
): void {
  const call = calls.get(number)
  if (!ended) return call?.tell?.(answer as string)
  calls.delete(number)
  call?.listening.stop()
  call?.resolve([answer, meta, call.signal])
}
