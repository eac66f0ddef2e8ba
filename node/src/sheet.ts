// Sheets that rows come from: files, and streams of a text file, which are kept in one meanwhile.

import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { pathOf } from './job.js'

/** Works with the path of a sheet; tells whether it is one. */
export async function withSheet(
  rows: unknown,
  work: (path: string) => Promise<void>,
): Promise<boolean> {
  if (typeof rows === 'string' || rows instanceof URL) {
    await work(pathOf(rows))
    return true
  }
  if (!(rows instanceof Readable) || rows.readableObjectMode) return false
  const folder = await mkdtemp(join(tmpdir(), 'ikcrm-'))
  try {
    const path = join(folder, 'stream.csv')
    await pipeline(rows, createWriteStream(path, { mode: 0o600 }))
    await work(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return true
}
