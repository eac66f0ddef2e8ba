// Measures ikcrm and Node's HTTP clients: `measure.js URL SLOW_URL CALLS` prints lines of JSON.
// SLOW_URL answers after 50 ms. Every peer does the whole job: makes the JSON, sends, checks the
// status, reads the answer's JSON.

import axios from 'axios'
import { execFileSync } from 'node:child_process'
import { request } from 'undici'

import { Client } from '../../../node/dist/index.js'

const ROUNDS = 10
const IN_FLIGHT = 64
const SHARE = 40
const IDEAL_MS = SHARE * 50
const PATH = '/api/v2/opportunities/568587'
const headers = {
  authorization: 'Token token=bench-token, device=open_api, version_code=9.9.9',
  'content-type': 'application/json',
  accept: 'application/json',
}
const fields = { title: 'ccc', customer_id: 1, expect_amount: '20000', get_time: '2019-02-14' }
const body = () => JSON.stringify({ opportunity: fields })

const peers = {
  'ikcrm, Node': (url) => {
    const client = new Client({ token: 'bench-token', baseUrl: url, quota: null })
    return async () => (await client.updateOpportunity(568587, fields)).id
  },
  'undici.request': (url) => async () => {
    const answer = await request(url + PATH, { method: 'PUT', headers, body: body() })
    if (answer.statusCode !== 200) throw new Error(String(answer.statusCode))
    return (await answer.body.json()).data.id
  },
  fetch: (url) => async () => {
    const answer = await fetch(url + PATH, { method: 'PUT', headers, body: body() })
    if (!answer.ok) throw new Error(String(answer.status))
    return (await answer.json()).data.id
  },
  axios: (url) => async () => {
    const answer = await axios.put(url + PATH, { opportunity: fields }, { headers })
    return answer.data.data.id
  },
}

const report = (line) => console.log(JSON.stringify(line))

/** Rounds of each in turn, so that a slow moment of the machine hits all alike. */
async function sequential(url, number) {
  const rows = Object.entries(peers).map(([name, make]) => ({
    name,
    call: make(url),
    cpu: 0,
    time: 0,
  }))
  for (let round = 0; round <= ROUNDS; round++) {
    for (const row of rows) {
      const cpu = process.cpuUsage()
      const begun = performance.now()
      for (let i = 0; i < number / ROUNDS; i++) {
        if ((await row.call()) !== 568587) throw new Error(row.name)
      }
      if (round === 0) continue // warms up
      const { user, system } = process.cpuUsage(cpu)
      row.cpu += user + system
      row.time += performance.now() - begun
    }
  }
  for (const { name, cpu, time } of rows) {
    report({ name, cpu_us: cpu / number, time_us: (time * 1000) / number })
  }
}

async function inFlight(name, url) {
  const call = peers[name](url)
  const worker = async (share) => {
    for (let i = 0; i < share; i++) await call()
  }
  const all = (share) => Promise.all(Array.from({ length: IN_FLIGHT }, () => worker(share)))
  await all(1)
  const begun = performance.now()
  await all(SHARE)
  report({ name: `${name}, 64 in flight`, of_ideal: (performance.now() - begun) / IDEAL_MS })
}

/** The peak of a fresh process after 1,000 calls, and how much of it the calls added. */
function memory(name, url) {
  const run = [process.argv[1], '--memory', name, url]
  report({ name, ...JSON.parse(execFileSync(process.execPath, run, { encoding: 'utf8' })) })
}

async function memoryOfThis(name, url) {
  const call = peers[name](url)
  const peak = () => process.resourceUsage().maxRSS / 1024
  await call()
  const before = peak()
  for (let i = 0; i < 1000; i++) await call()
  report({ peak_mib: peak(), grown_mib: peak() - before })
}

const [first, second, third] = process.argv.slice(2)
if (first === '--memory') {
  await memoryOfThis(second, third)
} else {
  await sequential(first, Number(third))
  for (const name of ['ikcrm, Node', 'undici.request', 'fetch']) await inFlight(name, second)
  for (const name of Object.keys(peers)) memory(name, first)
}
process.exit(0) // the peers keep connections open
