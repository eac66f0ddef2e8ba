// What the types admit and what they refuse; `tsc` fails when an expected error does not come.

import { Readable } from 'node:stream'

import {
  AuthError,
  CLEAR,
  CancelledError,
  Client,
  ConfigError,
  IkcrmError,
  JobStoppedError,
  ValidationError,
  updateOpportunity,
  update_opportunity,
  version,
  type AnyIkcrmError,
  type CallOptions,
  type ClientOptions,
  type Opportunity,
  type OpportunityRow,
  type OpportunityUpdate,
  type RowState,
  type StopReason,
  type UpdateJob,
} from '../../../node/dist/index.js'

const client = new Client({ token: 't', edition: 'wecom', timeoutMs: 1000, maxRetries: 0 })
const fromEnvironment: Client = Client.fromEnv()
const options: CallOptions = { signal: new AbortController().signal, timeoutMs: 5, maxRetries: 1 }
const settings: ClientOptions = {
  token: 't',
  baseUrl: 'https://x',
  caBundle: 'c',
  clientCert: 'c',
  clientKey: 'k',
}
const text: string = version

async function admits() {
  const update: OpportunityUpdate = {
    user_id: 254,
    title: 'ccc',
    customer_id: '1',
    expect_amount: '20000.50',
    stage: 3514n,
    expect_sign_date: '2026-12-31',
    get_time: null,
    customer_requirement: undefined,
    note: null,
    source: '3521',
    kind: null,
    want_department_id: 395,
    name: 'cccc',
    approve_status: 'approved',
    custom: {
      text_asset_8b1eeedd: 'x',
      text_asset_4a1eb9: ['a', 'b'],
      numeric_asset_1: 12.5,
      user_field_asset_1: [254, '255'],
      file_asset_1: [{ id: 1 }],
      subform_1: null,
    },
  }
  const opportunity: Opportunity = await client.updateOpportunity(568587, update, options)
  await updateOpportunity('568587', { title: 'ccc', customer_id: 1 })
  await update_opportunity(568587n, { note: 'x' }, { partial: true, timeoutMs: 10 })
  const listed = client.listOpportunities({ stage: '谈判/合同', per_page: 50 }, options)
  for await (const row of listed) await client.getOpportunity(row.id ?? 0)
  const { fields } = await client.fieldMap('opportunity', { refresh: true })
  const ids: string[] = fields['stage']?.map(({ id }) => id) ?? []
  await client.updateOpportunity(1, { stage: '赢单' }, { fill: true, ifUnchanged: opportunity })
  const money: string | null | undefined = opportunity.expect_amount
  const rows = [{ 商机ID: 600001, stage: '赢单', note: CLEAR }]
  const job: UpdateJob = await client.planUpdates(rows, {
    job: new URL('file:///q3.job'),
    columns: { stage: 'stage' },
    empty: { stage: 'clear' },
    asOf: new Date(),
    onProgress: ({ line }) => console.log(line),
  })
  await client.applyUpdates(job, { retry: ['failed'], maxErrors: '5%', maxAgeMs: 0, ...options })
  await client.updateOpportunities(Readable.from(rows), { confirm: async () => true })
  for await (const row of job.rows({ state: 'not_found' })) {
    const [state, before]: [RowState, unknown] = [row.state, row.changes['stage']?.before]
  }
  const counts: [number, number] = [job.counts.planned, job.calls.update]
  await (await client.planUndo('q3.job')).skip({ ids: ['1', 2n, 3] })
  const reason: StopReason | null = new JobStoppedError('x').reason
  // @ts-expect-error no such state
  job.rows({ state: 'lost' })
  // @ts-expect-error either ids or keys
  await job.skip({})
  // @ts-expect-error rows are objects
  await client.planUpdates(['1'])
  const phone: string | null | undefined = opportunity.customer?.contacts?.[0]?.address?.phone
  const custom: unknown = opportunity['text_asset_8b1eeedd']
  return [money, phone, custom, ids]
}

async function admitsWhatIsKnownOnlyAtRunTime(fill: boolean, note: string | undefined) {
  const signal: AbortSignal | undefined = undefined
  await client.updateOpportunity(1, { stage: 5, note }, { fill, signal })
  await client.updateOpportunity(1, { stage: 5 }, { partial: fill, timeoutMs: undefined })
  await client.updateOpportunity(1, { title: 'ccc', customer_id: 1, note }, { signal })
  return new Client({ token: note, quota: { calls: undefined } })
}

/** An opportunity without what a program does not keep, and with what it adds. */
type Kept = Omit<Opportunity, 'customer' | 'note'> & { kept_at: Date }

function admitsRecords(opportunity: Opportunity, row: OpportunityRow) {
  const kept: Kept = { ...opportunity, kept_at: new Date() }
  const id: number | null | undefined = kept.id
  const title: string | null | undefined = kept.title
  const picked: Pick<Opportunity, 'id' | 'stage'> = opportunity
  const all: Record<string, unknown> = opportunity
  const partial: Partial<OpportunityRow> = row
  const derived: unknown = [opportunity['text_asset_8b1eeedd_display'], row['x_mapped']]
  return [id, title, picked, all['anything'], partial, derived]
}

function admitsNarrowing(error: unknown) {
  const known = error as AnyIkcrmError
  switch (known.code) {
    case 'validation': {
      const validation: ValidationError = known
      return validation.fields
    }
    case 'auth':
    case 'sign_in_limited': {
      const auth: AuthError = known
      return auth.apiCode
    }
    case 'api': {
      // @ts-expect-error not every refusal is one of the token
      const auth: AuthError = known
      return auth
    }
    default: {
      // @ts-expect-error it was told apart above
      const validation: ValidationError = known
      return validation
    }
  }
}

function admitsErrors(error: unknown) {
  if (error instanceof AuthError) return [error.code, error.apiCode, error.status]
  if (error instanceof CancelledError) return [error.cause, error.mayHaveBeenApplied]
  if (error instanceof ConfigError) return error.fields.map(({ field, code }) => `${field} ${code}`)
  return new IkcrmError('mine', { retryable: true, cause: error }).retryable
}

async function refuses(opportunity: Opportunity) {
  // @ts-expect-error an attribute that is misspelt
  opportunity.titel
  // @ts-expect-error a code that no error has
  if ((new Error() as AnyIkcrmError).code === 'no_such_code') return
  // @ts-expect-error a part that a query does not have
  client.listOpportunities({ stages: 5 })
  // @ts-expect-error a record's id in place of the record
  await client.updateOpportunity(1, { stage: 5 }, { fill: true, ifUnchanged: 568587 })
  const whole = { title: 'ccc', customer_id: 1 }
  // @ts-expect-error a field that is misspelt
  await client.updateOpportunity(1, { titel: 'ccc', customer_id: 1 })
  // @ts-expect-error a name in camelCase
  await client.updateOpportunity(1, { ...whole, expectAmount: 1 })
  // @ts-expect-error a required field that is missing
  await client.updateOpportunity(1, { title: 'ccc' })
  // @ts-expect-error a required field that is null
  await client.updateOpportunity(1, { title: null, customer_id: 1 })
  // @ts-expect-error a required field that is null in a partial update
  await client.updateOpportunity(1, { title: null }, { partial: true })
  // @ts-expect-error a Date, whose zone could move the day
  await client.updateOpportunity(1, { ...whole, get_time: new Date() })
  // @ts-expect-error a text field that is a number
  await client.updateOpportunity(1, { ...whole, note: 5 })
  // @ts-expect-error an id that is a truth value
  await client.updateOpportunity(true, whole)
  // @ts-expect-error a custom field beside the others
  await client.updateOpportunity(1, { ...whole, text_asset_8b1eeedd: 'x' })
  // @ts-expect-error a custom number that is a list
  await client.updateOpportunity(1, { ...whole, custom: { numeric_asset_1: [1] } })
  // @ts-expect-error an option of another language
  await client.updateOpportunity(1, whole, { timeout: 5 })
  // @ts-expect-error the controller in place of its signal
  await client.updateOpportunity(1, whole, { signal: new AbortController() })
  // @ts-expect-error an edition that there is not
  new Client({ token: 't', edition: 'cloud' })
  // @ts-expect-error a setting under another language's name
  new Client({ token: 't', base_url: 'https://x' })
}

export {
  admits,
  admitsErrors,
  admitsNarrowing,
  admitsRecords,
  admitsWhatIsKnownOnlyAtRunTime,
  fromEnvironment,
  refuses,
  settings,
  text,
}
