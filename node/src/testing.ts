// A stand-in CRM for the tests of users' own programs, in their process.

import { opportunity } from './answer.js'
import { NativeSandbox } from './native.js'
import type { Quota } from './options.js'
import type { Opportunity } from './records.js'

/** What goes wrong with the connection: it is reset, nothing comes, what comes is no HTTP. */
export type Fault = 'reset' | 'hang' | 'garbage'

/** The calls of an endpoint, or those of one path, as `PUT /api/v2/opportunities/568587`. */
export type Route =
  | 'POST /api/v2/auth/login'
  | 'PUT /api/v2/opportunities/:id'
  | 'GET /api/v2/opportunities/:id'
  | 'GET /api/v2/opportunities'
  | 'GET /api/v2/field_maps/:entity'
  | 'GET /api/v2/custom_fields/:entity/by_group'
  | (string & {})

/** How a sandbox begins. */
export interface SandboxOptions {
  /** The token that lives for ever (`sandbox-token`). */
  token?: string | undefined
  /** Who may sign in, in place of `demo@example.com` and `group@example.com`. */
  accounts?: { login: string; password: string; corpIds: string[] }[] | undefined
  /** The port to listen on, on 127.0.0.1 (0, any free one). */
  port?: number | undefined
  /** How many calls to admit, of which `calls` and `perMs` count (`null`: any number). */
  quota?: Quota | null | undefined
  /** How many milliseconds each answer takes (0). */
  latencyMs?: number | undefined
}

/** What a sandbox is to hold. */
export interface Seed {
  /**
   * The fields that an update takes (`stage`, `source` and `kind` also by their labels, custom
   * fields by their keys) and any other keys of an answer. Without an id an opportunity gets one;
   * without a title or a customer it gets some.
   */
  opportunities?: Iterable<object> | undefined
  /** An `id`, a `name` and any other keys. */
  customers?: Iterable<object> | undefined
  /** An `id`, a `name` and any other keys. */
  users?: Iterable<object> | undefined
  /** Labels, or objects. */
  stages?: Iterable<string | { id: number | string; label: string; enabled?: boolean }> | undefined
}

/** How the next calls fail. */
export type Failure = {
  /** How many calls fail so (1). */
  times?: number | undefined
  /** Which calls fail (any). */
  route?: Route | undefined
} & (
  | {
      /** Answers with this HTTP status, 400 to 599; 429 with the CRM's `Retry later`. */
      status: number
    }
  | {
      /** Answers as the CRM refuses, with this code; 100401 is that of a dead token. */
      code: number
    }
  | {
      /** Breaks the connection. */
      fault: Fault
    }
)

/** A request that came. Tokens and passwords in it are masked by `•••`. */
export interface SentRequest {
  /** The method, such as `PUT`. */
  method: string
  /** The path, without the query. */
  path: string
  /** The parameters of the query. */
  query: URLSearchParams
  /** The endpoint, as `PUT /api/v2/opportunities/:id`; `null` when there is no such page. */
  route: string | null
  /** The headers, their names in lower case. */
  headers: Record<string, string>
  /** What the JSON of the body says, or the body's text; `null` when there was none. */
  body: any
}

/**
 * A stand-in CRM in this process, which begins with data as the vendor documents them.
 *
 * ```js
 * const sandbox = await Sandbox.start()
 * const client = new Client({ token: sandbox.token, baseUrl: sandbox.url })
 * sandbox.failNext({ status: 503 })
 * await client.updateOpportunity(568587, { title: 'ccc', customer_id: 1 }) // is tried again
 * assert.equal(sandbox.requests.at(-1).body.opportunity.title, 'ccc')
 * await sandbox.close()
 * ```
 *
 * It listens on 127.0.0.1 until `close`, and does not keep the process alive. Any number of
 * sandboxes may run at once.
 *
 * It holds the opportunity 568587 of customer 1522636, 60 more from 600001 on, and the customers 1,
 * 11, 12 and 13. Unless there are `accounts`, one may sign in as `demo@example.com` with
 * `demo-password`, and for the enterprises 1001 and 1002 as `group@example.com` with
 * `group-password`.
 */
export class Sandbox {
  #native: InstanceType<typeof NativeSandbox>

  /** The base URL. */
  readonly url: string
  /** The token that lives for ever. */
  readonly token: string

  private constructor(native: InstanceType<typeof NativeSandbox>, token: string) {
    this.#native = native
    this.url = native.url()
    this.token = token
  }

  /** Starts a sandbox. */
  static async start(options: SandboxOptions = {}): Promise<Sandbox> {
    const { token = 'sandbox-token', accounts = [], port = 0, latencyMs = 0 } = options
    const quota = callsOf(options.quota)
    return new this(new NativeSandbox(token, accounts, port, quota, latencyMs), token)
  }

  /**
   * The environment in which `Client.fromEnv` makes clients of this sandbox. They keep no quota, for
   * which tests would wait.
   */
  get env(): Record<string, string> {
    return { IKCRM_BASE_URL: this.url, IKCRM_TOKEN: this.token, IKCRM_QUOTA: 'off' }
  }

  /**
   * Puts in what is given, in place of what there is of it; the other kinds stay.
   *
   * ```js
   * sandbox.seed({
   *   customers: [{ id: 7, name: '某客户' }],
   *   opportunities: [{ id: 1, title: '一', customer_id: 7, stage: '赢单' }],
   * })
   * ```
   *
   * @throws when something is wrong; nothing is put in then.
   */
  seed(seed: Seed): void {
    const given = Object.entries(seed).map(([kind, items]) => [kind, items && [...items]])
    const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)
    this.#native.seed(JSON.stringify(Object.fromEntries(given), plain))
  }

  /**
   * Lets the next calls fail; one that fails is not carried out. Failures come in the order in which
   * they were planned.
   *
   * @throws when that cannot be.
   */
  failNext(failure: Failure): void {
    const { times = 1, route = null, ...how } = failure
    this.#native.failNext({ status: null, code: null, fault: null, ...how, times, route })
  }

  /** The requests that came, the oldest first; of more than 10,000 the newest. */
  get requests(): SentRequest[] {
    type Data = { query: string; headers: [string, string][] }
    const came = JSON.parse(this.#native.requests()) as (SentRequest & Data)[]
    return came.map((data) => ({
      ...data,
      query: new URLSearchParams(data.query),
      headers: Object.fromEntries(data.headers),
    }))
  }

  /** An opportunity as the sandbox holds it now; `null` when there is none. */
  opportunity(id: number): Opportunity | null {
    const json = this.#native.opportunity(id)
    return json === 'null' ? null : opportunity(json)
  }

  /** How many milliseconds each answer takes. It can be set, for the calls that come then. */
  get latencyMs(): number {
    return this.#native.latencyMs()
  }

  set latencyMs(milliseconds: number) {
    this.#native.setLatencyMs(milliseconds)
  }

  /**
   * How many calls are admitted; `null` when all are. It can be set. A call over quota gets the
   * CRM's `Retry later`.
   */
  get quota(): { calls: number; perMs: number } | null {
    return this.#native.quota()
  }

  set quota(quota: Quota | null) {
    this.#native.setQuota(callsOf(quota))
  }

  /** Makes all as it was at the start: data, tokens, settings, requests, planned failures. */
  reset(): void {
    this.#native.reset()
  }

  /** Stops: calls under way break off, and its threads and sockets are gone. */
  async close(): Promise<void> {
    this.#native.close()
  }

  /** Stops at the end of an `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function callsOf(quota: Quota | null | undefined) {
  if (quota === null || quota === undefined) return null
  return { calls: quota.calls ?? 10, perMs: quota.perMs ?? 10_000 }
}
