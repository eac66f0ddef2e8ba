// From the error that the core tells as data to the class that a caller catches.

import { BY_CODE, CancelledError, IkcrmError, type FieldErrorCode } from './errors.js'
import type { ErrorData } from './native.cjs'

/** The error that the data tell; what the signal says is the cause of a cancelled call's end. */
export function failure(data: ErrorData, signal?: AbortSignal | null): IkcrmError {
  const Class = BY_CODE.get(data.code) ?? IkcrmError
  const cause = Class === CancelledError ? { cause: signal?.reason } : {}
  const fields = data.fields.map((fault) => ({ ...fault, code: fault.code as FieldErrorCode }))
  const error = new Class(data.message, { ...data, fields, ...cause })
  Error.captureStackTrace(error, failure)
  return error
}
