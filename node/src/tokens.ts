// A user's token store and hook, as the core asks them: by a question and a place for the answer.

import type { TokenReply } from './native.cjs'
import type { TokenStore } from './options.js'

/** What the core asks through. */
type Asked = (what: 'get' | 'set' | 'told', token: string | null, reply: TokenReply) => void

/** How many of the newest errors of stores are kept until their calls tell of them. */
const KEPT = 100

const thrown = new Map<number, unknown>()
let last = 0

/** Whether this is a store, which the core asks through {@link asked}. */
export function isStore(store: unknown): store is TokenStore {
  const { get, set } = (store ?? {}) as Partial<TokenStore>
  return typeof get === 'function' && typeof set === 'function'
}

/** What the core asks the store through. */
export function asked(store: TokenStore): Asked {
  return answering(async (what, token) => {
    if (what === 'get') return textOf(await store.get())
    await store.set(token)
    return undefined
  })
}

/** What the core tells of new tokens through. The sign-in stands, whatever the hook does. */
export function told(hook: (token: string) => unknown): Asked {
  return answering(async (_, token) => {
    await hook(token)
    return undefined
  })
}

/** What a store threw, of which an error tells the number. */
export function thrownBy(number: number): unknown {
  return thrown.get(number)
}

/** Answers with what `work` promises, or with what it throws. */
function answering(work: (what: string, token: string) => Promise<string | undefined>): Asked {
  return async (what, token, reply) => {
    try {
      reply.ok(await work(what, token ?? ''))
    } catch (error) {
      const message = String((error as Error | null)?.message ?? error)
      reply.fail(token ? message.replaceAll(token, '***') : message, keep(error))
    }
  }
}

/** The token, which no message may show whatever it is wrapped in. */
function textOf(token: unknown): string | undefined {
  if (token === undefined || token === null) return undefined
  if (typeof token === 'string') return token
  const kind = typeof token === 'object' ? (token.constructor?.name ?? 'Object') : typeof token
  throw new TypeError(`get() must give the token as a string, or null; it gave a value of ${kind}`)
}

function keep(error: unknown): number {
  thrown.set(++last, error)
  thrown.delete(last - KEPT)
  return last
}
