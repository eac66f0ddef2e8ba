// Whether a native module is whole: to load one that was cut off would end the process without a word.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

/** Whether a file of the form ELF ends before its table of sections, which stands last. */
export function isCutOff(file: string): boolean {
  if (!existsSync(file)) return false
  const head = Buffer.alloc(64)
  const handle = openSync(file, 'r')
  try {
    readSync(handle, head)
    if (head.readUInt32BE(0) !== 0x7f454c46) return false
    const [start, entry, entries] = [
      head.readBigUInt64LE(40),
      head.readUInt16LE(58),
      head.readUInt16LE(60),
    ]
    return fstatSync(handle).size < Number(start) + entry * entries
  } finally {
    closeSync(handle)
  }
}
