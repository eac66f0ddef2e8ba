// What a caller gives for the fields of an opportunity.

/** The id of an object: a whole number from 1 to 2^53 - 1, or its digits. */
export type Id = number | string | bigint

/** In a row of a job, clears the field, whatever `empty` says. */
export const CLEAR: unique symbol = Symbol.for('ikcrm.CLEAR')

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
  user_id?: Id | null | undefined
  /** The opportunity's title (商机标题); may not be blank. */
  title: string
  /** The customer's id (对应客户). */
  customer_id: Id
  /**
   * The expected amount (预计销售金额), at most 28 significant digits. Text keeps every digit;
   * thousands separators are refused.
   */
  expect_amount?: string | number | null | undefined
  /** The sales stage (销售阶段): its id as the field map gives it, or its label. */
  stage?: Id | null | undefined
  /** The day on which the contract is expected (预计签单日期), `YYYY-MM-DD`. */
  expect_sign_date?: string | null | undefined
  /** The day on which the opportunity was found (商机获取日期), `YYYY-MM-DD`. */
  get_time?: string | null | undefined
  /** What the customer needs (客户需求). */
  customer_requirement?: string | null | undefined
  /** A note (备注). */
  note?: string | null | undefined
  /** The source (来源): its id as the field map gives it, or its label. */
  source?: Id | null | undefined
  /** The kind (商机类型): its id as the field map gives it, or its label. */
  kind?: Id | null | undefined
  /** The id of the department it belongs to (所属部门). */
  want_department_id?: Id | null | undefined
  /** A name, as in the page's sample request; its table does not list it. */
  name?: string | null | undefined
  /** The state of approval, as in the page's sample request; its table does not list it. */
  approve_status?: string | null | undefined
  /** Custom fields. */
  custom?: CustomFields | undefined
}
