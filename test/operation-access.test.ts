import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { startWaxseal } from './support/server.ts'
import type { RunningServer } from './support/server.ts'

/** What an administrator sees of a running server, by who asks; and `/metrics` in each of its modes. */
const ANSWERS = {
  '/api/v1/audit': { anonymous: 401, 'project token': 403, 'read token': 403, admin: 200 },
  '/api/v1/events': { anonymous: 401, 'project token': 403, 'read token': 403, admin: 200 },
  '/api/v1/status': { anonymous: 401, 'project token': 403, 'read token': 403, admin: 200 },
  'metrics = "public"': { anonymous: 200, 'project token': 200, 'read token': 200, admin: 200 },
  'metrics = "token"': { anonymous: 401, 'project token': 403, 'read token': 200, admin: 200 },
  'metrics = "off"': { anonymous: 404, 'project token': 404, 'read token': 404, admin: 404 },
} as const

type Asker = keyof (typeof ANSWERS)['/api/v1/events']

suite('who may look at a running server', () => {
  const parts = new AsyncDisposableStack()
  const servers = new Map<string, RunningServer>()
  const tokens = new Map<Asker, string>()

  before(async () => {
    let dataDir: string | undefined
    // All on one folder, so that they know the same tokens.
    for (const metrics of ['public', 'token', 'off']) {
      const env = { WAXSEAL_METRICS: metrics }
      const known = dataDir === undefined ? {} : { dataDir }
      const server = parts.use(await startWaxseal({ args: ['--no-upstream'], env, ...known }))
      dataDir = server.dataDir
      servers.set(metrics, server)
    }
    const server = servers.get('public')
    assert.ok(server)
    tokens.set('admin', server.token)
    tokens.set('read token', await server.createToken({ scope: 'read', user: 'reader' }))
    // As much as there is, of one project.
    tokens.set('project token', await server.createToken({ scope: 'admin', project: 'demo', user: 'owner' }))
  })
  after(() => parts.disposeAsync())

  for (const [what, answers] of Object.entries(ANSWERS)) {
    const [, mode = 'public'] = /"(.*)"/.exec(what) ?? []
    for (const [who, status] of Object.entries(answers) as [Asker, number][]) {
      test(`${what}: ${who} gets ${status}`, async () => {
        const path = what.startsWith('/') ? what : '/metrics'
        const token = tokens.get(who)
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
        const answer = await fetch(`${servers.get(mode)?.url}${path}`, { headers })
        const text = await answer.text()
        assert.equal(answer.status, status, text)
        if (status !== 200) assert.doesNotMatch(text, /server-started|waxseal_|"servers"|token-created/)
      })
    }
  }
})
