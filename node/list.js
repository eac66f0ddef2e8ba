// A list of opportunities, which reads a page when it needs one.
'use strict'

const { handleFor, listenFor } = require('./abort.js')
const { start } = require('./calls.js')
const { failure } = require('./failure.js')

class OpportunityList {
  #pages
  #handle
  #signal
  #parse

  /** How many rows the CRM says the whole list has; null before the first page. */
  totalCount = null

  constructor(open, signal, parse) {
    this.#handle = handleFor(signal)
    this.#pages = open(this.#handle)
    this.#signal = signal
    this.#parse = parse
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      const [totalCount, rows] = await this.#page()
      this.totalCount = totalCount
      if (rows === null) return
      for (const row of rows) yield this.#parse(row)
    }
  }

  /** The next page, while which is read the signal ends it. */
  async #page() {
    const signal = this.#signal
    const listener = listenFor(signal, this.#handle)
    try {
      const text = await start((queue, call) => this.#pages.next(queue, call))
      if (typeof text !== 'string') throw failure(text, signal)
      return JSON.parse(text)
    } finally {
      listener.stop()
    }
  }
}

module.exports = { OpportunityList }
