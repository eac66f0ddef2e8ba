// A client whose calls are promises, and the same call with the environment's settings.

import { listen } from './abort.js'
import * as answer from './answer.js'
import { start } from './calls.js'
import { failure } from './failure.js'
import { OpportunityList } from './list.js'
import type { CancelHandle, CompletionQueue, ErrorData } from './native.cjs'
import * as native from './native.js'
import { NativeClient, NativeList } from './native.js'
import type {
  CallOptions,
  ClientOptions,
  FieldMapOptions,
  OpportunityQuery,
  UpdateOptions,
} from './options.js'
import type { FieldMap, Opportunity, QuotaStatus } from './records.js'
import { asked, told } from './tokens.js'
import type { Id, OpportunityUpdate } from './update.js'

/** The version of this package. */
export const version: string = native.version()

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

  /**
   * Makes a client; no connection is opened yet.
   *
   * @throws {ConfigError} with every fault of the settings.
   */
  constructor(options: ClientOptions) {
    this.#native = options instanceof NativeClient ? options : build(options)
  }

  /**
   * A client with the settings of the environment: `IKCRM_TOKEN`, or `IKCRM_LOGIN`,
   * `IKCRM_PASSWORD` and `IKCRM_CORP_ID`; `IKCRM_BASE_URL`, `IKCRM_EDITION`, `IKCRM_TIMEOUT`
   * (seconds), `IKCRM_MAX_RETRIES`, `IKCRM_CA_BUNDLE`, `IKCRM_PROXY` (`env`),
   * `IKCRM_SIGN_IN_INTERVAL` (seconds); and of the quota `IKCRM_QUOTA_CALLS`, `IKCRM_QUOTA_PER`,
   * `IKCRM_QUOTA_MAX_WAIT` (seconds), `IKCRM_QUOTA_STORE`, `IKCRM_QUOTA_KEY`,
   * `IKCRM_QUOTA_FALLBACK`, or `IKCRM_QUOTA=off`.
   *
   * @throws {ConfigError} with every fault of the settings.
   */
  static fromEnv(): Client {
    return new this(built(NativeClient.fromEnv()) as ClientOptions)
  }

  /**
   * Updates an opportunity: `PUT /api/v2/opportunities/:id`.
   *
   * @returns The opportunity as the CRM has it now.
   * `stage`, `source` and `kind` take ids or labels, `custom` keys or labels; labels are looked up
   * before.
   *
   * @throws {ValidationError} with every fault of the values, before anything is sent but look-ups.
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
    options: UpdateOptions & ({ partial: true } | { fill: true }),
  ): Promise<Opportunity>
  updateOpportunity(
    id: Id,
    fields: Partial<OpportunityUpdate>,
    options: UpdateOptions | null = null,
  ): Promise<Opportunity> {
    return run(answer.opportunity, options, (queue, call, cancel) => {
      const spelt = withRecordAsText(options)
      this.#native.updateOpportunity(queue, call, id, fields, spelt, cancel)
    })
  }

  /**
   * Reads an opportunity: `GET /api/v2/opportunities/:id`.
   *
   * @throws {ValidationError} when the id is wrong, and what a call can throw.
   */
  getOpportunity(id: Id, options: CallOptions | null = null): Promise<Opportunity> {
    return run(answer.opportunity, options, (queue, call, cancel) =>
      this.#native.getOpportunity(queue, call, id, options, cancel),
    )
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
   * @throws {ValidationError} with every fault of the query; the rows throw what a call can.
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
    return OpportunityList.open(open, options?.signal)
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
    const read = (json: string) => answer.fieldMap(json, entity)
    return run(read, options, (queue, call, cancel) => {
      const { refresh = false, ...others } = options ?? {}
      this.#native.fieldMap(queue, call, entity, Boolean(refresh), others, cancel)
    })
  }

  /**
   * Tells how much of the quota is used now; `null` when it is turned off.
   *
   * @throws {QuotaStoreError} when the quota's store cannot be reached.
   */
  quota(): Promise<QuotaStatus | null> {
    return run(answer.quotaStatus, null, (queue, call) => this.#native.quota(queue, call))
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
 * Forgets the client of the whole process: the next call reads the environment anew. For tests, and
 * for programs whose environment changes. Calls under way go on.
 */
export function resetClient(): void {
  shared = undefined
}

/** The same function as {@link updateOpportunity}, under the name that Python and Rust give it. */
export const update_opportunity: Client['updateOpportunity'] = updateOpportunity

/** The options with the record in `ifUnchanged` as the JSON text that the core reads. */
function withRecordAsText(options: UpdateOptions | null): unknown {
  const record = options?.ifUnchanged
  if (typeof record !== 'object' || record === null) return options
  return { ...options, ifUnchanged: JSON.stringify(record) }
}

/** The native client with these settings; what keeps tokens stays in JavaScript. */
function build(options: ClientOptions): InstanceType<typeof NativeClient> {
  if (typeof options !== 'object' || options === null)
    return built(NativeClient.build(options ?? null))
  const { tokenStore, onToken, ...settings } = options
  return built(NativeClient.build(settings, asked(tokenStore), told(onToken)))
}

/** The native client, unless an error came in its place. */
function built(client: InstanceType<typeof NativeClient> | ErrorData) {
  if (client instanceof NativeClient) return client
  throw failure(client)
}

/** Makes a call and reads what comes back; the error's stack goes on in the caller's `await`. */
async function run<T>(
  read: (json: string) => T,
  options: CallOptions | null,
  begin: (queue: CompletionQueue, call: number, cancel: CancelHandle | undefined) => void,
): Promise<T> {
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
