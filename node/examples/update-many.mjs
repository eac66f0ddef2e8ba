// Updates many opportunities: plans, shows the plan, applies it, and tells what became of each row.
// Settings come from the environment: IKCRM_TOKEN, IKCRM_BASE_URL.

import { Client } from 'ikcrm'

const rows = [600001, 600002, 600003].map((id) => ({ id, stage: '赢单' }))
rows.push({ id: 600004, expect_amount: '12,000' })

const client = Client.fromEnv()
const job = await client.planUpdates(rows) // reads only
console.log(job)
await client.applyUpdates(job, { skipInvalid: true, progress: true })
for await (const { number, id, state, message } of job.rows()) {
  console.log(`  ${number}  ${id}  ${state.padEnd(10)}${message ?? ''}`)
}
