// The answer's JSON text as a plain object; `{}` for an object that is not there becomes null.
'use strict'

const { shapes } = require('./native.js')

/** Each kind of object with the keys under which it holds others, and their kinds. */
const NESTED = new Map(
  shapes().map(({ name, attributes }) => [name, attributes.filter(({ shape }) => shape)]),
)

/** The opportunity in a JSON text, with every key that came, in order. */
function opportunity(json) {
  return withoutEmpty(JSON.parse(json), 'Opportunity')
}

/** A row of a list, with every key that came, in order. */
function row(data) {
  return withoutEmpty(data, 'OpportunityRow')
}

/** A field map of `[[[name, [[id, label, enabled], …]], …], raw]`. */
function fieldMap(json, entity) {
  const [fields, raw] = JSON.parse(json)
  const option = ([id, label, enabled]) => ({ id, label, enabled })
  const named = fields.map(([name, options]) => [name, options.map(option)])
  return { entity, fields: Object.fromEntries(named), raw }
}

/** How much of a quota is used, of `[calls, used, milliseconds]` or null. */
function quotaStatus(json) {
  const usage = JSON.parse(json)
  if (usage === null) return null
  const [calls, used, nextFreeMs] = usage
  return { calls, used, free: Math.max(calls - used, 0), nextFreeMs }
}

/** The object, with null for each declared object that came as `{}` or `""`. */
function withoutEmpty(object, shape) {
  for (const { name, shape: inner } of NESTED.get(shape)) {
    const value = object[name]
    if (isEmpty(value)) object[name] = null
    else if (Array.isArray(value)) value.forEach((item) => withoutEmpty(item, inner))
    else if (typeof value === 'object' && value !== null) withoutEmpty(value, inner)
  }
  return object
}

function isEmpty(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value === ''
  for (const _ in value) return false
  return true
}

module.exports = { fieldMap, opportunity, quotaStatus, row }
