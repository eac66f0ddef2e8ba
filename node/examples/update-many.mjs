// Updates many opportunities; the same call goes on after a crash.
// Settings come from the environment: IKCRM_TOKEN, and IKCRM_BASE_URL if need be.

import { Client } from 'ikcrm'

const rows = [
  { id: 600001, stage: '赢单' },
  { id: 600002, stage: '输单', note: '价格' },
]

const client = Client.fromEnv()
const job = await client.planUpdates(rows, { job: 'q3.job' }) // reads only
console.log(job)
await client.applyUpdates(job, { progress: true })
console.log(job)
for await (const row of job.rows({ state: 'conflict' })) console.log(row.id, row.message)
