// A list of opportunities, which reads a page when it needs one.

import { handleFor, listenFor } from './abort.js'
import { page } from './answer.js'
import { answered, type Prepare, run } from './calls.js'
import { watch } from './events.js'
import type { CancelHandle, NativeList } from './native.cjs'
import type { ClientOptions } from './options.js'
import type { Answered, CallMeta, OpportunityRow } from './records.js'

type OnEvent = ClientOptions['onEvent']
type Signal = AbortSignal | null | undefined
type Open = (cancel: CancelHandle | undefined) => NativeList

const PAGE = answered(page)

/**
 * The rows of a list, for `for await`: a page is read when it is needed, and stopping early reads no
 * further one. Every row comes once: a second loop continues where the first one stopped, also after
 * an error, and one after the end gets nothing. A list is no snapshot: what is made or deleted while
 * it is read may move rows from page to page.
 */
export class OpportunityList implements AsyncIterable<OpportunityRow> {
  #pages: NativeList
  #handle: CancelHandle | undefined
  #signal: Signal
  #onEvent: OnEvent
  #totalCount: number | null = null
  #meta: CallMeta | null = null
  /** What was read and not yet given, the next row last. */
  #rows: OpportunityRow[] = []
  #reading: Promise<boolean> | undefined

  private constructor(open: Open, signal: Signal, onEvent: OnEvent) {
    this.#handle = handleFor(signal)
    this.#pages = open(this.#handle)
    this.#signal = signal
    this.#onEvent = onEvent
  }

  /** @internal */
  static open(open: Open, signal: Signal, onEvent: OnEvent): OpportunityList {
    return new OpportunityList(open, signal, onEvent)
  }

  /** How many rows the CRM says the whole list has; `null` before the first page. */
  get totalCount(): number | null {
    return this.#totalCount
  }

  /** What the page cost that was read last; `null` before the first. */
  get meta(): CallMeta | null {
    return this.#meta
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OpportunityRow, void, undefined> {
    for (;;) {
      const row = this.#rows.pop()
      if (row !== undefined) yield row
      else if (!(await this.#more())) return
    }
  }

  /** Reads the next page, once for all loops that wait for it; tells whether there was one. */
  #more(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  /** The signal ends the list's calls only while a page is read. */
  async #read(): Promise<boolean> {
    const listen = (signal: Signal) => listenFor(signal, this.#handle)
    const prepare: Prepare = (calls) => [this.#pages.next(calls), watch(this.#onEvent)]
    const read = await run(PAGE, { signal: this.#signal }, prepare, listen)
    const [total, rows] = read
    this.#meta = (read as Answered).meta ?? null
    this.#totalCount = total
    if (rows) this.#rows = rows.reverse()
    return rows !== null
  }
}
