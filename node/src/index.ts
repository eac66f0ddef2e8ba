// What the package exports. Each value is spelt out, so that `import { … }` finds its name.

export { Client, resetClient, updateOpportunity, update_opportunity, version } from './client.js'
export { openJob, UpdateJob } from './job.js'
export { OpportunityList } from './list.js'
export {
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
  JobStoppedError,
  JobInUseError,
  JobFileError,
} from './errors.js'
export type {
  AnyIkcrmError,
  Enterprise,
  ErrorDetails,
  FieldError,
  FieldErrorCode,
} from './errors.js'
export type {
  Change,
  JobCall,
  JobProblem,
  JobProgress,
  JobRow,
  JobStatus,
  RowState,
  StopReason,
} from './job.js'
export type * from './options.js'
export type * from './records.js'
export { CLEAR } from './update.js'
export type * from './update.js'
