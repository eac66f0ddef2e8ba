// From the error that the core tells as data to the class that a caller catches.

import { BY_CODE, CancelledError, IkcrmError, type FieldErrorCode } from './errors.js'
import type { ErrorData } from './native.cjs'
import { thrownBy } from './tokens.js'

/** The error that the data tell; what the signal or the token store says is its cause. */
export function failure(data: ErrorData, signal?: AbortSignal | null): IkcrmError {
  const Class = BY_CODE.get(data.code) ?? IkcrmError
  const fields = data.fields.map((fault) => ({ ...fault, code: fault.code as FieldErrorCode }))
  const error = new Class(data.message, { ...data, fields, ...causeOf(data, signal) })
  Error.captureStackTrace(error, failure)
  return error
}

function causeOf(data: ErrorData, signal?: AbortSignal | null): { cause?: unknown } {
  if (data.code === CancelledError.code) return { cause: signal?.reason }
  if (data.causes[0]) return { cause: failure(data.causes[0]) }
  return data.thrown === null ? {} : { cause: thrownBy(data.thrown) }
}
