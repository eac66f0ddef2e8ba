// From an AbortSignal to the core's cancel handle. The native module never sees the signal itself:
// it would take over `signal.onabort` and miss an abort that came before.
'use strict'

const { CancelHandle } = require('./native.js')

const SILENT = { handle: undefined, stop() {} }

/** A handle that the signal pulls until `stop` is called; the core refuses what is no signal. */
function listen(signal) {
  if (typeof signal?.addEventListener !== 'function') return SILENT
  const handle = new CancelHandle()
  const abort = () => handle.cancel()
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return { handle, stop: () => signal.removeEventListener('abort', abort) }
}

module.exports = { listen }
