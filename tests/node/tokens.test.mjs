// A token store of the user's own: what it gives, what it throws, and what no error may show.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'

import { TokenStoreError } from '../../node/dist/index.js'
import { Crm, FIELDS, LONG_MS, TOKEN } from './support.mjs'

const OPTIONS = { timeout: LONG_MS / 2 }

/** The error of a call whose token store is this one. */
async function failed(t, tokenStore) {
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client({ token: null, tokenStore })
  return client.updateOpportunity(1, FIELDS).then(assert.fail, (error) => error)
}

class Wrapped {
  constructor() {
    this.token = TOKEN
  }
}

const WRONG = {
  'an object': [{ token: TOKEN }, 'Object'],
  'an instance': [new Wrapped(), 'Wrapped'],
  'a list': [[TOKEN], 'Array'],
  'a String object': [new String(TOKEN), 'String'],
  'a Buffer': [Buffer.from(TOKEN), 'Buffer'],
  'an object without prototype': [Object.assign(Object.create(null), { token: TOKEN }), 'Object'],
  'a function': [() => TOKEN, 'function'],
  'a number': [5, 'number'],
}

for (const [what, [token, kind]] of Object.entries(WRONG)) {
  test(`a store that gives ${what} is told so, and no token is shown`, OPTIONS, async (t) => {
    const error = await failed(t, { get: () => token, set() {} })
    assert(error instanceof TokenStoreError)
    assert.match(error.message, new RegExp(`get\\(\\) must give the token as a string.*${kind}$`))
    const shown = [inspect(error, { depth: null, showHidden: true }), error.stack, String(error)]
    assert.doesNotMatch([...shown, JSON.stringify(error)].join(), new RegExp(TOKEN))
  })
}

test("the cause is the store's own error", OPTIONS, async (t) => {
  const own = Object.assign(new RangeError('the vault is sealed'), { vault: 7 })
  for (const get of [
    () => {
      throw own
    },
    async () => Promise.reject(own),
  ]) {
    const error = await failed(t, { get, set() {} })
    assert(error instanceof TokenStoreError)
    assert.equal(error.cause, own)
    assert.match(error.message, /the vault is sealed/)
  }
})

test('what is thrown without being an error is the cause, too', OPTIONS, async (t) => {
  for (const own of ['text', undefined, null, 5]) {
    const error = await failed(t, { get: () => Promise.reject(own), set() {} })
    assert(error instanceof TokenStoreError)
    assert('cause' in error)
    assert.equal(error.cause, own)
  }
})

test('each of many calls has the error that the store threw for it', OPTIONS, async (t) => {
  const crm = await Crm.start(t)
  let asked = 0
  const tokenStore = {
    get() {
      throw new Error(String(++asked))
    },
    set() {},
  }
  const client = crm.client({ token: null, tokenStore })
  for (let call = 1; call <= 150; call++) {
    const error = await client.updateOpportunity(1, FIELDS).catch((error) => error)
    assert.equal(error.cause.message, String(call))
  }
})

test('a store that is an instance with methods is one', OPTIONS, async (t) => {
  class Store {
    #token = TOKEN
    get() {
      return this.#token
    }
    set(token) {
      this.#token = token
    }
  }
  const crm = await Crm.start(t)
  crm.answerAll()
  const client = crm.client({ token: null, tokenStore: new Store() })
  assert.equal((await client.updateOpportunity(568587, FIELDS)).id, 568587)
})

test(
  'a store that names the token in its own error does not make ours show it',
  OPTIONS,
  async (t) => {
    const crm = await Crm.start(t)
    crm.answerAll(JSON.stringify({ code: 0, data: { user_token: TOKEN } }))
    const tokenStore = {
      get: () => null,
      set(token) {
        throw new Error(`cannot write ${token} to the vault`)
      },
    }
    const client = crm.client({ token: null, login: 'demo', password: 'secret', tokenStore })
    const error = await client.updateOpportunity(1, FIELDS).then(assert.fail, (error) => error)
    assert(error instanceof TokenStoreError, error)
    assert.match(error.message, /cannot write \*\*\* to the vault/)
  },
)
