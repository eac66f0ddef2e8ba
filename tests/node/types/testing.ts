// What the types of `ikcrm/testing` admit and what they refuse.

import { Client, resetClient, type Opportunity } from '../../../node/dist/index.js'
import { Sandbox, type SandboxOptions, type SentRequest } from '../../../node/dist/testing.js'

const options: SandboxOptions = {
  token: 't',
  accounts: [{ login: 'me', password: 'secret', corpIds: ['7'] }],
  quota: { calls: 10, perMs: 10_000 },
  latencyMs: 5,
}

async function admits() {
  await using sandbox = await Sandbox.start(options)
  new Client({ token: sandbox.token, baseUrl: sandbox.url })
  sandbox.seed({ opportunities: [{ id: 1 }], stages: ['x', { id: 1, label: 'y' }] })
  sandbox.failNext({ status: 503, times: 2, route: 'PUT /api/v2/opportunities/:id' })
  sandbox.failNext({ code: 100401, route: 'PUT /api/v2/opportunities/7' })
  sandbox.failNext({ fault: 'hang' })
  sandbox.latencyMs = 1
  sandbox.quota = null
  sandbox.quota = { calls: 1 }
  const requests: SentRequest[] = sandbox.requests
  const title: unknown = requests.at(-1)?.body.opportunity.title
  const held: Opportunity | null = sandbox.opportunity(1)
  Object.assign(process.env, sandbox.env)
  resetClient()
  return [title, held, requests[0]?.query.get('page')]
}

function refuses(sandbox: Sandbox) {
  // @ts-expect-error a sandbox is started, not made
  new Sandbox()
  // @ts-expect-error nothing that fails
  sandbox.failNext({ times: 2 })
  // @ts-expect-error a fault that there is not
  sandbox.failNext({ fault: 'crash' })
  // @ts-expect-error a kind of data that there is not
  sandbox.seed({ deals: [] })
  // @ts-expect-error a customer that is an id
  sandbox.seed({ customers: [7] })
  // @ts-expect-error it is started with a URL of its own
  sandbox.url = 'http://127.0.0.1:1'
}

export { admits, refuses }
