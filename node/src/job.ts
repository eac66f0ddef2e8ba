// `UpdateJob`: what a job tells of itself and of its rows.

import { inspect } from 'node:util'
import { fileURLToPath } from 'node:url'

import * as answer from './answer.js'
import { answered, type Prepare, run } from './calls.js'
import { JobStoppedError } from './errors.js'
import { failure } from './failure.js'
import type { ErrorData, NativeJob as Native } from './native.cjs'
import { NativeJob } from './native.js'
import type { WriteOptions } from './options.js'
import type { Id } from './update.js'

const PARSED = answered(answer.parsed)

/** The states of a row. Every row is in exactly one. */
export type RowState =
  | 'pending'
  | 'planned'
  | 'sending'
  | 'updated'
  | 'unchanged'
  | 'invalid'
  | 'duplicate'
  | 'not_found'
  | 'conflict'
  | 'refused'
  | 'failed'
  | 'unknown'
  | 'skipped'

/** How far a job is; `running` while somebody applies it. */
export type JobStatus = 'planning' | 'ready' | 'running' | 'stopped' | 'completed'

/** Why a job stopped before its end. */
export type StopReason =
  | 'cancelled'
  | 'invalid_rows'
  | 'max_errors'
  | 'max_updates'
  | 'max_duration'
  | 'limit'
  | 'outage'
  | 'auth'
  | 'wrong_enterprise'
  | 'storage'
  | 'killed'

/** The kinds of calls that a job makes. */
export type JobCall = 'list' | 'get' | 'update' | 'lookup' | 'sign_in'

/** What a row changes in a field. */
export interface Change {
  /** What the CRM had; `null` also when that is not known: see `JobRow.unread`. */
  before: unknown
  /** What is sent. */
  after: unknown
}

/** A row of a job. */
export interface JobRow {
  /** Its place in the order given, from 1. */
  number: number
  /** What you know it by. */
  key: string | null
  /** The opportunity's id. */
  id: number | null
  /** Its state. */
  state: RowState
  /** What it changes, by field. */
  changes: Record<string, Change>
  /** What is wrong, in a word or two. */
  error: string | null
  /** How often it was sent. */
  attempts: number
  /** What is wrong, and what to do. */
  message: string | null
  /** The fields that the CRM answered with another meaning than was sent. */
  notTaken: string[]
  /** What was given and is not sent: other columns, the values of an invalid row. */
  given: Record<string, unknown>
  /** The fields of which it is not known what the CRM had. */
  unread: string[]
  /** The labels that were given for options, by field. */
  labels: Record<string, string>
}

/** A cause for which rows are not as wanted. */
export interface JobProblem {
  /** The state of the rows. */
  state: RowState
  /** The cause, in a word or two. */
  cause: string
  /** How many rows have it. */
  rows: number
  /** Three of them at most. */
  examples: JobRow[]
}

/** How far a job is. */
export interface JobProgress {
  /** The number of rows in each state. */
  counts: Record<RowState, number>
  /** About how many calls are left. */
  callsToGo: number
  /** About how many milliseconds they take, where that is known. */
  timeLeftMs: number | null
  /** Why the job waits just now, if it does. */
  waiting: string | null
  /** All that in one line of text. */
  line: string
}

/**
 * Updates of many opportunities: the plan, the progress and the result, in one SQLite file.
 *
 * All that it tells is read from the file when it is asked, so it is right even while another process
 * works on the job. What cannot be read is a `JobFileError`.
 *
 * A job without a path of its own is deleted with this object once it is completed, or if nothing of
 * it was sent.
 */
export class UpdateJob {
  #native: Native

  private constructor(native: Native) {
    this.#native = native
  }

  /** @internal */
  static of(native: Native): UpdateJob {
    return new UpdateJob(native)
  }

  /** @internal */
  static innerOf(job: UpdateJob): Native {
    return job.#native
  }

  /** The job's file. */
  get path(): string {
    return this.#native.path
  }

  /** How far the job is; `running` while somebody applies it. */
  get status(): JobStatus {
    return told(this.#native.status())
  }

  /** Why it stopped, if it did. */
  get stopReason(): StopReason | null {
    return told(this.#native.stopReason())
  }

  /** Whether the job is completed, and every row is in the CRM as wanted. */
  get ok(): boolean {
    return told(this.#native.ok())
  }

  /** The number of rows in each state. They add up to the rows that were given. */
  get counts(): Record<RowState, number> {
    return numbers(told(this.#native.counts()))
  }

  /** How many calls the job made, by kind. */
  get calls(): Record<JobCall, number> {
    return numbers(told(this.#native.calls()))
  }

  /** About how many calls are left. */
  get callsToGo(): number {
    return told(this.#native.callsToGo())
  }

  /** About how many milliseconds they take, where that is known. */
  get timeLeftMs(): number | null {
    return told(this.#native.timeLeft())
  }

  /** The causes for which rows are not as wanted, the most frequent first. */
  get problems(): JobProblem[] {
    const problem = ([state, cause, rows, examples]: ProblemParts) => {
      return { state, cause, rows, examples: examples.map(jobRow) }
    }
    return told<ProblemParts[]>(this.#native.problems()).map(problem)
  }

  /**
   * The rows, or those in one state, in the order given; they are read as they are needed.
   *
   * ```js
   * for await (const row of job.rows({ state: 'conflict' })) console.log(row.id, row.message)
   * ```
   */
  async *rows({ state = null }: { state?: RowState | null | undefined } = {}): AsyncGenerator<
    JobRow,
    void,
    undefined
  > {
    let number = 0
    for (;;) {
      const read: Prepare = (calls) => [this.#native.rows(calls, state, number)]
      const rows = (await run(PARSED, null, read)) as RowParts[]
      if (rows.length === 0) return
      for (const parts of rows) {
        const row = jobRow(parts)
        number = row.number
        yield row
      }
    }
  }

  /**
   * Takes the rows with these ids, or these keys, out, unless they were sent.
   *
   * @returns How many it took out.
   * @throws {JobInUseError} while somebody works on the job.
   */
  async skip(which: { ids: Iterable<Id> } | { keys: Iterable<string> }): Promise<number> {
    const { ids = null, keys = null } = which as { ids?: Iterable<Id>; keys?: Iterable<string> }
    if ((ids === null) === (keys === null)) throw new TypeError('skip() takes either ids or keys')
    const skip: Prepare = (calls) => {
      return [this.#native.skip(calls, ids && [...ids], keys && [...keys])]
    }
    return (await run(PARSED, null, skip)) as number
  }

  /** The columns that were given, in their order. */
  get columns(): string[] {
    return told(this.#native.columns()) as string[]
  }

  /** How many cells of a sheet were read otherwise than they were written, by how. */
  get coerced(): Record<string, number> {
    return Object.fromEntries(told(this.#native.coerced()) as [string, number][])
  }

  /**
   * Writes the rows to an `.xlsx` or `.csv` file: the columns as they were given, then the row's state,
   * a message, what changes and when it was sent. It works on a plan, too, before anything is sent. A
   * file that is there is written over, but never the sheet that the rows came from.
   *
   * @returns The files that it wrote.
   * @throws {JobFileError} when it cannot be written.
   */
  async write(path: string | URL, options: WriteOptions | null = null): Promise<string[]> {
    const write: Prepare = (calls) => [this.#native.write(calls, pathOf(path), options)]
    return (await run(PARSED, null, write)) as string[]
  }

  /** All rows as plain data that `JSON.stringify` takes. */
  async toRecords(): Promise<JobRow[]> {
    const rows = []
    for await (const row of this.rows()) rows.push(row)
    return plain(rows)
  }

  /** Throws a `JobStoppedError` that tells the problems, unless the job is `ok`. */
  raiseForFailures(): void {
    try {
      told(this.#native.raiseForFailures())
    } catch (error) {
      throw withJob(error, this)
    }
  }

  /** The job in ten lines at most. */
  toString(): string {
    return told(this.#native.summary())
  }

  /** What the job tells of itself, but for its rows. */
  toJSON(): object {
    const { path, status, stopReason, ok, counts, calls, callsToGo, timeLeftMs } = this
    const problems = plain(this.problems)
    return { path, status, stopReason, ok, counts, calls, callsToGo, timeLeftMs, problems }
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    try {
      return this.toString()
    } catch (error) {
      return `UpdateJob ${this.path}: ${(error as Error).message}`
    }
  }
}

/**
 * Opens a job, even while another process works on it.
 *
 * @throws {JobFileError} when there is no such file, or it is no job.
 */
export function openJob(path: string | URL): UpdateJob {
  const job = NativeJob.open(pathOf(path))
  if (job instanceof NativeJob) return UpdateJob.of(job)
  throw failure(job)
}

/** The path that a file's URL stands for. */
export function pathOf(path: string | URL): string {
  if (path instanceof URL) return fileURLToPath(path)
  if (typeof path === 'string') return path
  throw new TypeError(`the path of a job must be a string or a URL, got ${inspect(path)}`)
}

/** The error, which tells its job if it is about one that stopped. */
export function withJob(error: unknown, job?: UpdateJob): unknown {
  if (!(error instanceof JobStoppedError)) return error
  const get = () => (job ??= openJob(error.path ?? ''))
  return Object.defineProperty(error, 'job', { get, configurable: true })
}

type ProblemParts = [RowState, string, number, RowParts[]]
type ChangeParts = [
  field: string,
  before: unknown,
  after: unknown,
  label: string | null,
  unread: boolean,
]
type RowFacts = [
  number: number,
  key: string | null,
  id: number | null,
  state: RowState,
  error: string | null,
  attempts: number,
  message: string | null,
  notTaken: string[],
]
type RowParts = [facts: RowFacts, changes: ChangeParts[], given: Record<string, unknown>]
type ProgressParts = [[string, number][], number, number | null, string | null, string]

/** A row of its JSON text. */
export function rowOf(json: string): JobRow {
  return jobRow(answer.parsed(json) as RowParts)
}

/** How far a job is, of its JSON text. */
export function progressOf(json: string): JobProgress {
  const [counts, callsToGo, timeLeftMs, waiting, line] = JSON.parse(json) as ProgressParts
  return { counts: numbers(counts), callsToGo, timeLeftMs, waiting, line }
}

function jobRow([facts, changes, given]: RowParts): JobRow {
  const [number, key, id, state, error, attempts, message, notTaken] = facts
  const labelled = changes.filter((change) => change[3] !== null)
  return {
    number,
    key,
    id,
    state,
    changes: Object.fromEntries(changes.map(([name, before, after]) => [name, { before, after }])),
    error,
    attempts,
    message,
    notTaken,
    given,
    unread: changes.filter((change) => change[4]).map(([field]) => field),
    labels: Object.fromEntries(labelled.map(([field, , , label]) => [field, label as string])),
  }
}

/** What was read from the file. */
function told<T>(read: string | ErrorData): T {
  if (typeof read === 'string') return answer.parsed(read) as T
  throw failure(read)
}

function numbers<K extends string>(pairs: [string, number][]): Record<K, number> {
  return Object.fromEntries(pairs) as Record<K, number>
}

/** The same data with text in the place of a bigint, which JSON does not have. */
function plain<T>(data: T): T {
  const spelt = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
  return JSON.parse(JSON.stringify(data, spelt)) as T
}
