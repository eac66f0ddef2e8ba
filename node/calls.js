// The calls under way: each is a promise with a number, under which its outcome comes back.
'use strict'

const { CompletionQueue } = require('./native.js')

const resolvers = new Map()
const queue = new CompletionQueue(settle)
let last = 0

/** Begins a call and promises its outcome; until it is there, the process lives on. */
function start(begin) {
  return new Promise((resolve) => {
    const call = ++last
    begin(queue, call)
    resolvers.set(call, resolve)
    if (resolvers.size === 1) queue.keepAlive(true)
  })
}

function settle(call, outcome) {
  const resolve = resolvers.get(call)
  resolvers.delete(call)
  if (resolvers.size === 0) queue.keepAlive(false)
  resolve(outcome)
}

module.exports = { start }
