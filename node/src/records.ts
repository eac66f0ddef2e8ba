// What the CRM answers.

/** What a call cost, whether it brought an answer or an error. */
export interface CallMeta {
  /** Names the call among those of this machine, as its events do. */
  readonly callId: string
  /** How many requests it made: of its own, of look-ups, of sign-ins. */
  readonly attempts: number
  /** How many milliseconds it took. */
  readonly elapsedMs: number
  /** How many of them it waited for the quota. */
  readonly quotaWaitMs: number
  /** The HTTP status of the last answer, if one came. */
  readonly status: number | null
  /** How many look-ups of labels it made. */
  readonly lookups: number
  /** The headers of the last answer by lower-case names. `console.log` and JSON do not show them. */
  readonly headers: Record<string, string>
}

/** What a call answered. */
export type Answered = {
  /** What the call cost. It is no key of the answer: a copy of it, and JSON, have none. */
  readonly meta?: CallMeta
}

/** The keys of custom fields and of what the CRM derives from fields; each is `unknown`. */
export type CustomKey =
  | `${string}_asset_${string}`
  | `file_asset${string}`
  | `subform_${string}`
  | `${string}_${'mapped' | 'display' | 'i18n' | 'hidden_result'}`

// <generated: records>, by `make generate`
/**
 * A sales opportunity (商机) as the CRM answers it.
 *
 * It has every key that came, in order, with `null` for an object that came as `{}`. An attribute
 * may be missing, and an empty one may be `""`. Any key that came, declared here or not, is reached
 * by `const all: Record<string, unknown> = opportunity`.
 *
 * No digit is lost. An id is a `number`, also where it came as text, and amounts of money are
 * decimal text. In what is not declared here, a whole number beyond 2^53 is a `bigint`, and a
 * decimal with more digits than a `number` holds is text. What cannot mean the declared type stays
 * as it came.
 */
export type Opportunity = Answered & {
  [key: CustomKey]: unknown
  /** The opportunity's id. */
  id?: number | null
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
  /** The expected amount (预计销售金额): decimal text such as `20000.0`. */
  expect_amount?: string | null
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
  /** When it was made, `YYYY-MM-DD HH:MM` in China's time. */
  created_at?: string | null
  /** When it was last changed, `YYYY-MM-DD HH:MM` in China's time. */
  updated_at?: string | null
}

/** A sales opportunity (商机) as a row of a list: flat, with ids and names for objects. */
export type OpportunityRow = {
  [key: CustomKey]: unknown
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
  /** The expected amount (预计销售金额): decimal text such as `20000.0`. */
  expect_amount?: string | null
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
  /** When it was made, `YYYY-MM-DD HH:MM` in China's time. */
  created_at?: string | null
  /** When it was last changed, `YYYY-MM-DD HH:MM` in China's time. */
  updated_at?: string | null
}

/** A customer (客户). */
export type Customer = {
  [key: CustomKey]: unknown
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
  /** The id of the category. */
  category?: string | null
  /** The label of the category. */
  category_mapped?: string | null
  /** The id of the source (来源). */
  source?: string | null
  /** The label of the source. */
  source_mapped?: string | null
  /** The id of the industry (行业). */
  industry?: string | null
  /** The label of the industry. */
  industry_mapped?: string | null
  /** The note (备注). */
  note?: string | null
  /** The customer it belongs to. */
  parent?: Customer | null
  /** The people to talk to (联系人). */
  contacts?: (Contact | null)[] | null
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
export type Contact = {
  [key: CustomKey]: unknown
  /** The contact's id. */
  id?: number | null
  /** The contact's name. */
  name?: string | null
  /** How to reach the contact. */
  address?: Address | null
}

/** Where someone is and how to reach them. */
export type Address = {
  [key: CustomKey]: unknown
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
export type User = {
  [key: CustomKey]: unknown
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
export type Department = {
  [key: CustomKey]: unknown
  /** The department's id. */
  id?: number | null
  /** The department's name. */
  name?: string | null
}
// </generated>

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
export interface FieldMap extends Answered {
  /** The entity, such as `opportunity`. */
  entity: string
  /** Each field's options by its name, in the CRM's order, disabled ones too. */
  fields: Record<string, FieldOption[]>
  /** The CRM's answer, as it came. */
  raw: unknown
}

/** How much of a quota is used. */
export interface QuotaStatus {
  /** How many calls are admitted in any stretch of the quota's length. */
  calls: number
  /** How many slots are taken, by all who share the quota. */
  used: number
  /** How many slots are free. */
  free: number
  /** How many calls of this process wait for a slot. */
  waiting: number
  /** The milliseconds until one more call can have a slot, at least; 0 when one is free. */
  nextFreeMs: number
}
