// Calls whose pace bottleneck sets: `paced.js SIDE_BY_SIDE CALLS`; refusals are left as they are.

import Bottleneck from 'bottleneck'

import { Client, RateLimitedError } from '../../../node/dist/index.js'

const [sideBySide, calls] = process.argv.slice(2).map(Number)
const client = Client.fromEnv()
const limiter = new Bottleneck({
  reservoir: 10,
  reservoirRefreshAmount: 10,
  reservoirRefreshInterval: 1000,
  maxConcurrent: sideBySide,
})

async function call() {
  try {
    await client.updateOpportunity(568587, { title: 'ccc', customer_id: 1 })
  } catch (error) {
    if (!(error instanceof RateLimitedError)) throw error // the sandbox counts what it refused
  }
}

await Promise.all(Array.from({ length: sideBySide * calls }, () => limiter.schedule(call)))
process.exit(0) // the limiter's timer would keep the process
