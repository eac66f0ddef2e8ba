// From the JSON text of an answer, in which every digit is, to the values that programs work with.

import type { FieldMap, Opportunity, OpportunityRow, QuotaStatus } from './records.js'

/** How long the mark is that a text has in front when whole numbers beyond 2^53 are in it. */
const MARK_LENGTH = 17

/** The opportunity in a JSON text, with every key that came, in order. */
export function opportunity(json: string): Opportunity {
  return parsed(json) as Opportunity
}

/** How many rows a list has, and those of a page, if there is one. */
export function page(json: string): [total: number | null, rows: OpportunityRow[] | null] {
  return parsed(json) as [number | null, OpportunityRow[] | null]
}

/** A field map of `[[[name, [[id, label, enabled], …]], …], raw]`. */
export function fieldMap(json: string, entity: string): FieldMap {
  type Option = [id: string, label: string, enabled: boolean]
  const [fields, raw] = parsed(json) as [[string, Option[]][], unknown]
  const option = ([id, label, enabled]: Option) => ({ id, label, enabled })
  const named = fields.map(([name, options]) => [name, options.map(option)])
  return { entity, fields: Object.fromEntries(named), raw }
}

/** How much of a quota is used, of `[calls, used, milliseconds]` or null. */
export function quotaStatus(json: string): QuotaStatus | null {
  const usage = JSON.parse(json) as [number, number, number, number] | null
  if (usage === null) return null
  const [calls, used, waiting, nextFreeMs] = usage
  return { calls, used, free: Math.max(calls - used, 0), waiting, nextFreeMs }
}

/** The value of a JSON text, with a bigint for each text that has the mark in front of digits. */
export function parsed(json: string): unknown {
  if (!json.startsWith('!')) return JSON.parse(json)
  const mark = json.slice(0, MARK_LENGTH)
  const whole: unknown = JSON.parse(json.slice(MARK_LENGTH))
  // Without recursion, for an answer may be nested deeper than the stack.
  const open = [whole] as Record<string, unknown>[]
  for (let object = open.pop(); object; object = open.pop()) {
    for (const [key, value] of Object.entries(object)) {
      if (typeof value === 'object' && value !== null) open.push(value as Record<string, unknown>)
      else if (typeof value === 'string' && value.startsWith(mark)) {
        object[key] = BigInt(value.slice(MARK_LENGTH))
      }
    }
  }
  return whole
}

/** The answer of a call that only ends. */
export function nothing(): void {}
