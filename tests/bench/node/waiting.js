// Lets calls wait: `waiting.js URL CALLS` prints a line of JSON.

import { readFileSync, readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { Client } from '../../../node/dist/index.js'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const [url, count] = [process.argv[2], Number(process.argv[3])]
const fields = { title: 'ccc', customer_id: 1 }
const mib = () => {
  gc()
  return /^Pss: +(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1] / 1024
}
const threads = () => readdirSync('/proc/self/task').length
const timed = async (work) => {
  const begun = performance.now()
  await work().catch(() => {})
  return performance.now() - begun
}

const client = new Client({ token: 't', baseUrl: url, quota: { calls: 1, perMs: 3_600_000 } })
await client.updateOpportunity(568587, fields)
const [before, had] = [mib(), threads()]
const calls = Array.from({ length: count }, () => client.updateOpportunity(568587, fields))
const all = Promise.allSettled(calls)
while ((await client.quota()).waiting < count);
const told = { mib: mib() - before, threads: threads() - had }
told.quota_ms = await timed(() => client.quota())
told.refusal_ms = await timed(() => client.updateOpportunity(0, fields))
await client.close()
await all
console.log(JSON.stringify({ name: 'ikcrm, Node', ...told }))
