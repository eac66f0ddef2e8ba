// A list of opportunities, which reads a page when it needs one.

import { handleFor, listenFor } from './abort.js'
import { row } from './answer.js'
import { start } from './calls.js'
import { failure } from './failure.js'
import type { CancelHandle, NativeList } from './native.cjs'
import type { OpportunityRow } from './records.js'

type Signal = AbortSignal | null | undefined
type Open = (cancel: CancelHandle | undefined) => NativeList

/**
 * The rows of a list, for `for await`: a page is read when it is needed, and stopping early reads no
 * further one. A list is no snapshot: what is made or deleted while it is read may move rows from
 * page to page.
 */
export class OpportunityList implements AsyncIterable<OpportunityRow> {
  #pages: NativeList
  #handle: CancelHandle | undefined
  #signal: Signal
  #totalCount: number | null = null

  private constructor(open: Open, signal: Signal) {
    this.#handle = handleFor(signal)
    this.#pages = open(this.#handle)
    this.#signal = signal
  }

  /** @internal */
  static open(open: Open, signal: Signal): OpportunityList {
    return new OpportunityList(open, signal)
  }

  /** How many rows the CRM says the whole list has; `null` before the first page. */
  get totalCount(): number | null {
    return this.#totalCount
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OpportunityRow, void, undefined> {
    for (;;) {
      const [totalCount, rows] = await this.#page()
      this.#totalCount = totalCount
      if (rows === null) return
      for (const data of rows) yield row(data)
    }
  }

  /** The next page, while which is read the signal ends it. */
  async #page(): Promise<[number | null, object[] | null]> {
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
