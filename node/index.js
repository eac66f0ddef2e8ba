// The package: a client whose calls are promises, and the same call with the environment's settings.
'use strict'

const { listen } = require('./abort.js')
const answer = require('./answer.js')
const { start } = require('./calls.js')
const { failure } = require('./failure.js')
const { OpportunityList } = require('./list.js')
const native = require('./native.js')
const { asked, told } = require('./tokens.js')

const { NativeClient, NativeList } = native
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
    return run(answer.opportunity, options, (queue, call, cancel) => {
      const spelt = withRecordAsText(options)
      this.#native.updateOpportunity(queue, call, id, fields, spelt, cancel)
    })
  }

  getOpportunity(id, options = null) {
    return run(answer.opportunity, options, (queue, call, cancel) =>
      this.#native.getOpportunity(queue, call, id, options, cancel),
    )
  }

  listOpportunities(query = null, options = null) {
    const open = (cancel) => {
      const list = this.#native.listOpportunities(query, options, cancel)
      if (list instanceof NativeList) return list
      throw failure(list)
    }
    return new OpportunityList(open, options?.signal, answer.row)
  }

  fieldMap(entity = 'opportunity', options = null) {
    const read = (json) => answer.fieldMap(json, entity)
    return run(read, options, (queue, call, cancel) => {
      const { refresh = false, ...others } = options ?? {}
      this.#native.fieldMap(queue, call, entity, Boolean(refresh), others, cancel)
    })
  }

  quota() {
    return run(answer.quotaStatus, null, (queue, call) => this.#native.quota(queue, call))
  }
}

/** The options with the record in `ifUnchanged` as the JSON text that the core reads. */
function withRecordAsText(options) {
  const record = options?.ifUnchanged
  if (typeof record !== 'object' || record === null) return options
  return { ...options, ifUnchanged: JSON.stringify(record) }
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
    const outcome = await start((queue, call) => begin(queue, call, listener.handle))
    if (typeof outcome !== 'string') throw failure(outcome, signal)
    return read(outcome)
  } finally {
    listener.stop()
  }
}

let shared

async function updateOpportunity(id, fields, options) {
  shared ??= Client.fromEnv()
  return await shared.updateOpportunity(id, fields, options)
}

// Spelt so that Node finds the names for `import { … }` too.
module.exports = {
  Client,
  OpportunityList,
  updateOpportunity,
  update_opportunity: updateOpportunity,
  version,
  ...require('./errors.js'),
}
