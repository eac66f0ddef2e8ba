// Loads the native module of this platform, or says what to do where there is none.

import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type * as Native from './native.cjs'
import { isCutOff } from './whole'

const target = `${process.platform}-${process.arch}${abi()}`
const built = join(__dirname, '..', `native.${target}.node`)
const installed = join(__dirname, '..', '..', `ikcrm-${target}`, `native.${target}.node`)

/** What tells the systems of one platform apart. */
function abi(): string {
  if (process.platform === 'linux') return isMusl() ? '-musl' : '-gnu'
  return process.platform === 'win32' ? '-msvc' : ''
}

/** Whether this is a Linux without glibc, such as Alpine. */
function isMusl(): boolean {
  if (!existsSync(`/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`))
    return false
  // A system with glibc may have musl too; only the report tells, and it takes its time.
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined
}

function load(): unknown {
  for (const file of [built, installed]) {
    if (!isCutOff(file)) continue
    throw new Error(
      `ikcrm: ${file} was cut off, as by a full disk or a broken download: install ikcrm again, ` +
        'after `npm cache clean --force`',
    )
  }
  try {
    // What was built in this checkout goes first.
    if (existsSync(built)) return require(built)
    // Each is spelt out, and within `try`, so that bundlers take the one that is installed.
    if (target === 'linux-x64-gnu') return require('ikcrm-linux-x64-gnu')
    if (target === 'linux-arm64-gnu') return require('ikcrm-linux-arm64-gnu')
    if (target === 'linux-x64-musl') return require('ikcrm-linux-x64-musl')
    if (target === 'linux-arm64-musl') return require('ikcrm-linux-arm64-musl')
    if (target === 'darwin-x64') return require('ikcrm-darwin-x64')
    if (target === 'darwin-arm64') return require('ikcrm-darwin-arm64')
    if (target === 'win32-x64-msvc') return require('ikcrm-win32-x64-msvc')
    if (target === 'win32-arm64-msvc') return require('ikcrm-win32-arm64-msvc')
  } catch (cause) {
    throw new Error(reason(cause as NodeJS.ErrnoException), { cause })
  }
  throw new Error(
    `ikcrm has no native module for ${target}; it has one for Linux, macOS and Windows on x64 and ` +
      'arm64. Run your program there, such as in the container image node:22-bookworm-slim, or ' +
      'build ikcrm here from its source with `make node`',
  )
}

/** Why the module of this platform could not be loaded, and what to do. */
function reason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'MODULE_NOT_FOUND') {
    return (
      `ikcrm: the package ikcrm-${target} is not installed; it has the native module for this ` +
      'platform. Type `npm install ikcrm` on this platform, and do not leave out optional ' +
      'packages. If a bundler packs your program, mark ikcrm as external, so that its files stay ' +
      'together'
    )
  }
  const remedy = message.includes('GLIBC')
    ? 'Run your program on a newer system: ikcrm needs glibc 2.17 or newer'
    : 'The file may be damaged: install ikcrm again'
  return `ikcrm: the native module for ${target} cannot be loaded: ${message}. ${remedy}`
}

export const {
  CallQueue,
  CancelHandle,
  NativeClient,
  NativeJob,
  NativeList,
  NativeSandbox,
  version,
} = load() as typeof Native
