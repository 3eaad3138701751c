import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  mayAdminister,
  mayCreateProject,
  mayCreateToken,
  mayManageToken,
  mayRead,
  mayUpload,
  type Principal,
  type Requester,
  type Scope,
} from './permissions.ts'

const anonymous: Requester = { kind: 'anonymous' }
const principal = (scope: Scope, project?: string): Principal => ({
  kind: 'principal',
  user: 'alice',
  scope,
  ...(project === undefined ? {} : { project }),
})

describe('permissions', () => {
  it('let anybody read an index that is public, and nobody unknown one that is private', () => {
    assert.equal(mayRead(anonymous, 'demo', 'public'), true)
    assert.equal(mayRead(anonymous, null, 'public'), true)
    assert.equal(mayRead(anonymous, 'demo', 'private'), false)
    assert.equal(mayRead(anonymous, null, 'private'), false)
    assert.equal(mayRead(principal('read'), null, 'private'), true)
  })

  it('never let anybody unknown write', () => {
    assert.equal(mayUpload(anonymous, 'demo'), false)
    assert.equal(mayCreateProject(anonymous, 'demo'), false)
    assert.equal(mayAdminister(anonymous, null), false)
  })

  it('grow from read to upload to admin', () => {
    const rights = (who: Requester): readonly boolean[] => [
      mayRead(who, 'demo', 'private'),
      mayUpload(who, 'demo'),
      mayAdminister(who, 'demo'),
    ]
    assert.deepEqual(rights(principal('read')), [true, false, false])
    assert.deepEqual(rights(principal('upload')), [true, true, false])
    assert.deepEqual(rights(principal('admin')), [true, true, true])
  })

  it('TOK-2: a token for one project is good for no other, for no new name and for nothing that is wider', () => {
    const who = principal('upload', 'demo')
    assert.equal(mayUpload(who, 'demo'), true)
    assert.equal(mayUpload(who, 'other'), false)
    assert.equal(mayRead(who, 'other', 'private'), false)
    assert.equal(mayRead(who, null, 'private'), false)
    assert.equal(mayCreateProject(who, 'demo'), false)
    assert.equal(mayAdminister(who, 'demo'), false)
    const admin = principal('admin', 'demo')
    assert.equal(mayAdminister(admin, 'demo'), true)
    assert.equal(mayAdminister(admin, 'other'), false)
    assert.equal(mayAdminister(admin, null), false)
  })

  it('TOK-2, TOK-4: a token is managed by its user, with no less than it allows, or by an administrator', () => {
    const mine = { user: 'alice', scope: 'upload', project: null } as const
    assert.equal(mayManageToken(principal('upload'), mine), true)
    assert.equal(mayManageToken(principal('read'), mine), false)
    assert.equal(mayManageToken(principal('upload', 'demo'), mine), false)
    assert.equal(mayManageToken(principal('upload'), { ...mine, scope: 'admin' }), false)
    assert.equal(mayManageToken(principal('upload'), { ...mine, user: 'bob' }), false)
    assert.equal(mayManageToken(principal('admin'), { ...mine, user: 'bob' }), true)
    assert.equal(mayManageToken(principal('admin', 'demo'), { ...mine, user: 'bob' }), false)
    assert.equal(mayManageToken(anonymous, mine), false)
  })

  it('TOK-1: a token makes no other one, unless it is an administrator’s for everything', () => {
    const mine = { user: 'alice', scope: 'read', project: null } as const
    const byToken = (scope: Scope, project?: string): Principal => ({ ...principal(scope, project), tokenId: 'id' })
    assert.equal(mayCreateToken(byToken('upload'), mine), false)
    assert.equal(mayCreateToken(byToken('read'), mine), false)
    assert.equal(mayCreateToken(byToken('admin', 'demo'), { ...mine, project: 'demo' }), false)
    assert.equal(mayCreateToken(byToken('admin'), { ...mine, user: 'bob' }), true)
    assert.equal(mayCreateToken(principal('upload'), mine), true)
    assert.equal(mayCreateToken(principal('upload'), { ...mine, user: 'bob' }), false)
    assert.equal(mayCreateToken(principal('upload'), { ...mine, scope: 'admin' }), false)
    assert.equal(mayCreateToken(anonymous, mine), false)
  })
})
