// The package: a client whose calls are promises, and the same call with the environment's settings.
'use strict'

const { listen } = require('./abort.js')
const { parse } = require('./answer.js')
const { start } = require('./calls.js')
const { failure } = require('./failure.js')
const native = require('./native.js')
const { asked, told } = require('./tokens.js')

const { NativeClient } = native
const version = native.version()

class Client {
  #native

  constructor(options = null) {
    this.#native = options instanceof NativeClient ? options : build(options)
  }

  static fromEnv() {
    return new this(built(NativeClient.fromEnv()))
  }

  updateOpportunity(id, fields, options = null) {
    return run(opportunity, options, (queue, call, cancel) =>
      this.#native.updateOpportunity(queue, call, id, fields, options, cancel),
    )
  }

  quota() {
    return run(quotaStatus, null, (queue, call) => this.#native.quota(queue, call))
  }
}

/** The native client with these settings; what keeps tokens stays in JavaScript. */
function build(options) {
  if (typeof options !== 'object' || options === null) return built(NativeClient.build(options))
  const { tokenStore, onToken, ...settings } = options
  return built(NativeClient.build(settings, asked(tokenStore), told(onToken)))
}

/** The native client, unless an error came in its place. */
function built(client) {
  if (client instanceof NativeClient) return client
  throw failure(client)
}

/** Makes a call and reads what comes back; the error's stack goes on in the caller's `await`. */
async function run(read, options, begin) {
  const signal = options?.signal
  const listener = listen(signal)
  try {
    const answer = await start((queue, call) => begin(queue, call, listener.handle))
    if (typeof answer !== 'string') throw failure(answer, signal)
    return read(answer)
  } finally {
    listener.stop()
  }
}

const opportunity = (json) => parse(json, 'Opportunity')

function quotaStatus(json) {
  const usage = JSON.parse(json)
  if (usage === null) return null
  const [calls, used, nextFreeMs] = usage
  return { calls, used, free: Math.max(calls - used, 0), nextFreeMs }
}

let shared

async function updateOpportunity(id, fields, options) {
  shared ??= Client.fromEnv()
  return await shared.updateOpportunity(id, fields, options)
}

// Spelt so that Node finds the names for `import { … }` too.
module.exports = {
  Client,
  updateOpportunity,
  update_opportunity: updateOpportunity,
  version,
  ...require('./errors.js'),
}
