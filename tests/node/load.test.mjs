// What a program is told where there is no native module, or none that loads.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { json, PACKAGE } from './support.mjs'

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
  return execFileSync(process.execPath, ['--eval', source], {
    encoding: 'utf8',
  }).trim()
}

const set = (name, value) =>
  `Object.defineProperty(process, '${name}', { value: ${JSON.stringify(value)} });`

/** Makes the process one on this platform. */
const on = (platform, arch) => set('platform', platform) + set('arch', arch)

/** Makes the process one on a Linux with musl. */
const MUSL = `const fs = require('node:fs')
  const { existsSync } = fs
  fs.existsSync = (path) => String(path).startsWith('/lib/ld-musl') || existsSync(path)
  process.report.getReport = () => ({ header: {} });`

test('a platform without a package is named, with what to do', (t) => {
  const folder = copied(t)
  for (const [platform, arch, target] of [
    ['freebsd', 'x64', 'freebsd-x64'],
    ['linux', 'riscv64', 'linux-riscv64-gnu'],
    ['win32', 'ia32', 'win32-ia32-msvc'],
  ]) {
    const message = failure(folder, on(platform, arch))
    assert.match(message, new RegExp(`no native module for ${target}; it has one for Linux, macOS`))
    assert.match(message, /container image.*make node/)
    assert.doesNotMatch(message, /npm|ikcrm-/)
  }
})

test("a platform's package that is missing is named, with what to type", (t) => {
  const folder = copied(t)
  const { targets } = json('../node/package.json').napi
  const platforms = [
    ['linux-x64-gnu', on('linux', 'x64')],
    ['linux-arm64-gnu', on('linux', 'arm64')],
    ['linux-x64-musl', MUSL + on('linux', 'x64')],
    ['linux-arm64-musl', MUSL + on('linux', 'arm64')],
    ['darwin-x64', on('darwin', 'x64')],
    ['darwin-arm64', on('darwin', 'arm64')],
    ['win32-x64-msvc', on('win32', 'x64')],
    ['win32-arm64-msvc', on('win32', 'arm64')],
  ]
  assert.equal(platforms.length, targets.length)
  for (const [target, before] of platforms) {
    assert.match(
      failure(folder, before),
      new RegExp(
        `^ikcrm: the package ikcrm-${target} is not installed.*npm install ikcrm.*external`,
      ),
    )
  }
})

test("a platform's package is found, and no other is looked for", (t) => {
  const folder = copied(t)
  const place = join(folder, 'node_modules', 'ikcrm-darwin-arm64')
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, 'index.js'), "throw new Error('found')")
  assert.match(failure(folder, on('darwin', 'arm64')), /module for darwin-arm64 cannot.*: found\./)
  assert.match(failure(folder, on('darwin', 'x64')), /ikcrm-darwin-x64 is not installed/)
})

test('a damaged file is told to be one', (t) => {
  const folder = copied(t)
  writeFileSync(join(folder, 'native.linux-x64-gnu.node'), 'torn')
  assert.match(failure(folder), /cannot be loaded: .*damaged: install ikcrm again/)
})

test('a module that was built on another platform is taken there', (t) => {
  const folder = copied(t)
  writeFileSync(join(folder, 'native.linux-riscv64-gnu.node'), 'built here')
  assert.match(
    failure(folder, set('arch', 'riscv64')),
    /module for linux-riscv64-gnu cannot be loaded/,
  )
})

test('a module that was cut off is told, and does not end the process', (t) => {
  const package_ = dirname(dirname(PACKAGE))
  const module = readdirSync(package_).find((name) => /^native\.linux-.*\.node$/.test(name))
  if (!module) return t.skip('elsewhere the system refuses it')
  const half = readFileSync(join(package_, module))
  const folder = copied(t)
  const modules = join(folder, 'node_modules')
  cpSync(join(folder, 'dist'), join(modules, 'ikcrm', 'dist'), { recursive: true })
  const installed = module.replace('native.', 'ikcrm-').replace('.node', '')
  for (const place of ['ikcrm', installed]) {
    mkdirSync(join(modules, place), { recursive: true })
    const cut = join(modules, place, module)
    writeFileSync(cut, half.subarray(0, half.length / 2))
    const message = failure(join(modules, 'ikcrm'))
    assert.ok(message.startsWith(`ikcrm: ${cut} was cut off`), message)
    rmSync(cut)
  }
})
