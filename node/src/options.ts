// The settings of a client, of its quota and of one call.

import type { JobProgress, JobRow, RowState, UpdateJob } from './job.js'
import type { Opportunity } from './records.js'
import type { Id } from './update.js'

/** What a call does differently from its client. */
export interface CallOptions {
  // <generated: call>, by `make generate`
  /**
   * The milliseconds that the call may take with all its retries, once it has its slot of the quota
   * (the client's).
   */
  timeoutMs?: number | null | undefined
  /** How often the call is made again after a passing failure, 0 to 10 (the client's). */
  maxRetries?: number | null | undefined
  /** The milliseconds that each attempt may wait for a slot of the quota (the quota's). */
  maxWaitMs?: number | null | undefined
  /**
   * The milliseconds that the call may take from now on, waits for the quota included (none). A
   * call that cannot make it fails at once with a `QuotaExceededError`, which says when it could
   * start.
   */
  deadlineMs?: number | null | undefined
  /**
   * `batch` stands behind all other calls that wait for the quota, and uses at most 80 % of it
   * (`normal`).
   */
  priority?: 'normal' | 'batch' | null | undefined
  /** Headers of this call, in the place of the client's; `null` as a value takes one away. */
  headers?: Record<string, string | null> | null | undefined
  /**
   * Ends the call from outside within about a tenth of a second, with a `CancelledError` (none): by
   * the abort of this signal.
   */
  signal?: AbortSignal | null | undefined
  // </generated>
}

/** What an update does differently. */
export interface UpdateOptions extends CallOptions {
  // <generated: update>, by `make generate`
  /**
   * Lets the update go without `title` or `customer_id` (false). The API's page requires both; a
   * client in the field was seen to succeed without.
   */
  partial?: boolean | null | undefined
  /**
   * Fills `title` and `customer_id`, where they are not given, with what the opportunity has
   * (false), so that one field can be changed by itself. That takes two calls: it is read first.
   * What somebody else changes in these two fields between the calls is changed back.
   */
  fill?: boolean | null | undefined
  /**
   * Updates only if the opportunity is still as in this record, which an earlier call returned
   * (none); otherwise the call fails with a `ConflictError`, which names the fields that differ.
   * That takes two calls. It finds what was changed before the reading, not what is changed between
   * it and the update: the API has no way to update on a condition.
   */
  ifUnchanged?: Opportunity | null | undefined
  // </generated>
}

/** What the reading of a field map does differently. */
export interface FieldMapOptions extends CallOptions {
  // <generated: field_map>, by `make generate`
  /** Reads the map anew although the client has it (false). */
  refresh?: boolean | null | undefined
  // </generated>
}

/** Which opportunities to list, and how; what is left out is left to the CRM. */
export interface OpportunityQuery {
  // <generated: query>, by `make generate`
  /** Only those at this sales stage (销售阶段), by its id or its label. */
  stage?: Id | null | undefined
  /** Only those that the CRM finds by this text. */
  query?: string | null | undefined
  /** The key to order by, such as `created_at`. */
  sort?: string | null | undefined
  /** The direction of the order. */
  order?: 'asc' | 'desc' | null | undefined
  /** Only those made from the first to the last of these days (`YYYY-MM-DD`), in China's time. */
  created_between?: [string, string] | null | undefined
  /** How many rows a page has, 1 to 100 (100, so that a list takes the fewest calls). */
  per_page?: number | null | undefined
  // </generated>
}

/** How many calls may be made in any stretch of time, by whom together. */
export interface Quota {
  // <generated: quota>, by `make generate`
  /** How many calls may be made in any stretch of `perMs`, 1 to 1000 (10). */
  calls?: number | null | undefined
  /** The milliseconds of this stretch, up to an hour (10000). */
  perMs?: number | null | undefined
  /**
   * The milliseconds to wait for a slot (as long as it takes). A call that cannot have one by then
   * fails at once with a `QuotaExceededError`.
   */
  maxWaitMs?: number | null | undefined
  /**
   * Where the slots are kept (in this process). `file:///absolute/path` shares them with the
   * processes of this machine, `redis://user:password@host:6379/0` (`rediss://` for TLS) with those
   * of other machines too.
   */
  store?: string | null | undefined
  /**
   * Who counts together (clients of one host and `corpId`, else login, else token). A shared store
   * needs it when only a token store is given.
   */
  key?: string | null | undefined
  /**
   * What part of the calls this process may make while the store is away, more than 0 and at most 1
   * (none). Without it such calls fail with a `QuotaStoreError`. It holds only while the store is
   * away for all processes alike, and as far as their parts add up to no more than 1.
   */
  fallback?: number | null | undefined
  /** The password of the Redis server (none), so that it need not stand in the store's URL. */
  password?: string | null | undefined
  // </generated>
}

/** Where programs that share an account share its token, such as a file or a database. */
export interface TokenStore {
  /** The token that is kept, if any. What it throws ends the call as a `TokenStoreError`. */
  get(): string | null | undefined | Promise<string | null | undefined>
  /** Keeps the token of a new sign-in. */
  set(token: string): unknown
}

/** What can happen in a call. */
export type CallEventName =
  | 'call_started'
  | 'call_finished'
  | 'quota_wait_began'
  | 'quota_wait_long'
  | 'quota_wait_ended'
  | 'attempt_sent'
  | 'attempt_answered'
  | 'retry_planned'
  | 'signed_in'
  | 'lookup_made'
  | 'quota_blocked'
  | 'store_warning'
  | 'token_store_asked'

/** Something that happened in a call. None of it tells a body, a token or a person. */
export interface CallEvent {
  /** What happened. */
  name: CallEventName
  /** The call, among those of this machine. */
  callId: string
  /** When it happened, counted from the call's start. */
  atMs: number
  /** The HTTP method of the call or the attempt. */
  method?: string
  /** The endpoint, such as `/api/v2/opportunities/:id`. */
  route?: string
  /** The number of the request in its call, from 1: of the call itself, a look-up, a sign-in. */
  attempt?: number
  /** How many requests the call made. */
  attempts?: number
  /** How many of them were look-ups of labels. */
  lookups?: number
  /** How long it took. */
  elapsedMs?: number
  /** How long the call waited for the quota, or is to wait. */
  waitMs?: number
  /** How long the call waited for the quota in all. */
  quotaWaitMs?: number
  /** The answer's HTTP status. */
  status?: number
  /** The CRM's code, if it refused. */
  apiCode?: number
  /** The `code` of the error, as in `IkcrmError.code`. */
  errorCode?: string
  /** Whether an attempt went over a connection of an earlier one. */
  reused?: boolean
  /** What the token store was asked. */
  action?: 'get' | 'set'
  /** What is wrong with the quota's store. */
  warning?: 'stricter' | 'evicts' | 'lost'
  /** The same in a sentence. */
  message?: string
}

/** The settings of a client. */
export interface ClientOptions {
  // <generated: client>, by `make generate`
  /** The open-API token, if you do not sign in. It is sent in a header and shown nowhere. */
  token?: string | null | undefined
  /** The account to sign in with when there is no token or it has expired. */
  login?: string | null | undefined
  /** The account's password. It is shown nowhere. */
  password?: string | null | undefined
  /** Which of the account's enterprises to sign in to (its only one). */
  corpId?: string | null | undefined
  /**
   * The least milliseconds from one sign-in to the next, up to a day (60000): each sign-in ends the
   * account's older token.
   */
  signInIntervalMs?: number | null | undefined
  /**
   * The CRM's base URL, for a host that no edition names: https, or http to this machine. A
   * `/api/v2` at its end is dropped.
   */
  baseUrl?: string | null | undefined
  /**
   * The CRM's edition, which names the host: `standalone` 独立版, `wecom` 企微版 or `dingtalk` 钉钉版
   * (`standalone`).
   */
  edition?: 'standalone' | 'wecom' | 'dingtalk' | null | undefined
  /**
   * The milliseconds that a call may take with all its retries, once it has its slot of the quota;
   * up to an hour (30000).
   */
  timeoutMs?: number | null | undefined
  /** How often a call is made again after a passing failure, 0 to 10 (2). */
  maxRetries?: number | null | undefined
  /** The path of a PEM file of certificates to trust besides those of `tlsRoots` (none). */
  caBundle?: string | null | undefined
  /**
   * The path of the PEM certificate, with its chain, for a gateway that asks for one by mutual TLS
   * (none). It is never shown to a proxy.
   */
  clientCert?: string | null | undefined
  /** The path of its PEM key, without a password (the file of `clientCert`). */
  clientKey?: string | null | undefined
  /**
   * The URL of an HTTP proxy, `http://user:password@host:port`, or `env` to follow `https_proxy`,
   * `all_proxy` and `no_proxy` as curl does (none; `env` where the environment is read). SOCKS is
   * refused.
   */
  proxy?: string | null | undefined
  /** Headers that every request carries besides the client's own, such as a gateway's (none). */
  headers?: Record<string, string | null> | null | undefined
  /** The program that uses the client, and its version, for `User-Agent` (none). */
  appInfo?: [name: string, version: string] | string | null | undefined
  /** Sends the call's id as `X-Request-Id` (false: the vendor documents no such header). */
  requestId?: boolean | null | undefined
  /**
   * The milliseconds to keep a connection that is not in use, up to an hour (60000); 0 keeps none.
   * Shorten it if machines are frozen, or if something in between hangs up sooner.
   */
  idleTimeoutMs?: number | null | undefined
  /**
   * Whose certificates to trust: Mozilla's, which are `bundled`, or those of the operating `system`
   * (`bundled`).
   */
  tlsRoots?: 'bundled' | 'system' | null | undefined
  /**
   * How many calls may be made, and who shares them: the quota (the CRM's 10 in 10 s, for this
   * process); `null`, or `IKCRM_QUOTA=off`, turns it off.
   */
  quota?: Quota | null | undefined
  /** Where programs that share the account share its token (none). */
  tokenStore?: TokenStore | null | undefined
  /** Called with each token that a sign-in brings (none). */
  onToken?: ((token: string) => unknown) | null | undefined
  /**
   * Called with each event of a call, in its caller's context (none). What it throws is shown once
   * and fails no call.
   */
  onEvent?: ((event: CallEvent) => unknown) | null | undefined
  // </generated>
}

/** A row of a job: the opportunity's id and fields, by their names or those of `columns`. */
export type JobRowInput = object

/** Where the rows of a job come from: an array, an iterable, an async iterable, an object stream. */
export type JobRows = Iterable<JobRowInput> | AsyncIterable<JobRowInput>

/**
 * A sheet: the path of an `.xlsx`, `.xls`, `.ods`, `.csv` or `.tsv` file, or a stream of a `.csv`
 * file's text or bytes.
 */
export type Sheet = string | URL | NodeJS.ReadableStream

/** How the progress of a job is told. */
export interface ProgressOptions {
  // <generated: job>, by `make generate`
  /**
   * Called with how far the job is, at most four times a second, and awaited (none). What it throws
   * stops the job.
   */
  onProgress?: ((progress: JobProgress) => unknown) | null | undefined
  /** Writes the progress to stderr (false): on a terminal one line, else a line every 30 s. */
  progress?: boolean | null | undefined
  // </generated>
}

/** How a job is planned. */
export interface PlanOptions extends CallOptions, ProgressOptions {
  // <generated: plan>, by `make generate`
  /**
   * The job's file (a temporary one). A temporary one is deleted with its object once it is no
   * longer needed; a job of the same rows and options that is there already goes on.
   */
  job?: string | URL | null | undefined
  /** The column that holds the ids (`id`). */
  id?: string | null | undefined
  /** The column by which you recognize a row, such as a contract's number (none). */
  key?: string | null | undefined
  /** The columns to use, and the fields that they are; the others are only kept (all). */
  columns?: Record<string, string> | null | undefined
  /**
   * What an empty cell does, for all columns or by column: `null`, `NaN` and blank text are empty
   * (`keep`).
   */
  empty?: 'keep' | 'clear' | Record<string, 'keep' | 'clear'> | null | undefined
  /**
   * How rows are compared with the CRM before: `auto` by pages of its list where they tell enough,
   * `get` one by one, or `none`, which sends every row (`auto`).
   */
  compare?: 'auto' | 'get' | 'none' | null | undefined
  /**
   * What happens to rows with the same id: `reject` sends none of them, `last` the last one
   * (`reject`).
   */
  onDuplicate?: 'reject' | 'last' | null | undefined
  /**
   * When the rows were taken from the CRM, or the column that tells it: a row that was changed
   * there later is a conflict (none). Without a zone it is China's time.
   */
  asOf?: Date | string | null | undefined
  /** Sends changed fields only, without `title` and `customer_id` (false). */
  partial?: boolean | null | undefined
  // </generated>
}

/** How a job is planned of a sheet's rows. */
export interface SheetOptions extends PlanOptions {
  // <generated: sheet>, by `make generate`
  /** The sheet of a workbook, by its name or its place from 1 (the first that is not hidden). */
  sheet?: string | number | null | undefined
  /**
   * The row with the column names, as Excel counts (of the first 20, the one with the most known
   * names).
   */
  header?: number | null | undefined
  /** The encoding of a text file (by its first bytes, else UTF-8, else GB18030). */
  encoding?: string | null | undefined
  /** What stands between the cells of a text file (what its first lines have most of). */
  delimiter?: string | null | undefined
  /**
   * Accepts amounts such as `￥20,000.50` and `1,000`, and full-width digits, which are refused
   * otherwise (false).
   */
  coerce?: boolean | null | undefined
  /** A text that clears the field in whose cell it stands, such as `‹清空›` (none). */
  clearText?: string | null | undefined
  // </generated>
}

/** How a job's result is written. */
export interface WriteOptions {
  // <generated: write>, by `make generate`
  /** Only the rows in this state, or these (all). */
  state?: RowState | readonly RowState[] | null | undefined
  /** The language of the headers and the states (`en`). */
  language?: 'en' | 'zh' | null | undefined
  /** Three `.csv` files, whose names end in `-done`, `-wrong` and `-open` (false). */
  split?: boolean | null | undefined
  // </generated>
}

/** How a job is applied. */
export interface ApplyOptions extends CallOptions, ProgressOptions {
  // <generated: apply>, by `make generate`
  /** Sends the other rows although some are invalid or duplicates (false). */
  skipInvalid?: boolean | null | undefined
  /**
   * What happens to a row whose opportunity somebody else changed: `report`, or `overwrite`
   * (`report`).
   */
  onConflict?: 'report' | 'overwrite' | null | undefined
  /** States to take up again: `failed`, `refused`, `not_found`, `conflict` (none). */
  retry?: readonly ('failed' | 'refused' | 'not_found' | 'conflict')[] | null | undefined
  /** How many rows of this run may fail, or which share of them, such as `5%` (100). */
  maxErrors?: number | string | null | undefined
  /** How many rows may be sent at all: a job with more stops before the first (any number). */
  maxUpdates?: number | null | undefined
  /** The milliseconds that the run may take; then the job is stopped, and returned (any time). */
  maxDurationMs?: number | null | undefined
  /**
   * The milliseconds for which a reading counts; a row with an older one is read again before it is
   * sent (600000). 0 reads each row just before its update.
   */
  maxAgeMs?: number | null | undefined
  /** Sends so many rows and stops (all). */
  limit?: number | null | undefined
  /**
   * How much of the client's quota the job may use (0.8): other calls wait for one slot, not for
   * the job.
   */
  quotaShare?: number | null | undefined
  /**
   * Called with each row that is done, after that is in the file, and awaited (none). What it
   * throws stops the job.
   */
  onRow?: ((row: JobRow) => unknown) | null | undefined
  // </generated>
}

/** How many opportunities are updated in one call. */
export interface UpdateManyOptions extends SheetOptions, ApplyOptions {
  /** Is shown the plan, and awaited; unless it returns `true`, the job stays as planned (none). */
  confirm?: ((job: UpdateJob) => unknown) | null | undefined
}
