// The error classes, one tree.
'use strict'

class IkcrmError extends Error {
  static code = 'error'

  constructor(message, details = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = new.target.code
    this.status = details.status ?? null
    this.apiCode = details.apiCode ?? null
    this.fields = details.fields ?? []
    this.enterprises = details.enterprises ?? []
    this.retryable = details.retryable ?? false
    this.retryAfterMs = details.retryAfterMs ?? null
    this.mayHaveBeenApplied = details.mayHaveBeenApplied ?? false
  }
}

class ConfigError extends IkcrmError {
  static code = 'config'
}

class ValidationError extends IkcrmError {
  static code = 'validation'
}

class ApiError extends IkcrmError {
  static code = 'api'
}

class AuthError extends ApiError {
  static code = 'auth'
}

class SignInLimitedError extends AuthError {
  static code = 'sign_in_limited'
}

class ChooseEnterpriseError extends ApiError {
  static code = 'choose_enterprise'
}

class NotFoundError extends ApiError {
  static code = 'not_found'
}

class InvalidParametersError extends ApiError {
  static code = 'invalid_parameters'
}

class RateLimitedError extends ApiError {
  static code = 'rate_limited'
}

class ServerError extends ApiError {
  static code = 'server'
}

class TransportError extends IkcrmError {
  static code = 'transport'
}

class RequestTimeoutError extends TransportError {
  static code = 'request_timeout'
}

class InvalidAnswerError extends IkcrmError {
  static code = 'invalid_answer'
}

class QuotaExceededError extends IkcrmError {
  static code = 'quota_exceeded'
}

class QuotaStoreError extends IkcrmError {
  static code = 'quota_store'
}

class TokenStoreError extends IkcrmError {
  static code = 'token_store'
}

class ConflictError extends IkcrmError {
  static code = 'conflict'
}

class CancelledError extends IkcrmError {
  static code = 'cancelled'
}

module.exports = {
  IkcrmError,
  ConfigError,
  ValidationError,
  ApiError,
  AuthError,
  SignInLimitedError,
  ChooseEnterpriseError,
  NotFoundError,
  InvalidParametersError,
  RateLimitedError,
  ServerError,
  TransportError,
  RequestTimeoutError,
  InvalidAnswerError,
  QuotaExceededError,
  QuotaStoreError,
  TokenStoreError,
  ConflictError,
  CancelledError,
}

// The keys name the classes, since a minifier may rename the classes themselves.
for (const [name, Class] of Object.entries(module.exports)) {
  Object.defineProperty(Class.prototype, 'name', {
    value: name,
    configurable: true,
    writable: true,
  })
}
