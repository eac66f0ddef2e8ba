// The package's types: what a call takes, what it answers, what it throws.

/** The id of an object: a whole number from 1 to 2^53 - 1, or its digits. */
export type Id = number | string | bigint

/** Data that JSON can spell. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** Custom fields by their keys, such as `text_asset_8b1eeedd`. */
export interface CustomFields {
  /** Text or one choice, several choices as a list, or a date as `YYYY-MM-DD`. */
  [key: `text_asset_${string}`]: string | string[] | null | undefined
  /** A number, or its decimal text. */
  [key: `numeric_asset_${string}`]: number | string | null | undefined
  /** One user or department, or several. */
  [key: `user_field_asset_${string}`]: Id | Id[] | null | undefined
  /** Sent as it is. */
  [key: `file_asset${string}`]: Json | undefined
  /** Sent as it is. */
  [key: `subform_${string}`]: Json | undefined
  /** A custom field by its label, which is looked up before. */
  [label: string]: Json | Id | Id[] | undefined
}

/**
 * The fields to change in an opportunity, under the API's own names.
 *
 * A field that is absent or `undefined` keeps its value, `null` clears it.
 *
 * Source: https://lxcrm.weiwenjia.com, page 修改商机接口, `PUT /api/v2/opportunities/:id`.
 */
export interface OpportunityUpdate {
  /** The id of the user in charge (负责人). */
  user_id?: Id | null
  /** The opportunity's title (商机标题); may not be blank. */
  title: string
  /** The customer's id (对应客户). */
  customer_id: Id
  /**
   * The expected amount (预计销售金额), at most 28 significant digits. Text keeps every digit;
   * thousands separators are refused.
   */
  expect_amount?: string | number | null
  /** The sales stage (销售阶段): its id as the field map gives it, or its label. */
  stage?: Id | null
  /** The day on which the contract is expected (预计签单日期), `YYYY-MM-DD`. */
  expect_sign_date?: string | null
  /** The day on which the opportunity was found (商机获取日期), `YYYY-MM-DD`. */
  get_time?: string | null
  /** What the customer needs (客户需求). */
  customer_requirement?: string | null
  /** A note (备注). */
  note?: string | null
  /** The source (来源): its id as the field map gives it, or its label. */
  source?: Id | null
  /** The kind (商机类型): its id as the field map gives it, or its label. */
  kind?: Id | null
  /** The id of the department it belongs to (所属部门). */
  want_department_id?: Id | null
  /** A name, as in the page's sample request; its table does not list it. */
  name?: string | null
  /** The state of approval, as in the page's sample request; its table does not list it. */
  approve_status?: string | null
  /** Custom fields. */
  custom?: CustomFields
}

/** What a call does differently from its client. */
export interface CallOptions {
  /** Ends the call within about a tenth of a second of its abort, with a `CancelledError`. */
  signal?: AbortSignal | null
  /** The milliseconds that the call may take, over all attempts and waits (the client's). */
  timeoutMs?: number | null
  /** How often the call is made again after a passing failure, 0 to 10 (the client's). */
  maxRetries?: number | null
}

/** What an update does differently. */
export interface UpdateOptions extends CallOptions {
  /**
   * Lets the update go without `title` or `customer_id` (false). The API's page requires both; a
   * client in the field was seen to succeed without.
   */
  partial?: boolean | null
  /**
   * Fills `title` and `customer_id`, where they are not given, with what the opportunity has
   * (false), so that one field can be changed by itself. That takes two calls: it is read first.
   * What somebody else changes in these two fields between the calls is changed back.
   */
  fill?: boolean | null
  /**
   * Updates only if the opportunity is still as in this record, which an earlier call answered;
   * otherwise rejects with a `ConflictError`, which names the fields that differ. That takes two
   * calls. It finds what was changed before the reading, not what is changed between it and the
   * update: the API has no way to update on a condition.
   */
  ifUnchanged?: Opportunity | null
}

/** What the reading of a field map does differently. */
export interface FieldMapOptions extends CallOptions {
  /** Reads the map anew though the client has it (false). */
  refresh?: boolean | null
}

/** Which opportunities to list, and how; what is left out is left to the CRM. */
export interface OpportunityQuery {
  /** Only those at this sales stage (销售阶段), by its id or its label. */
  stage?: Id | null
  /** Only those that the CRM finds by this text. */
  query?: string | null
  /** The key to order by, such as `created_at`. */
  sort?: string | null
  /** The direction of the order. */
  order?: 'asc' | 'desc' | null
  /** Only those made from the first to the last of these days, `YYYY-MM-DD`, in China's time. */
  created_between?: [string, string] | null
  /** How many rows a page has, 1 to 100 (100, so that a list takes the fewest calls). */
  per_page?: number | null
}

/** An option of a field. */
export interface FieldOption {
  /** The id to write. Ids differ from enterprise to enterprise. */
  id: string
  /** The label that the CRM's screens show. */
  label: string
  /** Whether it may be written. */
  enabled: boolean
}

/** The options of an entity's fields. */
export interface FieldMap {
  /** The entity, such as `opportunity`. */
  entity: string
  /** Each field's options by its name, in the CRM's order, disabled ones too. */
  fields: Record<string, FieldOption[]>
  /** The CRM's answer, as it came. */
  raw: unknown
}

/**
 * The rows of a list, for `for await`: a page is read when it is needed, and stopping early reads no
 * further one. A list is no snapshot: what is made or deleted while it is read may move rows from
 * page to page.
 */
export class OpportunityList implements AsyncIterable<OpportunityRow> {
  private constructor()
  /** How many rows the CRM says the whole list has; `null` before the first page. */
  readonly totalCount: number | null;
  [Symbol.asyncIterator](): AsyncGenerator<OpportunityRow, void, undefined>
}

/** How many calls may be made in any stretch of time, by whom together. */
export interface Quota {
  /** How many calls, 1 to 1000 (10). */
  calls?: number | null
  /** The length of the stretch in milliseconds, up to an hour (10000). */
  perMs?: number | null
  /**
   * How many milliseconds to wait for a slot (as long as it takes). A call that cannot have one in
   * this time fails at once with a `QuotaExceededError`.
   */
  maxWaitMs?: number | null
  /**
   * Where the slots are kept (in this process). `file:///absolute/path` shares them with the
   * processes of this machine, `redis://user:password@host:6379/0` (`rediss://` for TLS) with those
   * of other machines too.
   */
  store?: string | null
  /**
   * Who counts together (clients of one host and `corpId`, else login, else token). A shared
   * store needs it when only a token store is given.
   */
  key?: string | null
  /**
   * What part of the calls this process may make while the store is away, more than 0 and at most 1
   * (none: such calls fail with a `QuotaStoreError`). It holds only while the store is away for all
   * processes alike, and as far as their parts add up to no more than 1.
   */
  fallback?: number | null
}

/** How much of a quota is used. */
export interface QuotaStatus {
  /** How many calls are admitted in any stretch of the quota's length. */
  calls: number
  /** How many slots are taken, by all who share the quota. */
  used: number
  /** How many slots are free. */
  free: number
  /** The milliseconds until a slot can be had, at least; 0 when one is free. */
  nextFreeMs: number
}

/** Where programs that share an account share its token, such as a file or a database. */
export interface TokenStore {
  /** The token that is kept, if any. What it throws ends the call as a `TokenStoreError`. */
  get(): string | null | undefined | Promise<string | null | undefined>
  /** Keeps the token of a new sign-in. */
  set(token: string): unknown
}

/** The settings of a client. */
export interface ClientOptions {
  /** The open-API token, unless there are credentials. It is sent in a header, shown nowhere. */
  token?: string | null
  /** The account to sign in with, when there is no token or it is dead. */
  login?: string | null
  /** The account's password. It is shown nowhere. */
  password?: string | null
  /** Which of the account's enterprises to sign in to (its only one). */
  corpId?: string | null
  /** The milliseconds between two sign-ins at least (60000): each ends the account's older token. */
  signInIntervalMs?: number | null
  /** Where programs that share the account share its token (none). */
  tokenStore?: TokenStore | null
  /** Called with each token that a sign-in brings (none). */
  onToken?: ((token: string) => unknown) | null
  /** The CRM's edition, which names the host: 独立版, 企微版 or 钉钉版 (`standalone`). */
  edition?: 'standalone' | 'wecom' | 'dingtalk' | null
  /** The CRM's base URL, for a host that no edition names: https, or http to this machine. */
  baseUrl?: string | null
  /** The milliseconds that one call may take, over all attempts and waits (30000). */
  timeoutMs?: number | null
  /** How often a call is made again after a passing failure, 0 to 10 (2). */
  maxRetries?: number | null
  /** The path of a PEM file of certificates to trust besides the bundled ones (none). */
  caBundle?: string | null
  /** The URL of an HTTP proxy, or `env` for the standard proxy variables (none). */
  proxy?: string | null
  /**
   * How many calls to make, with whom together (the CRM's 10 in 10 s, for this process); `null`
   * turns it off.
   */
  quota?: Quota | null
}

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
  /**
   * Makes a client; no connection is opened yet.
   *
   * @throws {ConfigError} with every fault of the settings.
   */
  constructor(options: ClientOptions)

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
  static fromEnv(): Client

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

  /**
   * Reads an opportunity: `GET /api/v2/opportunities/:id`.
   *
   * @throws {ValidationError} when the id is wrong, and what a call can throw.
   */
  getOpportunity(id: Id, options?: CallOptions | null): Promise<Opportunity>

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
  listOpportunities(query?: OpportunityQuery | null, options?: CallOptions | null): OpportunityList

  /**
   * Reads the options of an entity's fields: `GET /api/v2/field_maps/:entity`. The client keeps them
   * for ten minutes. The vendor does not document the endpoint; other clients use it.
   *
   * @throws {ValidationError} when there is no such entity, and what a call can throw.
   */
  fieldMap(
    entity?: 'opportunity' | (string & {}),
    options?: FieldMapOptions | null,
  ): Promise<FieldMap>

  /**
   * Tells how much of the quota is used now; `null` when it is turned off.
   *
   * @throws {QuotaStoreError} when the quota's store cannot be reached.
   */
  quota(): Promise<QuotaStatus | null>
}

/**
 * Updates an opportunity with a client of the whole process, made of the environment's settings on
 * first use; see {@link Client.fromEnv} and {@link Client.updateOpportunity}.
 *
 * @throws {ConfigError} when the settings are wrong, and what the client's method throws.
 */
export const updateOpportunity: Client['updateOpportunity']

/** The same function as {@link updateOpportunity}, under the name that Python and Rust give it. */
export const update_opportunity: Client['updateOpportunity']

/** The version of this package. */
export const version: string

/**
 * A sales opportunity (商机) as the CRM answers it: every key that came, in order, as it came, but
 * `null` for an object that came as `{}`. An attribute may be missing; what is not declared here,
 * such as a custom field, is reached by its key and is `unknown`.
 */
export interface Opportunity {
  [key: string]: unknown
  /** The opportunity's id. */
  id: number
  /** The title (商机标题). */
  title?: string | null
  /** The name, if the CRM sends one. */
  name?: string | null
  /** The customer it is for (对应客户). */
  customer?: Customer | null
  /** The user in charge (负责人). */
  user?: User | null
  /** The user who made it. */
  creator?: User | null
  /** The department it belongs to. */
  department?: Department | null
  /** The department that owns it. */
  owned_department?: Department | null
  /** The expected amount (预计销售金额): decimal text such as `20000.0`, or a number as it came. */
  expect_amount?: string | number | null
  /** The chance of winning, as it came: `80%` or a number. */
  sign_possibility?: string | number | null
  /** The day on which it was found (商机获取日期), `YYYY-MM-DD` or `""`. */
  get_time?: string | null
  /** The day on which the contract is expected (预计签单日期), `YYYY-MM-DD` or `""`. */
  expect_sign_date?: string | null
  /** The id of the sales stage (销售阶段). */
  stage?: string | null
  /** The label of the sales stage. */
  stage_mapped?: string | null
  /** The id of the source (来源), or `""`. */
  source?: string | null
  /** The label of the source, or `""`. */
  source_mapped?: string | null
  /** The id of the kind (商机类型), or `""`. */
  kind?: string | null
  /** The label of the kind, or `""`. */
  kind_mapped?: string | null
  /** What the customer needs (客户需求). */
  customer_requirement?: string | null
  /** The note (备注). */
  note?: string | null
  /** The state of approval. */
  approve_status?: string | null
  /** The label of the state of approval. */
  approve_status_i18n?: string | null
  /** When it was made, `YYYY-MM-DD HH:MM` in China's time. */
  created_at?: string | null
  /** When it was last changed, `YYYY-MM-DD HH:MM` in China's time. */
  updated_at?: string | null
}

/** A sales opportunity (商机) as a row of a list: flat, with ids and names in place of objects. */
export interface OpportunityRow {
  [key: string]: unknown
  /** The opportunity's id. */
  id?: number | null
  /** The title (商机标题). */
  title?: string | null
  /** The name, if the CRM sends one. */
  name?: string | null
  /** The id of the customer it is for (对应客户). */
  customer_id?: number | null
  /** The name of the customer it is for. */
  customer_name?: string | null
  /** The id of the user in charge (负责人). */
  user_id?: number | null
  /** The name of the user in charge. */
  user_name?: string | null
  /** The expected amount (预计销售金额). */
  expect_amount?: string | number | null
  /** The chance of winning, as it came: `80%` or a number. */
  sign_possibility?: string | number | null
  /** The day on which it was found (商机获取日期), `YYYY-MM-DD` or `""`. */
  get_time?: string | null
  /** The day on which the contract is expected (预计签单日期), `YYYY-MM-DD` or `""`. */
  expect_sign_date?: string | null
  /** The id of the sales stage (销售阶段). */
  stage?: string | null
  /** The label of the sales stage. */
  stage_mapped?: string | null
  /** The id of the source (来源). */
  source?: string | null
  /** The label of the source. */
  source_mapped?: string | null
  /** The id of the kind (商机类型). */
  kind?: string | null
  /** The label of the kind. */
  kind_mapped?: string | null
  /** What the customer needs (客户需求). */
  customer_requirement?: string | null
  /** The note (备注). */
  note?: string | null
  /** The state of approval. */
  approve_status?: string | null
  /** The label of the state of approval. */
  approve_status_i18n?: string | null
  /** When it was made, in China's time. */
  created_at?: string | null
  /** When it was last changed, in China's time. */
  updated_at?: string | null
}

/** A customer (客户). */
export interface Customer {
  [key: string]: unknown
  /** The customer's id. */
  id?: number | null
  /** The customer's name. */
  name?: string | null
  /** The company's name. */
  company_name?: string | null
  /** The id of the state (状态). */
  status?: string | null
  /** The label of the state. */
  status_mapped?: string | null
  /** The id of the category, or `""`. */
  category?: string | null
  /** The label of the category, or `""`. */
  category_mapped?: string | null
  /** The id of the source (来源), or `""`. */
  source?: string | null
  /** The label of the source, or `""`. */
  source_mapped?: string | null
  /** The id of the industry (行业), or `""`. */
  industry?: string | null
  /** The label of the industry, or `""`. */
  industry_mapped?: string | null
  /** The note (备注). */
  note?: string | null
  /** The customer it belongs to. */
  parent?: Customer | null
  /** The people to talk to (联系人). */
  contacts?: Contact[] | null
  /** Where it is and how to reach it. */
  address?: Address | null
  /** The user in charge (负责人). */
  user?: User | null
  /** The user who made it. */
  creator?: User | null
  /** The user who was in charge before. */
  before_user?: User | null
  /** The department that owns it. */
  owned_department?: Department | null
  /** The department that owned it before. */
  before_owned_department?: Department | null
  /** The state of approval. */
  approve_status?: string | null
  /** The label of the state of approval. */
  approve_status_i18n?: string | null
  /** Whether it is the caller's own. */
  is_own?: boolean | null
  /** Whether the caller may change it. */
  is_editable?: boolean | null
  /** When it was made, `YYYY-MM-DD HH:MM` in China's time. */
  created_at?: string | null
  /** When it was last changed, `YYYY-MM-DD HH:MM` in China's time. */
  updated_at?: string | null
}

/** A person to talk to at a customer (联系人). */
export interface Contact {
  [key: string]: unknown
  /** The contact's id. */
  id?: number | null
  /** The contact's name. */
  name?: string | null
  /** How to reach the contact. */
  address?: Address | null
}

/** Where someone is and how to reach them. */
export interface Address {
  [key: string]: unknown
  /** The address's id. */
  id?: number | null
  /** The telephone number. */
  tel?: string | null
  /** The mobile number. */
  phone?: string | null
  /** The e-mail address. */
  email?: string | null
  /** The QQ number. */
  qq?: string | null
  /** The fax number. */
  fax?: string | null
  /** The WeChat name. */
  wechat?: string | null
  /** The Wangwang name. */
  wangwang?: string | null
  /** The postal code. */
  zip?: string | null
  /** The web site. */
  url?: string | null
  /** Street and house. */
  detail_address?: string | null
  /** The whole address. */
  full_address?: string | null
  /** The latitude, in degrees. */
  lat?: number | null
  /** The longitude, in degrees. */
  lng?: number | null
}

/** A user of the CRM. */
export interface User {
  [key: string]: unknown
  /** The user's id. */
  id?: number | null
  /** The user's name. */
  name?: string | null
  /** The e-mail address. */
  email?: string | null
  /** The mobile number. */
  phone?: string | null
  /** The telephone number. */
  tel?: string | null
  /** The position held. */
  job?: string | null
  /** The name of the department. */
  department_name?: string | null
  /** The id of the enterprise. */
  organization_id?: number | null
  /** The id of the role. */
  role_id?: number | null
  /** The state of the account. */
  workflow_state?: string | null
  /** The URL of the picture. */
  avatar_url?: string | null
  /** When the account was made, `YYYY-MM-DD HH:MM` in China's time. */
  created_at?: string | null
}

/** A department of the enterprise. */
export interface Department {
  [key: string]: unknown
  /** The department's id. */
  id?: number | null
  /** The department's name. */
  name?: string | null
}

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
  status?: number | null
  apiCode?: number | null
  fields?: FieldError[]
  enterprises?: Enterprise[]
  retryable?: boolean
  retryAfterMs?: number | null
  mayHaveBeenApplied?: boolean
  cause?: unknown
}

/** The base of all errors of this package. None of them shows the token. */
export class IkcrmError extends Error {
  /** The class's stable word. */
  static readonly code: string

  constructor(message: string, details?: ErrorDetails)

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
}

/** `config`: the client's settings are wrong. Nothing was sent. */
export class ConfigError extends IkcrmError {}

/** `validation`: the call's values are wrong. Nothing was sent. */
export class ValidationError extends IkcrmError {}

/** `api`: the CRM refused, with a `code` other than 0 or a status of 400 or more. */
export class ApiError extends IkcrmError {}

/** `auth`: the token is dead or the account closed; sign in again. */
export class AuthError extends ApiError {}

/** `sign_in_limited`: refused soon after the last sign-in; another program shares the account. */
export class SignInLimitedError extends AuthError {}

/** `choose_enterprise`: the account has several `enterprises`; sign in with the `corpId` of one. */
export class ChooseEnterpriseError extends ApiError {}

/** `not_found`: not found, or not yours to see; the CRM has one code for both. */
export class NotFoundError extends ApiError {}

/** `invalid_parameters`: the CRM refused the values. */
export class InvalidParametersError extends ApiError {}

/** `rate_limited`: the whole enterprise made more calls than the CRM admits, 10 in 10 s. */
export class RateLimitedError extends ApiError {}

/** `server`: the CRM failed. */
export class ServerError extends ApiError {}

/** `transport`: the CRM could not be reached, or the connection broke. */
export class TransportError extends IkcrmError {}

/** `request_timeout`: the call's time ran out. */
export class RequestTimeoutError extends TransportError {}

/** `invalid_answer`: what came back is not an answer of this API. */
export class InvalidAnswerError extends IkcrmError {}

/** `quota_exceeded`: no slot of the quota is free within `maxWaitMs`. */
export class QuotaExceededError extends IkcrmError {}

/** `quota_store`: what keeps the quota's slots cannot be reached. */
export class QuotaStoreError extends IkcrmError {}

/** `token_store`: the token store failed. */
export class TokenStoreError extends IkcrmError {}

/** `conflict`: the record is no longer as it was given; `fields` tells what differs. */
export class ConflictError extends IkcrmError {}

/** `cancelled`: the signal was aborted; its reason is the `cause`. */
export class CancelledError extends IkcrmError {}
