// What happens in a call, and who is told: a function of the user's, channels and NODE_DEBUG.

import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'

import type { CallEvent, CallEventName } from './options.js'

type OnEvent = ((event: CallEvent) => unknown) | null | undefined

/** The names of the channels. */
const CHANNELS: Record<CallEventName, string> = {
  call_started: 'ikcrm:call:start',
  call_finished: 'ikcrm:call:end',
  attempt_sent: 'ikcrm:attempt:start',
  attempt_answered: 'ikcrm:attempt:end',
  quota_wait_began: 'ikcrm:quota-wait:start',
  quota_wait_long: 'ikcrm:quota-wait:long',
  quota_wait_ended: 'ikcrm:quota-wait:end',
  retry_planned: 'ikcrm:retry',
  signed_in: 'ikcrm:sign-in',
  lookup_made: 'ikcrm:lookup',
  quota_blocked: 'ikcrm:quota-blocked',
  store_warning: 'ikcrm:store-warning',
  token_store_asked: 'ikcrm:token-store',
}

const channels = new Map(Object.entries(CHANNELS).map(([name, own]) => [name, channel(own)]))
const all = [...channels.values()]
const debug = debuglog('ikcrm')
/** The functions of which was told already that they throw. */
const reported = new WeakSet<object>()

/** What to tell of a call that begins, in its context; nothing when nobody would hear of it. */
export function watch(onEvent: OnEvent): ((json: string) => void) | undefined {
  const heard = onEvent || debug.enabled || all.some((it) => it.hasSubscribers)
  if (!heard) return undefined
  return AsyncResource.bind((json: string) => {
    for (const event of JSON.parse(json) as CallEvent[]) tell(event, onEvent)
  })
}

function tell(event: CallEvent, onEvent: OnEvent): void {
  const { name, callId, ...facts } = event
  debug('%s %s %o', callId, name, facts)
  channels.get(name)?.publish(event)
  try {
    onEvent?.(event)
  } catch (error) {
    if (!onEvent || reported.has(onEvent)) return
    reported.add(onEvent)
    process.emitWarning(`onEvent threw, which fails no call: ${String(error)}`, 'IkcrmWarning')
  }
}
