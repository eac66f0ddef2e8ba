// A user's token store and hook, as the core asks them: by a question and a place for the answer.

import type { TokenReply } from './native.cjs'
import type { ClientOptions } from './options.js'

/** What the core asks through. */
type Asked = (what: 'get' | 'set' | 'told', token: string | null, reply: TokenReply) => void

/** What the core asks the store through; nothing when there is none. */
export function asked(store: ClientOptions['tokenStore']): Asked | undefined {
  if (store === undefined || store === null) return undefined
  return answering((what, token) => (what === 'get' ? store.get() : store.set(token)))
}

/** What the core tells of new tokens through. The sign-in stands, whatever the hook does. */
export function told(hook: ClientOptions['onToken']): Asked | undefined {
  if (hook === undefined || hook === null) return undefined
  return answering((_, token) => hook(token))
}

/** Answers with what `work` returns or promises, or with what it throws. */
function answering(work: (what: string, token: string) => unknown): Asked {
  return async (what, token, reply) => {
    try {
      const kept = await work(what, token ?? '')
      reply.ok(what === 'get' ? ((kept ?? null) as string | null) : null)
    } catch (error) {
      reply.fail(String((error as Error | null)?.message ?? error))
    }
  }
}
