// The answer's JSON text as a plain object; `{}` for an object that is not there becomes null.

import type { AttributeData } from './native.cjs'
import { shapes } from './native.js'
import type { FieldMap, Opportunity, OpportunityRow, QuotaStatus } from './records.js'

type Data = Record<string, unknown>

/** Each kind of object with the keys under which it holds others, and their kinds. */
const NESTED = new Map<string, AttributeData[]>(
  shapes().map(({ name, attributes }) => [name, attributes.filter(({ shape }) => shape)]),
)

/** The opportunity in a JSON text, with every key that came, in order. */
export function opportunity(json: string): Opportunity {
  return withoutEmpty(JSON.parse(json), 'Opportunity') as Opportunity
}

/** A row of a list, with every key that came, in order. */
export function row(data: object): OpportunityRow {
  return withoutEmpty(data as Data, 'OpportunityRow')
}

/** A field map of `[[[name, [[id, label, enabled], …]], …], raw]`. */
export function fieldMap(json: string, entity: string): FieldMap {
  type Option = [id: string, label: string, enabled: boolean]
  const [fields, raw] = JSON.parse(json) as [[string, Option[]][], unknown]
  const option = ([id, label, enabled]: Option) => ({ id, label, enabled })
  const named = fields.map(([name, options]) => [name, options.map(option)])
  return { entity, fields: Object.fromEntries(named), raw }
}

/** How much of a quota is used, of `[calls, used, milliseconds]` or null. */
export function quotaStatus(json: string): QuotaStatus | null {
  const usage = JSON.parse(json) as [number, number, number] | null
  if (usage === null) return null
  const [calls, used, nextFreeMs] = usage
  return { calls, used, free: Math.max(calls - used, 0), nextFreeMs }
}

/** The object, with null for each declared object that came as `{}` or `""`. */
function withoutEmpty(object: Data, shape: string): Data {
  for (const { name, shape: inner } of NESTED.get(shape) ?? []) {
    const value = object[name]
    if (isEmpty(value)) object[name] = null
    else if (Array.isArray(value)) value.forEach((item) => withoutEmpty(item, inner ?? ''))
    else if (typeof value === 'object' && value !== null) withoutEmpty(value as Data, inner ?? '')
  }
  return object
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value === ''
  for (const _ in value) return false
  return true
}
