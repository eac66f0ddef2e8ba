// What runs the cases that all languages share: the servers of the tests, and how JSON is spelt.

import { execFileSync, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

import { CLEAR } from '../../node/dist/index.js'

const ROOT = new URL('../../', import.meta.url)

/** Where a program of the tests was built to. */
function built(name) {
  const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: Infinity }
  const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version=1'], options)
  return `${JSON.parse(metadata).target_directory}/debug/${name}`
}

/** Where it is; all programs stand beside the scripted server. */
export function pathOf(name) {
  const given = process.env.IKCRM_SCRIPTED_SERVER
  return given ? join(dirname(given), name) : built(name)
}

/** Speaks with a server of the tests: a line of JSON there, a line back. */
export class ScriptedServer {
  #process
  #answers

  constructor(name = 'scripted-server') {
    this.#process = spawn(pathOf(name), { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
  }

  async ask(request) {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`)
    return JSON.parse((await this.#answers.next()).value)
  }

  stop() {
    this.#process.stdin.end()
  }
}

/** How JavaScript spells what JSON cannot. */
const SPELT = {
  $decimal: (text) => text,
  $date: (text) => text,
  $datetime: (text) => new Date(text),
  $float: (text) => Number(text.replace('inf', 'Infinity')),
  $int: BigInt,
  $absent: () => undefined,
  $clear: () => CLEAR,
}

export function spell(value) {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(spell)
  const [[name, inner] = []] = Object.entries(value)
  if (name in SPELT) return SPELT[name](inner)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, spell(inner)]))
}

/** What counts in seconds elsewhere, and in milliseconds here. */
export const SECONDS = [
  ...['timeout', 'deadline', 'sign_in_interval', 'idle_timeout', 'per', 'max_wait', 'retry_after'],
  ...['at', 'elapsed', 'wait', 'quota_wait', 'max_duration', 'max_age'],
]

export function inNode(name) {
  const camel = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
  return SECONDS.includes(name) ? `${camel}Ms` : camel
}

/** Options under their names in Node, with milliseconds. */
export function inNodeOptions(options) {
  const entries = Object.entries(options).map(([name, value]) => {
    if (name === 'quota' && typeof value === 'object' && value) return [name, inNodeOptions(value)]
    const seconds = SECONDS.includes(name) && typeof value === 'number'
    return [inNode(name), seconds ? value * 1000 : value]
  })
  return Object.fromEntries(entries)
}
