// The answer's JSON text as a plain object; `{}` for an object that is not there becomes null.
'use strict'

const { shapes } = require('./native.js')

/** Each kind of object with the keys under which it holds others, and their kinds. */
const NESTED = new Map(
  shapes().map(({ name, attributes }) => [name, attributes.filter(({ shape }) => shape)]),
)

/** The object of this kind in a JSON text, with every key that came, in order. */
function parse(json, shape) {
  return withoutEmpty(JSON.parse(json), shape)
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

module.exports = { parse }
