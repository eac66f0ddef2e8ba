// Updates many opportunities on many machines, with BullMQ.
//
//   node with-bullmq.mjs work                        on each machine
//   node with-bullmq.mjs add rows.json result.json
//
// REDIS_URL is the server of the queue. Each worker takes its settings from its environment:
// IKCRM_TOKEN, IKCRM_BASE_URL, IKCRM_QUOTA_STORE=redis://…, so that all share the quota of the
// company, and IKCRM_QUOTA_MAX_WAIT=60, so that a job that waits longer goes back to the queue.

import { readFile, writeFile } from 'node:fs/promises'

import { DelayedError, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq'
import { AuthError, ConfigError, QuotaExceededError, updateOpportunity } from 'ikcrm'

const connection = { url: process.env.REDIS_URL }
// How long the jobs of a dead worker wait for another one. A living worker renews its locks, also
// while calls wait for the quota: a waiting call does not hold the event loop.
const lockDuration = Number(process.env.LOCK_MS ?? 30_000)

async function update(job, token) {
  const { id, ...fields } = job.data
  try {
    await updateOpportunity(id, fields, { fill: true })
    return { ...job.data, state: 'updated', message: '' }
  } catch (error) {
    if (error instanceof QuotaExceededError) {
      await job.moveToDelayed(Date.now() + (error.retryAfterMs ?? 10_000), token)
      throw new DelayedError() // says that the job was moved; this is no attempt
    }
    if (error.retryable) throw error // BullMQ tries again
    if (error instanceof AuthError || error instanceof ConfigError) {
      throw new UnrecoverableError(error.message) // not the row's fault
    }
    return { ...job.data, state: error.code, message: error.message }
  }
}

async function work() {
  const worker = new Worker('updates', update, {
    connection,
    concurrency: 5,
    lockDuration,
    stalledInterval: lockDuration,
    maxStalledCount: 10, // how often a job may lose its worker; an update may be sent twice
  })
  worker.on('error', (error) => console.error(error.message))
}

async function add(source, result) {
  const queue = new Queue('updates', { connection })
  const events = new QueueEvents('updates', { connection })
  const opts = { attempts: 5, backoff: { type: 'exponential', delay: 10_000 } }
  const rows = JSON.parse(await readFile(source, 'utf8'))
  const jobs = await queue.addBulk(rows.map((data) => ({ name: 'update', data, opts })))
  const done = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)))
  await writeFile(result, JSON.stringify(done, null, 2))
  await Promise.all([queue.close(), events.close()])
}

const [, , command, ...files] = process.argv
await { work, add }[command](...files)
