// What a program is told where there is no native module, or none that loads.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { PACKAGE } from './support.mjs'

/** A copy of the package without its native module. */
function copied(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ikcrm-'))
  t.after(() => rmSync(folder, { recursive: true }))
  cpSync(dirname(PACKAGE), join(folder, 'dist'), { recursive: true })
  return folder
}

/** The message with which loading the package in this folder fails, after `before` was run. */
function failure(folder, before = '') {
  const source = `${before}
    try { require(${JSON.stringify(join(folder, 'dist'))}) } catch (error) { console.log(error.message) }`
  return execFileSync(process.execPath, ['--eval', source], { encoding: 'utf8' }).trim()
}

const set = (name, value) =>
  `Object.defineProperty(process, '${name}', { value: ${JSON.stringify(value)} });`

test('other platforms are named, with what to do', (t) => {
  const folder = copied(t)
  const platforms = [
    ['darwin', 'arm64', 'darwin-arm64'],
    ['win32', 'x64', 'win32-x64-msvc'],
    ['linux', 'arm64', 'linux-arm64-gnu'],
    ['freebsd', 'x64', 'freebsd-x64'],
  ]
  for (const [platform, arch, target] of platforms) {
    const message = failure(folder, set('platform', platform) + set('arch', arch))
    assert.match(
      message,
      new RegExp(`no native module for ${target}; it has one for linux-x64-gnu`),
    )
    assert.match(message, /container image|make node/)
    assert.doesNotMatch(message, /npm|ikcrm-/)
  }
})

test('a Linux without glibc is told as one', (t) => {
  const report = 'process.report.getReport = () => ({ header: {} });'
  assert.match(failure(copied(t), report), /no native module for linux-x64-musl/)
})

test('a file that a bundler left behind is told to be missing', (t) => {
  assert.match(failure(copied(t)), /native\.linux-x64-gnu\.node is missing.*external/)
})

test('a damaged file is told to be one', (t) => {
  const folder = copied(t)
  writeFileSync(join(folder, 'native.linux-x64-gnu.node'), 'torn')
  assert.match(failure(folder), /cannot be loaded: .*damaged: install ikcrm again/)
})

test('a module that was built on another platform is taken there', (t) => {
  const folder = copied(t)
  writeFileSync(join(folder, 'native.linux-riscv64-gnu.node'), 'built here')
  assert.match(failure(folder, set('arch', 'riscv64')), /riscv64-gnu\.node cannot be loaded/)
})
