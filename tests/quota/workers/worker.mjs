// Makes calls side by side with the environment's settings: `worker.mjs SIDE_BY_SIDE CALLS`.
// A call that failed because the quota's store was away is made again; any other error ends it.

import { setTimeout as delay } from 'node:timers/promises'

import { Client, QuotaStoreError } from '../../../node/dist/index.js'

const [sideBySide, calls] = process.argv.slice(2).map(Number)
const client = Client.fromEnv()

async function call() {
  for (;;) {
    try {
      return await client.updateOpportunity(568587, { title: 'ccc', customer_id: 1 })
    } catch (error) {
      if (!(error instanceof QuotaStoreError && error.retryable)) throw error
      await delay(100)
    }
  }
}

async function worker() {
  for (let made = 0; made < calls; made++) await call()
}

await Promise.all(Array.from({ length: sideBySide }, worker))
