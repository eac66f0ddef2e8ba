// What the tests share: a CRM that answers when it is told to, and child processes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

import { Client } from '../../node/dist/index.js'

export const TOKEN = 'test-token-0123456789'
export const FIELDS = { title: 'ccc', customer_id: 1 }
/** Longer than any test may take: what ends earlier was not ended by its own deadline. */
export const LONG_MS = 60_000
export const PACKAGE = fileURLToPath(new URL('../../node/dist/index.js', import.meta.url))

const SAMPLE = readFileSync(new URL('../contract/sample_answer.json', import.meta.url), 'utf8')

/** The vendor's sample answer, about the opportunity that the request is about. */
function sampleFor(url) {
  const [, id = 568587] = url.match(/opportunities\/(\d+)/) ?? []
  return SAMPLE.replace(/"id": ?568587\b/, `"id":${id}`)
}

/** The JSON of a file in the tests' folder. */
export function json(path) {
  return JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'))
}

/** A table of the contract. */
export const table = (name) => json(`../crates/ikcrm/contract/${name}.json`)

/** A CRM that holds every request until `answer` is called on it; closed when the test is over. */
export class Crm {
  requests = []
  #server = createServer({ keepAliveTimeout: LONG_MS }, (request, response) =>
    this.#take(request, response),
  )
  #arrivals = []

  static async start(test) {
    const crm = new Crm()
    crm.#server.listen(0, '127.0.0.1')
    await once(crm.#server, 'listening')
    test.after(() => crm.#stop())
    return crm
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`
  }

  client(options) {
    return new Client({
      token: TOKEN,
      baseUrl: this.url,
      timeoutMs: LONG_MS,
      quota: null,
      ...options,
    })
  }

  /** Waits until so many requests have come. */
  async arrived(count) {
    if (this.requests.length >= count) return
    await new Promise((resolve) => this.#arrivals.push({ count, resolve }))
  }

  /** Answers every request from now on at once. */
  answerAll(body, status = 200) {
    this.#answer = (request) => request.answer(body, status)
    this.requests.forEach(this.#answer)
  }

  /** Lets this function answer every request from now on. */
  answerWith(answer) {
    this.#answer = answer
  }

  #answer = () => {}

  async #take(request, response) {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const answer = (text = sampleFor(request.url), status = 200, headers = {}) => {
      if (!response.writableEnded) response.writeHead(status, headers).end(text)
    }
    const { headers, method, socket, url } = request
    const taken = { body: body && JSON.parse(body), headers, method, socket, url, answer }
    this.requests.push(taken)
    for (const { count, resolve } of this.#arrivals) if (this.requests.length >= count) resolve()
    this.#answer(taken)
  }

  #stop() {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** A sandbox behind a server that calls something before it passes a request on. */
export async function relay(test, sandbox, onRequest) {
  const crm = await Crm.start(test)
  crm.answerWith(async ({ method, url, headers: { authorization }, body, answer }) => {
    await onRequest(method, url)
    const init = { method, headers: { authorization, 'content-type': 'application/json' } }
    if (body) init.body = JSON.stringify(body)
    answer(await (await fetch(sandbox.url + url, init)).text())
  })
  return crm
}

/** A Node process that runs this source as a module, with the package's path as an argument. */
export function run(source, environment = {}) {
  const args = ['--input-type=module', '--eval', source, PACKAGE]
  const env = { ...process.env, ...environment }
  return spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
}
