// A client whose calls are promises, and the same call with the environment's settings.

import { inspect } from 'node:util'

import * as answer from './answer.js'
import { answered, run } from './calls.js'
import { watch } from './events.js'
import { failure } from './failure.js'
import type { UpdateJob } from './job.js'
import * as jobs from './jobs.js'
import { OpportunityList } from './list.js'
import type { CancelHandle, ErrorData } from './native.cjs'
import * as native from './native.js'
import { NativeClient, NativeList } from './native.js'
import type {
  ApplyOptions,
  CallOptions,
  ClientOptions,
  FieldMapOptions,
  JobRows,
  Sheet,
  SheetOptions,
  OpportunityQuery,
  PlanOptions,
  UpdateManyOptions,
  UpdateOptions,
} from './options.js'
import type { FieldMap, Opportunity, QuotaStatus } from './records.js'
import { asked, isStore, told } from './tokens.js'
import type { Id, OpportunityUpdate } from './update.js'

/** The version of this package. */
export const version: string = native.version()

const OPPORTUNITY = answered(answer.opportunity)
const QUOTA = answered(answer.quotaStatus)
const NOTHING = answered(answer.nothing)

/**
 * A client of one CRM with one token. Any number of its calls may be under way at once; they run
 * on threads of their own and share connections.
 *
 * ```js
 * const client = new Client({ token: 'the open-API token' })
 * const opportunity = await client.updateOpportunity(568587, { title: 'ccc', customer_id: 1 })
 * ```
 */
export class Client {
  #native: InstanceType<typeof NativeClient>
  #onEvent: ClientOptions['onEvent']

  /**
   * Makes a client; no connection is opened yet.
   *
   * @throws {ConfigError} when settings are wrong; lists them all.
   */
  constructor(options: ClientOptions) {
    const made = options instanceof NativeClient
    this.#native = made ? options : build(options)
    this.#onEvent = made ? undefined : options.onEvent
  }

  /**
   * A client with the settings of the environment, as `process.env` has it. A variable is `IKCRM_`
   * and a setting's name in capitals, such as `IKCRM_TOKEN` or `IKCRM_CORP_ID`, and `IKCRM_QUOTA_` and
   * that of one of the quota's; the guide lists them. Times are in seconds, `IKCRM_APP_INFO` is
   * `name/version`, and `IKCRM_QUOTA=off` turns the quota off. What `overrides` has stands in their
   * place, but for what is `null` there and not the quota.
   *
   * @throws {ConfigError} when settings are wrong; lists them all.
   */
  static fromEnv(overrides: ClientOptions = {}): Client {
    const client = new this(build(overrides, true) as ClientOptions)
    client.#onEvent = overrides.onEvent
    return client
  }

  /** What `console.log` shows: no secret. */
  [inspect.custom](): string {
    return `Client <${this.#native.summary()}>`
  }

  /**
   * Updates an opportunity: `PUT /api/v2/opportunities/:id`.
   *
   * @returns The opportunity as the CRM has it now.
   * `stage`, `source` and `kind` take ids or labels, `custom` keys or labels; labels are looked up
   * before.
   *
   * @throws {ValidationError} when values are wrong; lists them all. At most labels were looked up.
   * @throws {ConflictError} when the opportunity differs from `ifUnchanged`; it was not updated.
   * @throws {ApiError} when the CRM refused: `AuthError`, `NotFoundError`,
   *   `InvalidParametersError`, `RateLimitedError`, `ServerError`, or itself.
   * @throws {TransportError} when the CRM could not be reached or the connection broke;
   *   `RequestTimeoutError` when the time ran out.
   * @throws {InvalidAnswerError} when what came back is not an answer of this API.
   * @throws {CancelledError} when the signal was aborted.
   */
  updateOpportunity(
    id: Id,
    fields: OpportunityUpdate,
    options?: UpdateOptions | null,
  ): Promise<Opportunity>
  /** Updates an opportunity with some of the required fields left out, or filled. */
  updateOpportunity(
    id: Id,
    fields: Partial<OpportunityUpdate>,
    options: UpdateOptions & ({ partial: boolean } | { fill: boolean }),
  ): Promise<Opportunity>
  updateOpportunity(
    id: Id,
    fields: Partial<OpportunityUpdate>,
    options: UpdateOptions | null = null,
  ): Promise<Opportunity> {
    return run(OPPORTUNITY, options, (calls, cancel) => {
      const [others, record] = withRecordAsText(options)
      const call = this.#native.updateOpportunity(calls, id, fields, others, cancel, record)
      return [call, watch(this.#onEvent)]
    })
  }

  /**
   * Reads an opportunity: `GET /api/v2/opportunities/:id`.
   *
   * @throws {ValidationError} when the id is wrong, and what a call can throw.
   */
  getOpportunity(id: Id, options: CallOptions | null = null): Promise<Opportunity> {
    return run(OPPORTUNITY, options, (calls, cancel) => {
      const call = this.#native.getOpportunity(calls, id, options, cancel)
      return [call, watch(this.#onEvent)]
    })
  }

  /**
   * Lists opportunities: `GET /api/v2/opportunities`, a page when it is needed. Rows are flat, as
   * the CRM serves them. A `timeoutMs` is one page's. The vendor does not document the endpoint;
   * other clients use it.
   *
   * ```js
   * for await (const row of client.listOpportunities({ stage: '谈判/合同' })) console.log(row.title)
   * ```
   *
   * @throws {ValidationError} when the query is wrong; lists all problems. The rows throw what a call can.
   */
  listOpportunities(
    query: OpportunityQuery | null = null,
    options: CallOptions | null = null,
  ): OpportunityList {
    const open = (cancel: CancelHandle | undefined) => {
      const list = this.#native.listOpportunities(query, options, cancel)
      if (list instanceof NativeList) return list
      throw failure(list)
    }
    return OpportunityList.open(open, options?.signal, this.#onEvent)
  }

  /**
   * Reads the options of an entity's fields: `GET /api/v2/field_maps/:entity`. The client keeps them
   * for ten minutes. The vendor does not document the endpoint; other clients use it.
   *
   * @throws {ValidationError} when there is no such entity, and what a call can throw.
   */
  fieldMap(
    entity: 'opportunity' | (string & {}) = 'opportunity',
    options: FieldMapOptions | null = null,
  ): Promise<FieldMap> {
    const map = answered((json) => answer.fieldMap(json, entity))
    return run(map, options, (calls, cancel) => {
      const call = this.#native.fieldMap(calls, entity, options, cancel)
      return [call, watch(this.#onEvent)]
    })
  }

  /**
   * Plans updates of many opportunities: checks the rows, compares them with the CRM, and writes
   * nothing there. A row without an id, or with a value that `updateOpportunity` would refuse, is
   * `invalid` and stays in the job. `title` and `customer_id` need not be given. The path of an `.xlsx`,
   * `.xls`, `.ods`, `.csv` or `.tsv` file, and a stream of a `.csv` file's text, are rows too.
   *
   * ```js
   * const job = await client.planUpdates([{ id: 600001, stage: '赢单' }], { job: 'q3.job' })
   * console.log(job)
   * await client.applyUpdates(job)
   * ```
   *
   * @throws {JobFileError} when the path holds anything else than a job of the same rows and options.
   * @throws {JobStoppedError} when comparing stopped; make the same call again to continue.
   */
  async planUpdates(
    rows: JobRows | Sheet,
    options: SheetOptions | null = null,
  ): Promise<UpdateJob> {
    return await jobs.plan(this.#native, rows, options, watch(this.#onEvent))
  }

  /**
   * Carries out a job; it continues where it stopped, also after a crash. Each row is in the file as
   * `sending` before its first byte leaves; nothing is sent blindly twice.
   *
   * @returns The job when it is completed, or was stopped by `limit` or `maxDurationMs`.
   * @throws {JobStoppedError} when something else stopped it; make the same call again to continue.
   * @throws {CancelledError} when the signal was aborted. A call under way has two seconds to end.
   * @throws {JobInUseError} while somebody else works on it.
   */
  async applyUpdates(
    job: UpdateJob | string | URL,
    options: ApplyOptions | null = null,
  ): Promise<UpdateJob> {
    return await jobs.apply(this.#native, job, options, watch(this.#onEvent))
  }

  /** Plans and applies in one call; a job file of the same rows continues. */
  async updateOpportunities(
    rows: JobRows | Sheet,
    options: UpdateManyOptions | null = null,
  ): Promise<UpdateJob> {
    return await jobs.update(this.#native, rows, options, watch(this.#onEvent))
  }

  /**
   * Plans a job that restores what another one changed: its updated rows, which must still be as
   * that job left them.
   */
  async planUndo(
    job: UpdateJob | string | URL,
    options: PlanOptions | null = null,
  ): Promise<UpdateJob> {
    return await jobs.undo(this.#native, job, options, watch(this.#onEvent))
  }

  /**
   * Tells how much of the quota is used now; `null` when it is turned off.
   *
   * @throws {QuotaStoreError} when the quota's store cannot be used.
   */
  quota(): Promise<QuotaStatus | null> {
    return run(QUOTA, null, (calls) => [this.#native.quota(calls)])
  }

  /**
   * Ends the client: calls that wait, for the quota or a retry, reject at once with a
   * `CancelledError`; those whose request is under way may go on for `timeoutMs` (5000) and are then
   * ended too. Later calls reject at once. The quota and an account's session live on as long as any
   * client uses them.
   */
  async close({ timeoutMs = 5000 }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    await run(NOTHING, null, (calls) => [this.#native.close(calls, timeoutMs)])
  }

  /** Ends the client at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

let shared: Client | undefined

/**
 * Updates an opportunity with a client of the whole process, made of the environment's settings on
 * first use; see {@link Client.fromEnv} and {@link Client.updateOpportunity}.
 *
 * @throws {ConfigError} when the settings are wrong, and what the client's method throws.
 */
export const updateOpportunity: Client['updateOpportunity'] = async (
  id: Id,
  fields: Partial<OpportunityUpdate>,
  options?: UpdateOptions | null,
) => {
  shared ??= Client.fromEnv()
  return await shared.updateOpportunity(id, fields as OpportunityUpdate, options)
}

/**
 * Forgets the client of the whole process: the next call reads the environment again. For tests, and
 * for programs whose environment changes. Calls under way go on.
 */
export function resetClient(): void {
  shared = undefined
}

/** The same function as {@link updateOpportunity}, under the name that Python and Rust give it. */
export const update_opportunity: Client['updateOpportunity'] = updateOpportunity

/** The options, and beside them the record in `ifUnchanged` as the JSON text that the core reads. */
function withRecordAsText(options: UpdateOptions | null): [options: unknown, record?: string] {
  const record: unknown = options?.ifUnchanged
  if (!isData(record)) return [options]
  const { ifUnchanged: _, ...others } = options as UpdateOptions
  const spelt = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
  // What spells itself as nothing is no record either, and must not let the update go.
  return [others, JSON.stringify(record, spelt) ?? 'null']
}

/** Whether this may be a record or settings; anything else is refused by its name. */
function isData(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]'
}

/** The variables that name a proxy, whose names may be in capitals. */
const PROXY = ['https_proxy', 'all_proxy', 'no_proxy']

/** What the core reads of `process.env`, which in a worker and in Jest is not the process's own. */
function variables(): Record<string, string> {
  const ours = (name: string) => name.startsWith('IKCRM_') || PROXY.includes(name.toLowerCase())
  const entries = Object.entries(process.env).filter(([name]) => ours(name))
  return Object.fromEntries(entries) as Record<string, string>
}

/** The native client with these settings; what keeps tokens stays in JavaScript. */
function build(options: ClientOptions, fromEnv = false): InstanceType<typeof NativeClient> {
  if (!isData(options)) return built(NativeClient.build(options ?? null, null, false))
  // What is no store and no hook stays among the settings, where it is refused.
  const settings: ClientOptions = { ...options }
  const { tokenStore, onToken } = settings
  if (isStore(tokenStore)) delete settings.tokenStore
  if (typeof onToken === 'function') delete settings.onToken
  if (typeof settings.onEvent === 'function') delete settings.onEvent
  return built(
    NativeClient.build(
      settings,
      fromEnv || settings.proxy === 'env' ? variables() : null,
      fromEnv,
      isStore(tokenStore) ? asked(tokenStore) : undefined,
      typeof onToken === 'function' ? told(onToken) : undefined,
    ),
  )
}

/** The native client, unless an error came in its place. */
function built(client: InstanceType<typeof NativeClient> | ErrorData) {
  if (client instanceof NativeClient) return client
  throw failure(client)
}
