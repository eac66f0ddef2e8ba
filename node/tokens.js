// A user's token store and hook, as the core asks them: by a question and a place for the answer.
'use strict'

/** What the core asks the store through; nothing when there is none. */
function asked(store) {
  if (store === undefined || store === null) return undefined
  return answering((what, token) => (what === 'get' ? store.get() : store.set(token)))
}

/** What the core tells of new tokens through. The sign-in stands, whatever the hook does. */
function told(hook) {
  if (hook === undefined || hook === null) return undefined
  return answering((_, token) => hook(token))
}

/** Answers with what `work` returns or promises, or with what it throws. */
function answering(work) {
  return async (what, token, reply) => {
    try {
      const kept = await work(what, token)
      reply.ok(what === 'get' ? (kept ?? null) : null)
    } catch (error) {
      reply.fail(String(error?.message ?? error))
    }
  }
}

module.exports = { asked, told }
