import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { actorOf, OPERATOR } from '../access/actor.ts'
import { createToken } from '../access/tokens.ts'
import { createUser, disableUser } from '../access/users.ts'
import { recordClaim } from '../names/claim.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { addMember, removeMember } from './change-members.ts'
import { holderOf, holderText } from './holder.ts'
import type { Acting } from './members.ts'
import { AS_OPERATOR, membersOf, refuseStranger } from './members.ts'
import type { RegisterOutcome } from './outcome.ts'
import { createTeam, deleteTeam, joinTeam, leaveTeam, listTeams } from './teams.ts'
import { answerTransfer, askTransfer, openTransfers } from './transfers.ts'

const AT = '2026-11-26T12:00:00.000Z'
const clock = { now: () => Date.parse(AT) }
const as = (user: string): Acting => ({ actor: actorOf({ user }, '192.0.2.1'), administrator: false })
const code = (outcome: RegisterOutcome): string => (outcome.kind === 'refused' ? outcome.code : outcome.kind)

/** `billing` is alice's; bob, carol and dave are users. */
async function withProject(work: (index: Index) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-register-'))
  try {
    await using store = await openStore({ kind: 'sqlite', path: join(folder, 'index.sqlite') })
    for (const name of ['alice', 'bob', 'carol', 'dave']) await createUser(store, clock, { name, by: OPERATOR })
    const owner = holderOf('alice')
    const claim = { displayName: 'billing', at: AT, by: 'upload', evidence: [], actor: OPERATOR } as const
    await store.transaction((tx) => recordClaim(tx, { ...claim, project: 'billing', owner }))
    await work(indexOf(store))
  } finally {
    await rm(folder, { recursive: true })
  }
}

type Index = ReturnType<typeof indexOf>

function indexOf(store: Store) {
  const project = 'billing'
  return {
    store,
    add: async (who: string, role: 'owner' | 'maintainer', acting: Acting) =>
      code(await addMember(store, clock, { project, holder: holderOf(who), role, ...acting })),
    remove: async (who: string, acting: Acting) =>
      code(await removeMember(store, clock, { project, holder: holderOf(who), ...acting })),
    offer: async (who: string, acting: Acting) =>
      code(await askTransfer(store, clock, { project, to: holderOf(who), ...acting })),
    answer: async (answer: 'accepted' | 'declined' | 'withdrawn', acting: Acting) =>
      code(await answerTransfer(store, clock, { project, answer, ...acting })),
    members: async () => (await membersOf(store.db, project)).map((member) => `${holderText(member)} ${member.role}`),
    /** Why a user may not do what takes a role; undefined: they may. */
    why: async (user: string, role: 'owner' | 'maintainer' = 'maintainer') =>
      (await refuseStranger(store.db, project, user, role, 'everybodys'))?.message,
    team: async (name: string, ...users: readonly string[]) => {
      assert.equal(code(await createTeam(store, clock, name, OPERATOR)), 'done')
      for (const user of users)
        assert.equal(code(await joinTeam(store, clock, { team: name, user, actor: OPERATOR })), 'done')
    },
    token: async (user: string, project?: string): Promise<() => Promise<boolean>> => {
      const only = project === undefined ? {} : { project }
      const { id } = await createToken(store, clock, { user, scope: 'upload', by: OPERATOR, ...only })
      return async () => {
        const query = store.db.selectFrom('token').select('revoked_at').where('id', '=', id)
        return (await query.executeTakeFirstOrThrow()).revoked_at === null
      }
    },
    events: async () =>
      (await store.db.selectFrom('event').select('kind').orderBy('id').execute()).map(({ kind }) => kind),
  }
}

test('whoever claims a name owns it; a stranger is told whose it is and what to do', () =>
  withProject(async ({ members, why }) => {
    assert.deepEqual(await members(), ['alice owner'])
    assert.equal(await why('alice', 'owner'), undefined)
    assert.equal(
      await why('bob'),
      "The user 'bob' isn't allowed to upload to project 'billing', nor to change it: it belongs to alice. An owner can add members: waxseal project add-member billing bob",
    )
  }))

test('owners let others in, as maintainers or owners, and nobody else does', () =>
  withProject(async ({ add, members, why }) => {
    assert.equal(await add('bob', 'maintainer', as('bob')), 'name-not-yours')
    assert.equal(await add('bob', 'maintainer', as('alice')), 'done')
    assert.equal(await add('bob', 'maintainer', as('alice')), 'unchanged')
    assert.equal(await why('bob'), undefined)
    assert.equal(await why('bob', 'owner'), "That takes an owner of 'billing': alice. 'bob' maintains it.")
    assert.equal(await add('carol', 'maintainer', as('bob')), 'name-not-yours', 'a maintainer lets nobody in')
    assert.equal(await add('bob', 'owner', as('alice')), 'done')
    assert.equal(await add('carol', 'maintainer', as('bob')), 'done')
    assert.deepEqual(await members(), ['alice owner', 'bob owner', 'carol maintainer'])
    assert.equal(await add('nobody', 'maintainer', AS_OPERATOR), 'not-found')
    assert.equal(await add('team:nobody', 'maintainer', AS_OPERATOR), 'not-found')
  }))

test('the last owner stays, whoever wants it otherwise', () =>
  withProject(async ({ store, add, remove, members, team }) => {
    assert.equal(await add('bob', 'maintainer', as('alice')), 'done')
    for (const acting of [as('alice'), AS_OPERATOR]) {
      assert.equal(await remove('alice', acting), 'conflict')
      assert.equal(await add('alice', 'maintainer', acting), 'conflict')
    }
    await team('core', 'carol')
    assert.equal(await add('team:core', 'owner', as('alice')), 'done')
    await disableUser(store, clock, 'alice', OPERATOR)
    await leaveTeam(store, clock, { team: 'core', user: 'carol', actor: OPERATOR })
    assert.equal(await remove('alice', AS_OPERATOR), 'conflict', 'an empty team owns nothing')
    await joinTeam(store, clock, { team: 'core', user: 'carol', actor: OPERATOR })
    assert.equal(await remove('alice', AS_OPERATOR), 'done')
    assert.deepEqual(await members(), ['team:core owner', 'bob maintainer'])
  }))

test('whoever leaves goes by himself; a stranger moves nobody', () =>
  withProject(async ({ add, remove, members }) => {
    assert.equal(await add('bob', 'maintainer', as('alice')), 'done')
    assert.equal(await remove('bob', as('carol')), 'name-not-yours')
    assert.equal(await remove('bob', as('bob')), 'done')
    assert.equal(await remove('bob', as('alice')), 'unchanged')
    assert.deepEqual(await members(), ['alice owner'])
  }))

test('a project without members stays everybody’s who may upload, until an owner is added', () =>
  withProject(async ({ store }) => {
    const claim = { displayName: 'old', at: AT, by: 'upload', evidence: [], actor: OPERATOR } as const
    await store.transaction((tx) => recordClaim(tx, { ...claim, project: 'old' }))
    const may = async (user: string) => (await refuseStranger(store.db, 'old', user, 'maintainer', 'everybodys'))?.code
    const add = async (who: string, role: 'owner' | 'maintainer', acting: Acting) =>
      code(await addMember(store, clock, { project: 'old', holder: holderOf(who), role, ...acting }))
    assert.equal(await may('bob'), undefined)
    assert.equal(await add('bob', 'owner', as('bob')), 'token-scope', 'nobody helps himself')
    assert.equal(await add('bob', 'maintainer', AS_OPERATOR), 'conflict', 'an owner comes first')
    assert.equal(await add('alice', 'owner', AS_OPERATOR), 'done')
    assert.equal(await may('bob'), 'name-not-yours')
  }))

test('a merged name that is ours has members and changes hands as an internal one; one that is an upstream’s has none', () =>
  withProject(async ({ store, add, offer, remove, members }) => {
    const merge = (owner: string, extender: string): Promise<unknown> => {
      const merge_rule = JSON.stringify({ owner, extender, extend: 'platform-wheels', consent: 'alice' })
      const merged = { authority: 'merged', upstream: 'pypi', merge_rule } as const
      return store.transaction((tx) => tx.updateTable('project').set(merged).where('name', '=', 'billing').execute())
    }
    await merge('local', 'pypi')
    assert.equal(await add('bob', 'maintainer', as('alice')), 'done')
    assert.deepEqual(await members(), ['alice owner', 'bob maintainer'])
    assert.equal(await remove('bob', as('alice')), 'done')
    assert.equal(await offer('carol', as('alice')), 'done')
    await merge('pypi', 'local')
    assert.equal(await add('bob', 'maintainer', AS_OPERATOR), 'name-upstream')
    assert.equal(await offer('bob', AS_OPERATOR), 'name-upstream')
  }))

test('NAME-XFER: what a team may, its members may, as long as they are in it', () =>
  withProject(async ({ store, add, why, team, token }) => {
    await team('core', 'bob', 'carol')
    assert.equal(await add('team:core', 'maintainer', as('alice')), 'done')
    const [limited, elsewhere] = [await token('bob', 'billing'), await token('bob', 'other')]
    assert.equal(await why('bob'), undefined)
    assert.equal(code(await leaveTeam(store, clock, { team: 'core', user: 'bob', actor: OPERATOR })), 'done')
    assert.match((await why('bob')) ?? '', /isn't allowed/)
    assert.equal(await why('carol'), undefined)
    assert.equal(await limited(), false, 'a token of one project ends with the right to it')
    assert.equal(await elsewhere(), true)
    assert.deepEqual(await listTeams(store), [{ name: 'core', members: ['carol'] }])
    assert.equal(code(await deleteTeam(store, clock, 'core', OPERATOR)), 'conflict', 'it holds a project')
  }))

test('NAME-XFER: a transfer takes both sides, and leaves the old one nothing', () =>
  withProject(async (index) => {
    const { store, add, offer, answer, members, team, token, why } = index
    await team('core', 'bob', 'dave')
    assert.equal(await add('team:core', 'maintainer', as('alice')), 'done')
    const tokens = {
      alice: await token('alice', 'billing'),
      bob: await token('bob', 'billing'),
      dave: await token('dave', 'billing'),
      whole: await token('alice'),
    }
    assert.equal(await offer('dave', as('bob')), 'name-not-yours')
    assert.equal(await offer('dave', as('alice')), 'done')
    assert.equal(await offer('dave', as('alice')), 'unchanged')
    assert.equal(await offer('carol', as('alice')), 'conflict', 'one offer at a time')
    assert.deepEqual(await members(), ['alice owner', 'team:core maintainer'], 'nothing has changed yet')
    assert.deepEqual(
      (await openTransfers(store.db, 'dave')).map(({ project }) => project),
      ['billing'],
    )
    assert.deepEqual(await openTransfers(store.db, 'carol'), [])

    for (const other of ['alice', 'bob', 'carol']) assert.equal(await answer('accepted', as(other)), 'name-not-yours')
    assert.equal(await answer('accepted', as('dave')), 'done')
    assert.deepEqual(await members(), ['dave owner'])
    for (const old of ['alice', 'bob']) assert.match((await why(old)) ?? '', /belongs to dave/)
    assert.deepEqual(
      [await tokens.alice(), await tokens.bob(), await tokens.dave(), await tokens.whole()],
      [false, false, true, true],
    )
    assert.equal(await answer('accepted', as('dave')), 'not-found', 'once')

    const decision = await store.db.selectFrom('decision').selectAll().where('rev', '=', 2).executeTakeFirstOrThrow()
    assert.deepEqual(JSON.parse(decision.body), { kind: 'transfer', from: ['alice', 'team:core'], to: 'dave' })
    assert.equal(decision.actor, 'dave')
    const audit = await store.db
      .selectFrom('audit')
      .selectAll()
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirstOrThrow()
    assert.deepEqual([audit.action, audit.actor, audit.address], ['transfer-answered', 'dave', '192.0.2.1'])
    assert.deepEqual(JSON.parse(audit.before ?? ''), [
      { holder: 'alice', role: 'owner' },
      { holder: 'team:core', role: 'maintainer' },
    ])
    assert.deepEqual(JSON.parse(audit.after ?? ''), [{ holder: 'dave', role: 'owner' }])
    const kinds = ['transfer-asked', 'token-revoked', 'token-revoked', 'transfer-answered']
    assert.deepEqual((await index.events()).slice(-4), kinds)
  }))

test('NAME-XFER: an offer dies with the right of whoever made it, and may be declined or taken back', () =>
  withProject(async ({ add, remove, offer, answer, members }) => {
    assert.equal(await add('bob', 'owner', as('alice')), 'done')
    assert.equal(await offer('carol', as('bob')), 'done')
    assert.equal(await remove('bob', as('alice')), 'done')
    assert.equal(await answer('accepted', as('carol')), 'conflict')
    assert.equal(await answer('withdrawn', as('carol')), 'name-not-yours')
    assert.equal(await answer('withdrawn', as('alice')), 'done')
    assert.equal(await offer('carol', as('alice')), 'done')
    assert.equal(await answer('declined', as('carol')), 'done')
    assert.deepEqual(await members(), ['alice owner'])
  }))

test('a team is offered a project, and any of its members of that moment accepts', () =>
  withProject(async ({ store, offer, answer, members, team }) => {
    await team('core', 'bob')
    assert.equal(await offer('team:core', as('alice')), 'done')
    assert.equal(code(await deleteTeam(store, clock, 'core', OPERATOR)), 'conflict', 'it has been offered something')
    await joinTeam(store, clock, { team: 'core', user: 'carol', actor: OPERATOR })
    await leaveTeam(store, clock, { team: 'core', user: 'bob', actor: OPERATOR })
    assert.equal(await answer('accepted', as('bob')), 'name-not-yours')
    assert.equal(await answer('accepted', as('carol')), 'done')
    assert.deepEqual(await members(), ['team:core owner'])
  }))
