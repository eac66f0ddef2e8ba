// From the error that the core tells as data to the class that a caller catches.
'use strict'

const classes = require('./errors.js')

const BY_CODE = new Map(Object.values(classes).map((Class) => [Class.code, Class]))

/** The error that the data tell; what the signal says is the cause of a cancelled call's end. */
function failure(data, signal) {
  const Class = BY_CODE.get(data.code) ?? classes.IkcrmError
  const cause = Class === classes.CancelledError ? { cause: signal.reason } : {}
  const error = new Class(data.message, { ...data, ...cause })
  Error.captureStackTrace(error, failure)
  return error
}

module.exports = { failure }
