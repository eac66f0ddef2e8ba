#!/usr/bin/env node
// The stand-in CRM as a program: `npx ikcrm-sandbox`.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'

import { Sandbox } from './testing.js'

const USAGE = `A stand-in for the CRM 励销云/爱客CRM, in memory, on 127.0.0.1.
Prints its URL, and the settings that let a program call it.

Usage: ikcrm-sandbox [options] [command]

  [command]                        run this command with the settings, print nothing else, and end
                                   as it ends
  --port <port>                    the port to listen on; 0 takes any free one
  --token <token>                  the token to accept for ever
  --account <login:password:1,2>   an account that may sign in: login, password, ids of enterprises;
                                   may be given again
  --no-quota                       admit any number of calls
  --quota-calls <calls>            how many calls to admit in any window (10)
  --quota-window-ms <ms>           how long a window is (10000)
  --latency-ms <ms>                how long each answer takes (0)
  --until-stdin-closes             stop when standard input closes
  --help                           show this
`

const OPTIONS = {
  port: { type: 'string', default: '0' },
  token: { type: 'string', default: 'sandbox-token' },
  account: { type: 'string', multiple: true, default: [] as string[] },
  'no-quota': { type: 'boolean', default: false },
  'quota-calls': { type: 'string', default: '10' },
  'quota-window-ms': { type: 'string', default: '10000' },
  'latency-ms': { type: 'string', default: '0' },
  'until-stdin-closes': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Our own arguments, and the command after them. */
function split(args: string[]): [ours: string[], command: string[]] {
  const lax = { args, options: OPTIONS, strict: false, tokens: true } as const
  const end = parseArgs(lax).tokens.find(({ kind }) => kind !== 'option')
  if (end === undefined) return [args, []]
  const isMark = end.kind === 'option-terminator'
  return [args.slice(0, end.index), args.slice(isMark ? end.index + 1 : end.index)]
}

async function main(): Promise<void> {
  const [args, command] = split(process.argv.slice(2))
  const { values } = parseArgs({ args, options: OPTIONS })
  if (values.help) return void process.stdout.write(USAGE)
  const quota = { calls: Number(values['quota-calls']), perMs: Number(values['quota-window-ms']) }
  const accounts = values.account.map(account)
  const sandbox = await Sandbox.start({
    token: values.token,
    port: Number(values.port),
    quota: values['no-quota'] ? null : quota,
    latencyMs: Number(values['latency-ms']),
    ...(accounts.length > 0 && { accounts }),
  })
  const settings = { IKCRM_BASE_URL: sandbox.url, IKCRM_TOKEN: sandbox.token }
  const [program, ...rest] = command
  if (program !== undefined) {
    process.exitCode = await run(program, rest, settings)
  } else {
    process.stdout.write(`${sandbox.url}\n${shell(settings)}\n`)
    if (values['until-stdin-closes']) await once(process.stdin.resume(), 'close')
    else await new Promise((end) => process.once('SIGINT', end) && setInterval(() => {}, 2 ** 30))
  }
  await sandbox.close()
  process.exit()
}

/** Login, password and enterprises; the password may hold colons. */
function account(text: string) {
  const [, login = '', password = '', corpIds = ''] = /^([^:]*):(.*):([^:]*)$/s.exec(text) ?? []
  if (login === '') throw new Error(`--account ${text}: write login:password:1,2`)
  return { login, password, corpIds: corpIds.split(',') }
}

/** Runs the command with the settings; its exit code, or 1 when a signal ended it. */
async function run(program: string, args: string[], settings: object): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...settings } })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** The line that makes the settings those of a shell. */
function shell(settings: Record<string, string>): string {
  const entries = Object.entries(settings)
  if (process.platform === 'win32') {
    return entries.map(([name, it]) => `$env:${name} = '${it.replaceAll("'", "''")}'`).join('; ')
  }
  const quoted = entries.map(([name, it]) => `${name}='${it.replaceAll("'", "'\\''")}'`)
  return `export ${quoted.join(' ')}`
}

main().catch((error: Error) => {
  process.stderr.write(`ikcrm-sandbox: ${error.message}\n`)
  process.exit(2)
})
