// Measures what those cost who hear of calls: `listeners.mjs URL CALLS` prints lines of JSON.
//
// Each round makes some calls of each kind in turn, so that all kinds see the same machine.

import diagnostics from 'node:diagnostics_channel'

import { watch } from '../../../node/dist/events.js'
import { Client } from '../../../node/dist/index.js'

const ROUNDS = 20
const [url, count] = process.argv.slice(2)
const CALLS = Math.trunc(Number(count) / ROUNDS)
const FIELDS = { title: 'ccc', customer_id: 1, expect_amount: '20000', get_time: '2019-02-14' }
const CHANNEL = 'ikcrm:call:end'

const client = (options) => new Client({ token: 'bench-token', baseUrl: url, quota: null, ...options })
const nothing = () => {}
const nobody = client()
const kinds = {
  'nobody listens': [nobody, false],
  'a channel has a subscriber': [nobody, true],
  'onEvent that does nothing': [client({ onEvent: nothing }), false],
}
const spent = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, [of, subscribed]] of Object.entries(kinds)) {
    if (subscribed) diagnostics.subscribe(CHANNEL, nothing)
    await of.updateOpportunity(568587, FIELDS)
    const begun = process.cpuUsage()
    for (let call = 0; call < CALLS; call++) await of.updateOpportunity(568587, FIELDS)
    const { user, system } = process.cpuUsage(begun)
    spent[name].push((user + system) / CALLS)
    if (subscribed) diagnostics.unsubscribe(CHANNEL, nothing)
  }
}
const median = (times) => times.toSorted((a, b) => a - b)[Math.trunc(times.length / 2)]
for (const [name, times] of Object.entries(spent)) {
  console.log(JSON.stringify({ name: `Node: ${name}`, cpu_us: median(times) }))
}

const LOOKS = 1_000_000
const begun = process.cpuUsage()
for (let look = 0; look < LOOKS; look++) watch(undefined)
const { user, system } = process.cpuUsage(begun)
console.log(JSON.stringify({ name: 'Node: the look for subscribers', look_us: (user + system) / LOOKS }))
