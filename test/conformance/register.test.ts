import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { buildWheel } from '../support/python-projects.ts'
import { ask, startIndex } from './index-under-test.ts'
import type { Answer, IndexUnderTest } from './index-under-test.ts'

const PASSWORD = 'correct horse battery staple'

interface Problem {
  readonly code: string
  readonly detail: string
}

describe('owners and maintainers, over HTTP', () => {
  let index: IndexUnderTest
  const tokens = new Map<string, string>()
  const release = (version: string) => buildWheel({ name: 'billing', version })

  before(async () => {
    index = await startIndex()
    for (const name of ['alice', 'bob', 'carol', 'eve']) {
      assert.equal((await index.manage('POST', '/users', { name, password: PASSWORD })).status, 201)
      const made = await index.manage('POST', '/tokens', { user: name, scope: 'upload' })
      tokens.set(name, (made.json() as { token: string }).token)
    }
  })
  after(() => index[Symbol.asyncDispose]())

  /** A management request of a user who signs in with a password. */
  const by = (user: string, method: string, path: string, body?: unknown): Promise<Answer> =>
    ask(`${index.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString('base64')}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const members = async (): Promise<readonly string[]> => {
    const answer = await by('eve', 'GET', '/projects/billing/members')
    const { members } = answer.json() as { members: readonly { holder: string; role: string }[] }
    return members.map(({ holder, role }) => `${holder} ${role}`)
  }
  const upload = async (user: string, version: string): Promise<string> => {
    const answer = await index.upload(release(version), tokens.get(user))
    return answer.status === 200 ? 'accepted' : `${answer.status} ${(answer.json() as { reason: string }).reason}`
  }

  it('the first upload makes an owner, and nobody else uploads', async () => {
    assert.equal(await upload('alice', '1.0'), 'accepted')
    assert.deepEqual(await members(), ['alice owner'])
    const refused = await index.upload(release('1.1'), tokens.get('eve'))
    assert.equal(refused.status, 403)
    assert.match(refused.reason, /The user 'eve' isn't allowed to upload to project 'billing'.*it belongs to alice\./)
    assert.equal(await upload('eve', '1.0'), '403 name-not-yours', 'not even what is there')
  })

  it('a token limited to the project is as good as its user', async () => {
    const limited = await by('eve', 'POST', '/tokens', { scope: 'upload', project: 'billing' })
    assert.equal(limited.status, 201)
    const { token } = limited.json() as { token: string }
    assert.equal((await index.upload(release('1.1'), token)).status, 403)
  })

  it('an owner lets a maintainer in, who uploads and yanks and does nothing else', async () => {
    assert.equal((await by('alice', 'PUT', '/projects/billing/members/bob', { role: 'maintainer' })).status, 200)
    assert.equal(await upload('bob', '1.1'), 'accepted')
    const yank = '/projects/billing/releases/1.1/yank'
    assert.equal((await index.manage('PUT', yank, { reason: 'broken' }, tokens.get('bob'))).status, 200)
    assert.equal((await index.manage('DELETE', yank, undefined, tokens.get('eve'))).status, 403)
    for (const [method, path, body] of [
      ['DELETE', '/projects/billing'],
      ['DELETE', '/projects/billing/releases/1.1'],
      ['PUT', '/projects/billing/status', { status: 'archived' }],
      ['PUT', '/projects/billing/members/eve', { role: 'owner' }],
      ['DELETE', '/projects/billing/members/alice'],
      ['POST', '/projects/billing/transfer', { to: 'bob' }],
    ] as const) {
      const answer = await by('bob', method, path, body)
      assert.equal(answer.status, 403, path)
      assert.equal((answer.json() as Problem).code, 'name-not-yours', path)
    }
  })

  it('TOK-1, TOK-2: a token decides nothing as an owner does, and one of a project does not even yank', async () => {
    const answer = await index.manage('PUT', '/projects/billing/members/eve', { role: 'owner' }, tokens.get('alice'))
    assert.equal(answer.status, 403)
    assert.match((answer.json() as Problem).detail, /sign in with your password/)
    const made = await by('alice', 'POST', '/tokens', { scope: 'upload', project: 'billing' })
    const { token } = made.json() as { token: string }
    const yank = await index.manage('PUT', '/projects/billing/releases/1.0/yank', {}, token)
    assert.equal(yank.status, 403)
    assert.equal((await index.upload(release('1.2'), token)).status, 200)
  })

  it('an owner sets every status but the quarantine, which is the administrators’', async () => {
    const set = async (user: string, status: string) =>
      (await by(user, 'PUT', '/projects/billing/status', { status })).status
    assert.equal(await set('alice', 'archived'), 200)
    assert.equal(await set('alice', 'quarantined'), 403)
    assert.equal((await index.manage('PUT', '/projects/billing/status', { status: 'quarantined' })).status, 200)
    assert.equal(await set('alice', 'active'), 403)
    assert.equal((await index.manage('PUT', '/projects/billing/status', { status: 'active' })).status, 200)
  })

  it('NAME-RES: deleted, the project is still its owner’s', async () => {
    assert.equal((await by('alice', 'DELETE', '/projects/billing')).status, 200)
    assert.deepEqual(await index.filenames('billing'), [])
    assert.equal(await upload('eve', '6.6.6'), '403 name-not-yours')
    assert.deepEqual(await members(), ['alice owner', 'bob maintainer'])
    assert.equal(await upload('alice', '1.0'), '400 upload-filename-burned')
    assert.equal(await upload('alice', '2.0'), 'accepted')
  })

  it('NAME-XFER: a project is handed over when the new owner accepts, and the old ones upload no more', async () => {
    assert.equal((await index.manage('PUT', '/teams/core')).status, 200)
    assert.equal((await index.manage('PUT', '/teams/core/members/carol')).status, 200)
    assert.equal((await by('alice', 'POST', '/projects/billing/transfer', { to: 'team:core' })).status, 200)
    assert.equal(await upload('bob', '2.1'), 'accepted')
    const offered = (await by('carol', 'GET', '/transfers')).json() as { transfers: readonly { project: string }[] }
    assert.deepEqual(
      offered.transfers.map(({ project }) => project),
      ['billing'],
    )
    assert.equal((await by('eve', 'PUT', '/projects/billing/transfer', { answer: 'accepted' })).status, 403)
    assert.equal((await by('carol', 'PUT', '/projects/billing/transfer', { answer: 'accepted' })).status, 200)
    assert.deepEqual(await members(), ['team:core owner'])
    assert.equal(await upload('bob', '2.2'), '403 name-not-yours')
    assert.equal(await upload('alice', '2.2'), '403 name-not-yours')
    assert.equal(await upload('carol', '2.2'), 'accepted')
    const why = (await ask(`${index.url}/api/v1/projects/billing`)).text
    assert.match(why, /Handed over from alice, bob to team:core/)
    assert.equal((await index.manage('DELETE', '/teams/core/members/carol')).status, 200)
    assert.equal(await upload('carol', '2.3'), '403 name-not-yours')
  })
})
