// The calls under way: each is a promise with a number, under which its outcome comes back.

import type { CompletionQueue as Queue, ErrorData } from './native.cjs'
import { CompletionQueue } from './native.js'

/** The JSON text of an answer, or an error. */
export type Outcome = string | ErrorData

const resolvers = new Map<number, (outcome: Outcome) => void>()
const queue = new CompletionQueue(settle)
let last = 0

/** Begins a call and promises its outcome; until it is there, the process lives on. */
export function start(begin: (queue: Queue, call: number) => void): Promise<Outcome> {
  return new Promise((resolve) => {
    const call = ++last
    begin(queue, call)
    resolvers.set(call, resolve)
    if (resolvers.size === 1) queue.keepAlive(true)
  })
}

function settle(call: number, outcome: Outcome): void {
  const resolve = resolvers.get(call)
  resolvers.delete(call)
  if (resolvers.size === 0) queue.keepAlive(false)
  resolve?.(outcome)
}
