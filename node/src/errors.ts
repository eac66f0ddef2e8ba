// The error classes, one tree.

import type { StopReason, UpdateJob } from './job.js'
import type { CallMeta } from './records.js'

/** The kinds of fault that a field can have. */
export type FieldErrorCode =
  | 'required'
  | 'null'
  | 'blank'
  | 'type'
  | 'range'
  | 'format'
  | 'read_only'
  | 'unknown'
  | 'empty'
  | 'conflict'
  | 'disabled'
  | 'ambiguous'
  | 'changed'

/** One fault of one field, found before anything was sent. */
export interface FieldError {
  /** The field's name, such as `title`, `id`, `custom.text_asset_8b1eeedd` or `timeoutMs`. */
  field: string
  /** A stable word for the kind of fault. */
  code: FieldErrorCode
  /** What is wrong and what to write instead. */
  message: string
}

/** An enterprise that an account belongs to. */
export interface Enterprise {
  /** What to sign in with, as `corpId`. */
  corpId: string
  /** The enterprise's name. */
  name: string
}

/** What an error tells besides its message; what is left out is as for an error of no call. */
export interface ErrorDetails {
  status?: number | null | undefined
  apiCode?: number | null | undefined
  fields?: FieldError[] | undefined
  enterprises?: Enterprise[] | undefined
  retryable?: boolean | undefined
  retryAfterMs?: number | null | undefined
  mayHaveBeenApplied?: boolean | undefined
  bodyExcerpt?: string | null | undefined
  meta?: CallMeta | null | undefined
  cause?: unknown
}

/** What the error of a job that stopped tells besides. */
export interface JobStoppedDetails extends ErrorDetails {
  reason?: string | null | undefined
  path?: string | null | undefined
}

/** The base of all errors of this package. None of them shows the token. */
export class IkcrmError extends Error {
  /** The class's stable word. */
  static readonly code: string = 'error'

  /** The stable word for the kind of error, the same in every language: that of its class. */
  readonly code: string
  /** The HTTP status, if an answer came. Often 200 even for a refusal. */
  readonly status: number | null
  /** The `code` in the answer's body, if there was one. */
  readonly apiCode: number | null
  /** The faults of single fields; empty unless this is a config or validation error. */
  readonly fields: FieldError[]
  /** The enterprises to choose from; empty but for `ChooseEnterpriseError`. */
  readonly enterprises: Enterprise[]
  /** Whether the same call may work when made again later. */
  readonly retryable: boolean
  /** The milliseconds after which it may, where that is known. */
  readonly retryAfterMs: number | null
  /** Whether the CRM may have carried the update out although this error came. */
  readonly mayHaveBeenApplied: boolean
  /** What the call cost; `null` when no call was made, and of a job's error. */
  readonly meta: CallMeta | null
  /** Held where no log finds it. */
  readonly #bodyExcerpt: string | null

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = new.target.code
    this.status = details.status ?? null
    this.apiCode = details.apiCode ?? null
    this.fields = details.fields ?? []
    this.enterprises = details.enterprises ?? []
    this.retryable = details.retryable ?? false
    this.retryAfterMs = details.retryAfterMs ?? null
    this.mayHaveBeenApplied = details.mayHaveBeenApplied ?? false
    this.meta = details.meta ?? null
    this.#bodyExcerpt = details.bodyExcerpt ?? null
  }

  /**
   * The answer's first 200 characters, if one came that this error is about. They may hold names and
   * telephone numbers, so no message shows them, nor do `console.log` and `JSON.stringify`.
   */
  get bodyExcerpt(): string | null {
    return this.#bodyExcerpt
  }

  /** What `JSON.stringify` and loggers show: the name and the message too, which `Error` hides. */
  toJSON(): object {
    return Object.assign({ name: this.name, message: this.message }, this)
  }
}

// <generated: errors>, by `make generate`
/** `config`: a client's settings are wrong; `fields` lists them all. Nothing was sent. */
export class ConfigError extends IkcrmError {
  static override readonly code: string = 'config'
  declare readonly code: 'config'
}

/** `validation`: a call's values are wrong; `fields` lists them all. Nothing was sent. */
export class ValidationError extends IkcrmError {
  static override readonly code: string = 'validation'
  declare readonly code: 'validation'
}

/** `api`: the CRM refused, with a `code` other than 0 or a status of 400 or more. */
export class ApiError extends IkcrmError {
  static override readonly code: string = 'api'
  declare readonly code:
    | 'api'
    | 'auth'
    | 'sign_in_limited'
    | 'choose_enterprise'
    | 'not_found'
    | 'invalid_parameters'
    | 'rate_limited'
    | 'server'
}

/** `auth`: the token is no longer valid, signing in failed, or the account is closed. */
export class AuthError extends ApiError {
  static override readonly code: string = 'auth'
  declare readonly code: 'auth' | 'sign_in_limited'
}

/**
 * `sign_in_limited`: the token was refused soon after the last sign-in: another program shares the
 * account.
 */
export class SignInLimitedError extends AuthError {
  static override readonly code: string = 'sign_in_limited'
  declare readonly code: 'sign_in_limited'
}

/**
 * `choose_enterprise`: the account belongs to several `enterprises`: sign in with the `corpId` of
 * one.
 */
export class ChooseEnterpriseError extends ApiError {
  static override readonly code: string = 'choose_enterprise'
  declare readonly code: 'choose_enterprise'
}

/** `not_found`: it does not exist, or you have no access: the CRM has one code for both. */
export class NotFoundError extends ApiError {
  static override readonly code: string = 'not_found'
  declare readonly code: 'not_found'
}

/** `invalid_parameters`: the CRM refused the values. */
export class InvalidParametersError extends ApiError {
  static override readonly code: string = 'invalid_parameters'
  declare readonly code: 'invalid_parameters'
}

/** `rate_limited`: the whole enterprise made more calls than the CRM allows, 10 in 10 s. */
export class RateLimitedError extends ApiError {
  static override readonly code: string = 'rate_limited'
  declare readonly code: 'rate_limited'
}

/** `server`: the CRM failed. */
export class ServerError extends ApiError {
  static override readonly code: string = 'server'
  declare readonly code: 'server'
}

/** `transport`: the CRM could not be reached, or the connection broke. */
export class TransportError extends IkcrmError {
  static override readonly code: string = 'transport'
  declare readonly code: 'transport' | 'request_timeout'
}

/** `request_timeout`: the call's time ran out. */
export class RequestTimeoutError extends TransportError {
  static override readonly code: string = 'request_timeout'
  declare readonly code: 'request_timeout'
}

/** `invalid_answer`: what came back is not an answer of this API. */
export class InvalidAnswerError extends IkcrmError {
  static override readonly code: string = 'invalid_answer'
  declare readonly code: 'invalid_answer'
}

/** `quota_exceeded`: no slot of the quota is free in time; `retryAfterMs` says when one may be. */
export class QuotaExceededError extends IkcrmError {
  static override readonly code: string = 'quota_exceeded'
  declare readonly code: 'quota_exceeded'
}

/** `quota_store`: the quota's store cannot be used; `retryable` says whether that may pass. */
export class QuotaStoreError extends IkcrmError {
  static override readonly code: string = 'quota_store'
  declare readonly code: 'quota_store'
}

/** `token_store`: the token store failed; what it raised is the cause. */
export class TokenStoreError extends IkcrmError {
  static override readonly code: string = 'token_store'
  declare readonly code: 'token_store'
}

/** `conflict`: the opportunity differs from `ifUnchanged` in `fields`. It was not updated. */
export class ConflictError extends IkcrmError {
  static override readonly code: string = 'conflict'
  declare readonly code: 'conflict'
}

/** `cancelled`: the call was cancelled. The reason of the `signal` is its `cause`. */
export class CancelledError extends IkcrmError {
  static override readonly code: string = 'cancelled'
  declare readonly code: 'cancelled'
}

/** `job_in_use`: another process or thread is working on the job. */
export class JobInUseError extends IkcrmError {
  static override readonly code: string = 'job_in_use'
  declare readonly code: 'job_in_use'
}

/** `job_file`: the job's file cannot be read or written, or is not what was asked for. */
export class JobFileError extends IkcrmError {
  static override readonly code: string = 'job_file'
  declare readonly code: 'job_file'
}
// </generated>

/** `job_stopped`: a job stopped before its end; what it did is in its file, and it can go on. */
export class JobStoppedError extends IkcrmError {
  static override readonly code: string = 'job_stopped'
  declare readonly code: 'job_stopped'
  /** Why. */
  readonly reason: StopReason | null
  /** The job's file. */
  readonly path: string | null
  /** The job. Throws a `JobFileError` when its file is gone. */
  declare readonly job: UpdateJob

  constructor(message: string, details: JobStoppedDetails = {}) {
    super(message, details)
    this.reason = (details.reason ?? null) as StopReason | null
    this.path = details.path ?? null
  }
}

/**
 * Every error of this package, told apart by its `code`:
 *
 * ```ts
 * const { code, fields } = error as AnyIkcrmError
 * ```
 */
export type AnyIkcrmError =
  // <generated: union>, by `make generate`
  | ConfigError
  | ValidationError
  | (ApiError & { readonly code: 'api' })
  | (AuthError & { readonly code: 'auth' })
  | SignInLimitedError
  | ChooseEnterpriseError
  | NotFoundError
  | InvalidParametersError
  | RateLimitedError
  | ServerError
  | (TransportError & { readonly code: 'transport' })
  | RequestTimeoutError
  | InvalidAnswerError
  | QuotaExceededError
  | QuotaStoreError
  | TokenStoreError
  | ConflictError
  | CancelledError
  | JobStoppedError
  | JobInUseError
  | JobFileError
// </generated>

/** Every class by its name, since a minifier may rename the classes themselves. */
const NAMED = {
  // <generated: names>, by `make generate`
  IkcrmError,
  ConfigError,
  ValidationError,
  ApiError,
  AuthError,
  SignInLimitedError,
  ChooseEnterpriseError,
  NotFoundError,
  InvalidParametersError,
  RateLimitedError,
  ServerError,
  TransportError,
  RequestTimeoutError,
  InvalidAnswerError,
  QuotaExceededError,
  QuotaStoreError,
  TokenStoreError,
  ConflictError,
  CancelledError,
  JobStoppedError,
  JobInUseError,
  JobFileError,
  // </generated>
}

for (const [name, { prototype }] of Object.entries(NAMED)) {
  Object.defineProperty(prototype, 'name', { value: name, configurable: true, writable: true })
}

/** The class of each stable word. */
export const BY_CODE = new Map(Object.values(NAMED).map((Class) => [Class.code, Class]))
