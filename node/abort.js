// From an AbortSignal to the core's cancel handle. The native module never sees the signal itself:
// it would take over `signal.onabort` and miss an abort that came before.
'use strict'

const { CancelHandle } = require('./native.js')

const NOTHING = { handle: undefined, stop() {} }

/** One handle and one listener for all the calls of a signal: Node warns of the eleventh. */
class Listener {
  static #ofSignal = new WeakMap()

  handle = new CancelHandle()
  #others = new Set()
  #calls = 0
  #signal
  #abort = () => [this.handle, ...this.#others].forEach((handle) => handle.cancel())

  static of(signal) {
    return Listener.#ofSignal.get(signal) ?? new Listener(signal)
  }

  constructor(signal) {
    this.#signal = signal
    Listener.#ofSignal.set(signal, this)
    signal.addEventListener('abort', this.#abort)
    if (signal.aborted) this.#abort()
  }

  start() {
    this.#calls += 1
    return this
  }

  /** The same for a handle that has one already. */
  startFor(handle) {
    this.#others.add(handle)
    if (this.#signal.aborted) handle.cancel()
    this.start()
    return {
      stop: () => {
        this.#others.delete(handle)
        this.stop()
      },
    }
  }

  stop() {
    this.#calls -= 1
    if (this.#calls > 0) return
    Listener.#ofSignal.delete(this.#signal)
    this.#signal.removeEventListener('abort', this.#abort)
  }
}

/** A handle that the signal pulls until `stop` is called; the core refuses what is no signal. */
function listen(signal) {
  return isSignal(signal) ? Listener.of(signal).start() : NOTHING
}

/** Lets the signal pull this handle until `stop` is called. */
function listenFor(signal, handle) {
  return isSignal(signal) ? Listener.of(signal).startFor(handle) : NOTHING
}

/** A handle for the calls of one list; the core refuses what is no signal. */
function handleFor(signal) {
  return isSignal(signal) ? new CancelHandle() : undefined
}

function isSignal(signal) {
  return typeof signal?.addEventListener === 'function'
}

module.exports = { handleFor, listen, listenFor }
