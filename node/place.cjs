// Puts the native module that `cargo build -p ikcrm-node` made where the loader looks for it. napi's CLI
// would do so too, but builds all that it needs once more, for a target of its own.

'use strict'

const { execFileSync } = require('node:child_process')
const { copyFileSync } = require('node:fs')
const { join } = require('node:path')

const BUILT = { darwin: 'libikcrm_node.dylib', win32: 'ikcrm_node.dll' }

const { arch, platform } = process
const musl = platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime
const abi = { linux: musl ? '-musl' : '-gnu', win32: '-msvc' }[platform] ?? ''
const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1'])
const { target_directory: target } = JSON.parse(metadata)
copyFileSync(
  join(target, 'debug', BUILT[platform] ?? 'libikcrm_node.so'),
  join(__dirname, `native.${platform}-${arch}${abi}.node`),
)
