// From an AbortSignal to the core's cancel handle. The native module never sees the signal itself:
// it would take over `signal.onabort` and miss an abort that came before.

import type { CancelHandle as Handle } from './native.cjs'
import { CancelHandle } from './native.js'

/** What pulls a handle until it is stopped. */
export interface Listening {
  handle?: Handle
  stop(): void
}

const NOTHING: Listening = { stop() {} }

/** One handle and one listener for all the calls of a signal: Node warns of the eleventh. */
class Listener implements Listening {
  static #ofSignal = new WeakMap<AbortSignal, Listener>()

  readonly handle = new CancelHandle()
  #others = new Set<Handle>()
  #calls = 0
  #signal: AbortSignal
  #abort = () => [this.handle, ...this.#others].forEach((handle) => handle.cancel())

  static of(signal: AbortSignal): Listener {
    return Listener.#ofSignal.get(signal) ?? new Listener(signal)
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
    Listener.#ofSignal.set(signal, this)
    signal.addEventListener('abort', this.#abort)
    if (signal.aborted) this.#abort()
  }

  start(): this {
    this.#calls += 1
    return this
  }

  /** The same for a handle that has one already. */
  startFor(handle: Handle): Listening {
    this.#others.add(handle)
    if (this.#signal.aborted) handle.cancel()
    this.start()
    return {
      handle,
      stop: () => {
        this.#others.delete(handle)
        this.stop()
      },
    }
  }

  stop(): void {
    this.#calls -= 1
    if (this.#calls > 0) return
    Listener.#ofSignal.delete(this.#signal)
    this.#signal.removeEventListener('abort', this.#abort)
  }
}

/** A handle that the signal pulls until `stop` is called; the core refuses what is no signal. */
export function listen(signal: AbortSignal | null | undefined): Listening {
  return isSignal(signal) ? Listener.of(signal).start() : NOTHING
}

/** Lets the signal pull this handle until `stop` is called. */
export function listenFor(
  signal: AbortSignal | null | undefined,
  handle: Handle | undefined,
): Listening {
  return isSignal(signal) && handle ? Listener.of(signal).startFor(handle) : NOTHING
}

/** A handle for the calls of one list; the core refuses what is no signal. */
export function handleFor(signal: AbortSignal | null | undefined): Handle | undefined {
  return isSignal(signal) ? new CancelHandle() : undefined
}

function isSignal(signal: AbortSignal | null | undefined): signal is AbortSignal {
  return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'
}
