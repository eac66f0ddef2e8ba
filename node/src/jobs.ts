// Runs jobs of updates: takes their options apart, hands rows over, calls the callbacks.

import { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'

import * as answer from './answer.js'
import { answered, run, type Tell } from './calls.js'
import { openJob, pathOf, progressOf, rowOf, UpdateJob, withJob } from './job.js'
import type { CallQueue, CancelHandle, JobReply, NativeClient } from './native.cjs'
import { NativeJob } from './native.js'
import type { ApplyOptions, JobRows, PlanOptions, UpdateManyOptions } from './options.js'
import type { Sheet, SheetOptions } from './options.js'
import { Line } from './progress.js'
import { withSheet } from './sheet.js'
import { CLEAR } from './update.js'

const NOTHING = answered(answer.nothing)

/** How many rows are handed over at a time. */
const CHUNK = 200

type Options = Partial<UpdateManyOptions> | null | undefined
type Ask = (what: 'rows' | 'row' | 'progress', json: string | null, reply: JobReply) => void
type Start = (
  calls: CallQueue,
  options: unknown,
  watched: string[],
  ask: Ask,
  cancel: CancelHandle | undefined,
) => number

/** Plans a job. */
export async function plan(
  client: NativeClient,
  rows: JobRows | Sheet,
  options: SheetOptions | null,
  tell: Tell,
): Promise<UpdateJob> {
  const place = new NativeJob()
  const planned = await withSheet(rows, async (path) => {
    const start: Start = (calls, ...others) => client.planSheet(calls, place, path, ...others)
    await conduct(start, plannable(options), tell)
  })
  if (planned) return UpdateJob.of(place)
  const source = new Source(rows as JobRows)
  const start: Start = (calls, ...others) => client.planUpdates(calls, place, ...others)
  await conduct(start, plannable(options), tell, source)
  return UpdateJob.of(place)
}

/** Plans the undo of a job. */
export async function undo(
  client: NativeClient,
  job: UpdateJob | string | URL,
  options: PlanOptions | null,
  tell: Tell,
): Promise<UpdateJob> {
  const place = new NativeJob()
  const start: Start = (calls, ...others) => {
    return client.planUndo(calls, UpdateJob.innerOf(opened(job)), place, ...others)
  }
  await conduct(start, plannable(options), tell)
  return UpdateJob.of(place)
}

/** Works a job off. */
export async function apply(
  client: NativeClient,
  given: UpdateJob | string | URL,
  options: ApplyOptions | null,
  tell: Tell,
): Promise<UpdateJob> {
  const job = opened(given)
  try {
    const start: Start = (calls, ...others) => {
      return client.applyUpdates(calls, UpdateJob.innerOf(job), ...others)
    }
    await conduct(start, options, tell)
  } catch (error) {
    throw withJob(error, job)
  }
  return job
}

/** The options of `applyUpdates` that `planUpdates` does not take. */
const APPLY_ONLY = [
  ...['skipInvalid', 'onConflict', 'retry', 'maxErrors', 'maxUpdates', 'maxDurationMs', 'maxAgeMs'],
  ...['limit', 'quotaShare', 'onRow'],
]

/** The options of `planUpdates` that `applyUpdates` does not take. */
const PLAN_ONLY = [
  ...['job', 'id', 'key', 'columns', 'empty', 'compare', 'onDuplicate', 'asOf', 'partial'],
  ...['sheet', 'header', 'encoding', 'delimiter', 'coerce', 'clearText'],
]

/** Plans and applies. */
export async function update(
  client: NativeClient,
  rows: JobRows | Sheet,
  options: UpdateManyOptions | null,
  tell: Tell,
): Promise<UpdateJob> {
  const { confirm, ...others } = given(options)
  // What is no function stays, where it is refused.
  const wrong = typeof confirm === 'function' || !confirm ? {} : { confirm }
  const planning = { ...without(others, APPLY_ONLY), ...wrong } as PlanOptions
  const job = await plan(client, rows, planning, tell)
  if (confirm && (await confirm(job)) !== true) return job
  return await apply(client, job, without(others, PLAN_ONLY), tell)
}

function without(options: object, names: string[]): object {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)))
}

function opened(job: UpdateJob | string | URL): UpdateJob {
  return job instanceof UpdateJob ? job : openJob(job)
}

/** The options in an object of our own. */
function given<T extends object>(options: T | null | undefined): Partial<T> {
  if (typeof options === 'object' || options === undefined) return { ...options }
  throw new TypeError(`options must be an object, got ${inspect(options)}`)
}

/** The options as the core takes them. */
function plannable(options: PlanOptions | null): Options {
  const named = given(options)
  const { job, asOf } = named
  if (job instanceof URL) named.job = pathOf(job)
  if (asOf instanceof Date && !Number.isNaN(asOf.getTime())) named.asOf = minuteInChina(asOf)
  return named
}

function minuteInChina(time: Date): string {
  const there = new Date(time.getTime() + 8 * 3_600_000)
  return there.toISOString().slice(0, 16).replace('T', ' ')
}

/** Runs a job, and throws what the caller's own code threw amid it. */
async function conduct(start: Start, options: Options, tell: Tell, source?: Source): Promise<void> {
  const watch = new Watch(options, source)
  const ask = AsyncResource.bind(watch.ask)
  try {
    await run(NOTHING, options, (calls, cancel) => {
      return [start(calls, watch.others, watch.watched, ask, cancel), tell]
    })
  } catch (error) {
    throw watch.thrown ? watch.thrown.error : withJob(error)
  } finally {
    watch.end()
  }
}

/** Takes the callbacks out of options, and answers the core's questions. */
class Watch {
  /** The options that the core reads: what is no callback is refused there. */
  readonly others: Record<string, unknown>
  readonly watched: string[] = []
  thrown: { error: unknown } | undefined
  #onRow: ApplyOptions['onRow']
  #onProgress: ApplyOptions['onProgress']
  #line: Line | undefined
  #source: Source | undefined

  constructor(options: Options, source: Source | undefined) {
    this.others = { ...given(options) }
    this.#source = source
    this.#onRow = this.#take('onRow', 'function')
    this.#onProgress = this.#take('onProgress', 'function')
    if (this.#take('progress', 'boolean')) this.#line = new Line(process.stderr)
    if (this.#onRow) this.watched.push('row')
    if (this.#onProgress || this.#line) this.watched.push('progress')
  }

  #take<T>(name: string, type: string): T | undefined {
    const value = this.others[name]
    if (value !== null && value !== undefined && typeof value !== type) return undefined
    delete this.others[name]
    return value as T
  }

  /** Answers a question; the core asks no other until then. */
  readonly ask = async (what: string, json: string | null, reply: JobReply): Promise<void> => {
    try {
      if (what === 'rows') return await this.#source?.give(reply)
      if (what === 'row') await this.#onRow?.(rowOf(json ?? ''))
      else await this.#tell(json ?? '')
      reply.done()
    } catch (error) {
      this.thrown ??= { error }
      reply.fail()
    }
  }

  async #tell(json: string): Promise<void> {
    const progress = progressOf(json)
    this.#line?.write(progress.line)
    await this.#onProgress?.(progress)
  }

  end(): void {
    this.#line?.end()
    this.#source?.end()
  }
}

/** The rows that a caller gave. */
class Source {
  #iterator: Iterator<unknown> | AsyncIterator<unknown>
  #isAsync: boolean
  #ended = false

  constructor(rows: JobRows) {
    const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = Object(rows ?? {})
    const iterate = later ?? now
    if (typeof iterate !== 'function') {
      const got = inspect(rows, { depth: 0 }).slice(0, 60)
      throw new TypeError(`rows must be an array, an iterable or an async iterable, got ${got}`)
    }
    this.#iterator = iterate.call(rows)
    this.#isAsync = iterate === later
  }

  /** Hands the next rows over. */
  async give(reply: JobReply): Promise<void> {
    const rows = []
    while (rows.length < CHUNK && !this.#ended) {
      const next = this.#iterator.next()
      // An array is taken without a turn of the loop for each of its rows.
      const { done, value } = (this.#isAsync ? await next : next) as IteratorResult<unknown>
      if (done) this.#ended = true
      else rows.push(value)
    }
    reply.rows(rows, CLEAR, this.#ended)
  }

  /** Tells the iterable that no more is taken, and waits for nothing: it may never answer. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    const left = async () => await this.#iterator.return?.()
    left().catch(() => {})
  }
}
