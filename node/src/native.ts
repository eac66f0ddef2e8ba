// Loads the native module of this platform, or says what to do where there is none.

import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type * as Native from './native.cjs'

/** The platforms that the package comes with; spelt out, so that bundlers find the files. */
const PUBLISHED: Record<string, () => unknown> = {
  'linux-x64-gnu': () => require('../native.linux-x64-gnu.node'),
}

/** What tells the systems of one platform apart, in the names of files. */
const ABI: Record<string, string> = { linux: '-gnu', win32: '-msvc' }

const target = `${process.platform}-${process.arch}${ABI[process.platform] ?? ''}`
const file = `native.${target}.node`
const path = join(__dirname, '..', file)

function load(): unknown {
  const published = PUBLISHED[target]
  try {
    if (published) return published()
    // On any other platform there may be one that was built there.
    if (existsSync(path)) return require(path)
  } catch (cause) {
    throw new Error(reason(cause), { cause })
  }
  throw new Error(unsupported(target))
}

/** Why the module of this platform could not be loaded, and what to do. */
function reason(cause: unknown): string {
  if (isMusl()) return unsupported(target.replace('-gnu', '-musl'))
  if (!existsSync(path)) {
    return (
      `ikcrm: ${path} is missing. If a bundler packs your program, mark ikcrm as external, so ` +
      'that its files stay together; otherwise install ikcrm again'
    )
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  const remedy = why.includes('GLIBC')
    ? 'Run your program on a newer system: ikcrm needs glibc 2.34 or newer'
    : 'The file may be damaged: install ikcrm again'
  return `ikcrm: ${path} cannot be loaded: ${why}. ${remedy}`
}

function unsupported(here: string): string {
  return (
    `ikcrm has no native module for ${here}; it has one for ${Object.keys(PUBLISHED).join(', ')}. ` +
    'Run your program there, such as in the container image node:22-bookworm-slim, or build ikcrm ' +
    'here from its source with `make node`'
  )
}

/** Whether this is a Linux without glibc, such as Alpine. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined
}

export const { CancelHandle, CompletionQueue, NativeClient, NativeList, NativeSandbox, version } =
  load() as typeof Native
