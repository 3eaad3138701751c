import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { explainProject, GuardError, verifyLocks } from '@waxseal/guard'
import type { Guard } from '@waxseal/guard'
import { NAMESPACES_TARGET, recordTarget, shardOf } from '@waxseal/index/names'
import type { Denial, NameRecord, Namespace, SignedDefault } from '@waxseal/index/names'
import { nameRecord, SINCE } from '../support/name-record.ts'
import type { Distribution } from '../support/python-projects.ts'
import { machineTrusting } from './machine.ts'
import { newSigner, SignedWorld } from './signed-world.ts'
import type { Signing } from './signed-world.ts'

const HOUR_MS = 3_600_000
const LONG_AGO = '2026-01-01T00:00:00Z'

const listing = (files: readonly Distribution[]): NameRecord['files'] =>
  new Map(files.map(({ filename, sha256 }) => [filename, sha256]))
const page = (source: string | undefined, ...files: readonly Distribution[]): NonNullable<Signing['page']> => ({
  project: files[0]?.name ?? '',
  ...(source === undefined ? {} : { source }),
  files: files.map((file) => ({ file })),
})
const acme = (claims: Namespace['claims'], rev = 1): NonNullable<Signing['namespaces']> => ({
  rev,
  namespaces: [{ name: 'acme', owner: 'core', visibility: 'private', claims, since: SINCE }],
})
const denial = (project: string, more: Partial<Denial> = {}): Denial => ({
  n: 1,
  project,
  overlay: 'quarantined',
  reason: 'looked at',
  since: SINCE,
  ...more,
})
const denying = (...entries: readonly Denial[]): Pick<Signing, 'denied'> => ({
  denied: { project: entries[0]?.project ?? '', entries },
})

/** Versions that are handed on with their trust, what is kept back with its code; or the code by which the whole name is refused. */
async function outcome(guard: Guard, project: string): Promise<readonly string[] | string> {
  try {
    const found = await guard.index.page(project)
    if (found === undefined) return 'not-offered'
    const version = (filename: string): string => filename.split('-')[1] ?? ''
    return [
      ...found.files.map(({ filename, trust }) => `${version(filename)} ${trust}`),
      ...found.withheld.map(({ filename, code }) => `${version(filename)} ${code}`),
    ].toSorted()
  } catch (error) {
    if (error instanceof GuardError) return error.code
    throw error
  } finally {
    await guard.kept()
  }
}

/** What one run of the guard makes of a name. */
async function run(
  user: Awaited<ReturnType<SignedWorld['user']>>,
  project: string,
  more: Parameters<typeof user.opened>[0] = {},
): Promise<readonly string[] | string> {
  await using guard = await user.opened(more)
  await guard.refresh()
  return await outcome(guard, project)
}

describe('KC-3: with every key of the server, and none of its holders, against a guard that knows the root', () => {
  test('a sealed internal name yields nothing but what was sealed', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const sealed = nameRecord('acme-app', { closed: true, files: listing([own]) })
    await world.holders({ page: page('local', own), claimed: sealed, sealed })
    const user = await world.user()
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])
    await assert.rejects(world.server({ sealed: { ...sealed, rev: 2, closed: false } }), { name: 'TrustError' })

    const evil = world.wheel({ name: 'acme-app', version: '99.0' })
    const replaced = world.wheel({ name: 'acme-app', version: '1.0', module: '# evil\n' })
    for (const claimed of [
      nameRecord('acme-app', { rev: 2 }),
      nameRecord('acme-app', { rev: 9, authority: 'upstream', sources: ['pypi'] }),
      nameRecord('acme-app', { rev: 9, closed: true, files: listing([own, evil]) }),
    ]) {
      for (const source of ['local', 'pypi', undefined]) {
        await world.server({ page: page(source, own, evil), claimed })
        const now = await run(user, 'acme-app')
        assert.ok(Array.isArray(now) && now.every((line) => /^(1\.0|99\.0 file-unverified)/.test(line)), String(now))
        assert.ok(now.includes('99.0 file-unverified'))
      }
    }
    await world.server({ page: page('local', replaced) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 file-changed'])
    assert.deepEqual(
      await run(await world.user('newcomer'), 'acme-app'),
      ['1.0 file-unverified'],
      'who saw nothing yet',
    )
  })

  test('DC-11: a namespace yields nothing for a name that nobody sealed', async () => {
    await using world = await SignedWorld.start()
    await world.holders({ namespaces: acme('offline') })
    const user = await world.user()
    const evil = world.wheel({ name: 'acme-tool', version: '99.0' })
    await world.server({ page: page('pypi', evil) })
    assert.equal(await run(user, 'acme-tool'), 'name-refused')
    for (const claimed of [
      nameRecord('acme-tool'),
      nameRecord('acme-tool', { rev: 2, authority: 'upstream', sources: ['pypi'] }),
      nameRecord('acme-tool', { rev: 3, authority: 'unclaimed', sources: ['pypi'] }),
    ]) {
      await world.server({ page: page(claimed.sources[0], evil), claimed })
      assert.equal(await run(user, 'acme-tool'), 'name-refused')
    }
    const other = world.wheel({ name: 'acmeology', version: '1.0' })
    await world.server({ page: page('pypi', other) })
    assert.deepEqual(await run(user, 'acmeology'), ['1.0 signed'], 'the namespace is not of these')
  })

  test('DC-11: what is claimed in a namespace that leaves that to the server comes from the index itself', async () => {
    await using world = await SignedWorld.start()
    await world.holders({ namespaces: acme('online') })
    const user = await world.user()
    const own = world.wheel({ name: 'acme-tool', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-tool') })
    assert.deepEqual(await run(user, 'acme-tool'), ['1.0 signed'])
    const evil = world.wheel({ name: 'acme-tool', version: '99.0' })
    const claimed = nameRecord('acme-tool', { rev: 2, authority: 'upstream', sources: ['pypi'] })
    await world.server({ page: page('pypi', evil), claimed })
    assert.deepEqual(await run(user, 'acme-tool'), ['99.0 file-unverified'])
  })

  test('a sealed upstream authority yields no file of another source', async () => {
    await using world = await SignedWorld.start()
    const theirs = world.wheel({ name: 'requests', version: '2.0' })
    const sealed = nameRecord('requests', { authority: 'upstream', sources: ['pypi'] })
    await world.holders({ page: page('pypi', theirs), sealed })
    const user = await world.user()
    assert.deepEqual(await run(user, 'requests'), ['2.0 signed'])
    const evil = world.wheel({ name: 'requests', version: '99.0' })
    const claimed = nameRecord('requests', { rev: 2 })
    await world.server({ page: page('local', evil), claimed })
    assert.deepEqual(await run(user, 'requests'), ['99.0 file-unverified'])
    await world.server({
      page: { project: 'requests', source: 'pypi', files: [{ file: theirs }, { file: evil, source: 'evil' }] },
    })
    assert.deepEqual(await run(user, 'requests'), ['2.0 signed', '99.0 file-unverified'])
  })

  test('APP-TOCTOU: approved hashes that are sealed yield nothing else', async () => {
    await using world = await SignedWorld.start()
    const approved = world.wheel({ name: 'requests', version: '2.0' })
    const sealed = nameRecord('requests', {
      authority: 'upstream',
      sources: ['pypi'],
      closed: true,
      files: listing([approved]),
    })
    const defaults: SignedDefault = {
      rev: 1,
      unclaimed: [{ pattern: '*', mode: 'approve' }],
      cooldown: 0,
      approvals: 1,
    }
    await world.holders({ page: page('pypi', approved), sealed, defaults })
    const user = await world.user()
    assert.deepEqual(await run(user, 'requests'), ['2.0 sealed'])
    const later = world.wheel({ name: 'requests', version: '2.0', tag: 'cp313-cp313-any' })
    const other = world.wheel({ name: 'requests', version: '2.0', module: '# evil\n' })
    const claimed = nameRecord('requests', { ...sealed, rev: 9, files: listing([other, later]) })
    await world.server({ page: page('pypi', approved, later), claimed })
    assert.deepEqual(await run(user, 'requests'), ['2.0 file-unapproved', '2.0 sealed'])
    await world.server({ page: page('pypi', other) })
    assert.deepEqual(await run(await world.user('newcomer'), 'requests'), ['2.0 file-unverified'])
    const never = world.wheel({ name: 'flask', version: '1.0' })
    await world.server({ page: page('pypi', never) })
    assert.equal(await run(user, 'flask'), 'name-refused')
  })

  test("developers' keys that were sealed with the name are not taken from it by a record that is only claimed", async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const developers = { project: 'acme-app', by: 'sealed', signer: newSigner(), files: [own] } as const
    await world.holders({ page: page('local', own), developers, sealed: nameRecord('acme-app') })
    const user = await world.user()
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])
    const evil = world.wheel({ name: 'acme-app', version: '99.0' })
    await world.server({ page: page('local', own, evil) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed', '99.0 file-unverified'])
    await world.holders({
      claimed: nameRecord('acme-app', { rev: 2 }),
      gone: [{ role: `sealed-${shardOf('acme-app')}`, path: recordTarget('acme-app') }],
    })
    assert.equal(await run(user, 'acme-app'), 'name-refused', 'record and delegation disagree')
  })

  test('what the server claims beside a seal is a note, and no way in', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const evil = world.wheel({ name: 'acme-app', version: '2.0' })
    await world.holders({
      page: page('local', own),
      sealed: nameRecord('acme-app', { closed: true, files: listing([own]) }),
    })
    await world.server({ page: page('local', own, evil), claimed: nameRecord('acme-app', { rev: 5 }) })
    const user = await world.user()
    await using guard = await user.opened()
    await guard.refresh()
    assert.deepEqual(await outcome(guard, 'acme-app'), ['1.0 sealed', '2.0 file-unverified'])
    assert.match(guard.document().notes.join('\n'), /revision 5\) than its holders have sealed \(revision 1\)/)
    // Its revision is not what the next record is held against.
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed', '2.0 file-unverified'])
  })
})

describe('RB-POL: an older decision never comes back', () => {
  test('about a name: neither its record, nor that it has one', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app', { rev: 7 }) })
    const user = await world.user()
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'])
    await world.server({ claimed: nameRecord('acme-app', { rev: 6 }) })
    assert.equal(await run(user, 'acme-app'), 'name-refused')
    await world.holders({ sealed: nameRecord('acme-app', { rev: 8 }) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'])
    await world.holders({ sealed: nameRecord('acme-app', { rev: 6 }) })
    assert.equal(await run(user, 'acme-app'), 'name-refused', 'sealed or not')
    const path = recordTarget('acme-app')
    const role = shardOf('acme-app')
    await world.holders({ gone: [{ role: `sealed-${role}`, path }] })
    assert.equal(await run(user, 'acme-app'), 'name-refused', 'the claimed one is older')
    await world.server({ gone: [{ role: `claimed-${role}`, path }] })
    assert.equal(await run(user, 'acme-app'), 'name-refused', 'and then there is none')
  })

  test('about a name of which nothing was handed on when the newer one was seen', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.holders({ namespaces: acme('offline') })
    await world.server({ claimed: nameRecord('acme-app', { rev: 7 }) })
    const user = await world.user()
    assert.equal(await run(user, 'acme-app'), 'name-refused', 'without a page too')
    await world.holders({ page: page('local', own), namespaces: acme('online', 2) })
    await world.server({ claimed: nameRecord('acme-app', { rev: 6 }) })
    assert.equal(await run(user, 'acme-app'), 'name-refused')
    await world.server({ claimed: nameRecord('acme-app', { rev: 7 }) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'])
  })

  test('about a name that had no page when the newer one was seen', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.server({ claimed: nameRecord('acme-app', { rev: 7 }) })
    const user = await world.user()
    assert.equal(await run(user, 'acme-app'), 'not-offered')
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app', { rev: 6 }) })
    assert.equal(await run(user, 'acme-app'), 'name-refused')
  })

  test('and what the server alone has claimed, however high it counts, is in no way of the holders', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app', { rev: Number.MAX_SAFE_INTEGER }) })
    const user = await world.user()
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'])
    const sealed = nameRecord('acme-app', { rev: 3, closed: true, files: listing([own]) })
    await world.holders({ sealed })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])
    const gone = [{ role: `sealed-${shardOf('acme-app')}`, path: recordTarget('acme-app') }]
    await world.holders({ gone, claimed: nameRecord('acme-app', { rev: 4 }) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'], 'nor once they have opened it')
    await world.holders({ sealed: { ...sealed, rev: 2 } })
    await using guard = await user.opened()
    await guard.refresh()
    await assert.rejects(guard.index.page('acme-app'), {
      message: /was at revision 3 .*waxseal trust forget acme-app$/,
    })
  })

  test('about a name that was sealed: the server, with whatever keys, does not make it one that is only claimed', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const evil = world.wheel({ name: 'acme-app', version: '99.0' })
    const before = world.state
    await world.holders({
      page: page('local', own),
      sealed: nameRecord('acme-app', { closed: true, files: listing([own]) }),
    })
    const user = await world.user()
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])

    await world.rebuilt(before)
    await world.server({ page: page('local', own, evil) })
    assert.equal(await run(user, 'acme-app'), 'name-refused', 'without a record')
    await world.server({ claimed: nameRecord('acme-app', { rev: 9 }) })
    assert.deepEqual(await run(await world.user('newcomer'), 'acme-app'), ['1.0 signed', '99.0 signed'], 'who saw none')
    {
      await using guard = await user.opened()
      await guard.refresh()
      await assert.rejects(guard.index.page('acme-app'), {
        code: 'name-refused',
        message: /was sealed .*waxseal trust forget acme-app$/,
      })
    }
    assert.match(await user.forget('acme-app'), /^ {2}that its holders had sealed it$/m)
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed', '99.0 signed'])
  })

  test('about a name whose seal the holders took away: neither that it is sealed, nor what was sealed', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const sealed = nameRecord('acme-app', { closed: true, files: listing([own]) })
    await world.holders({ page: page('local', own), sealed })
    const before = world.state
    const user = await world.user()
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])
    const gone = [{ role: `sealed-${shardOf('acme-app')}`, path: recordTarget('acme-app') }]
    await world.holders({ gone, claimed: nameRecord('acme-app', { rev: 2 }) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'], 'they signed that')
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'])
    const after = world.state
    await world.rebuilt(before)
    assert.equal(await run(user, 'acme-app'), 'name-refused', 'the old seal')
    await world.rebuilt(after)
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'])
    await world.holders({ sealed: { ...sealed, rev: 3 } })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'], 'a new one')
  })

  test('about namespaces and the default: neither an older one, nor none', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'six', version: '1.0' })
    await world.holders({ page: page('pypi', own), namespaces: acme('offline', 2) })
    const user = await world.user()
    assert.deepEqual(await run(user, 'six'), ['1.0 signed'])
    await world.holders({ namespaces: acme('online', 1) })
    assert.equal(await run(user, 'six'), 'name-refused')
    await world.holders({ gone: [{ role: 'targets', path: NAMESPACES_TARGET }] })
    assert.equal(await run(user, 'six'), 'name-refused')
    await world.holders({ namespaces: acme('online', 3) })
    assert.deepEqual(await run(user, 'six'), ['1.0 signed'])
  })

  test('a record that says more than is known lets nothing through', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    // A record of another name is one that its reader refuses.
    await world.server({
      page: page('local', own),
      claimedBytes: { name: 'acme-app', bytes: Buffer.from('{"name":"acme-app","virtual":{}}') },
    })
    assert.equal(await run(await world.user(), 'acme-app'), 'name-refused')
  })
})

describe('An index that signs records', () => {
  test('does not stop doing so for a guard that has seen it', async () => {
    await using world = await SignedWorld.start()
    const six = world.wheel({ name: 'six', version: '1.0' })
    await world.server({ page: page(undefined, six) })
    const early = await world.user('early')
    assert.deepEqual(await run(early, 'six'), ['1.0 signed'], 'as before there were any')
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app') })
    assert.deepEqual(await run(early, 'six'), ['1.0 signed'], 'as long as this guard has seen none')
    assert.deepEqual(await run(early, 'acme-app'), ['1.0 signed'])
    assert.deepEqual(await run(early, 'six'), ['1.0 file-unverified'])
    await world.server({ page: page('pypi', six) })
    assert.deepEqual(await run(early, 'six'), ['1.0 signed'])
  })

  test('DC-1: has no files of its own under a name that nobody claimed', async () => {
    await using world = await SignedWorld.start()
    const evil = world.wheel({ name: 'six', version: '99.0' })
    await world.server({ page: page('local', evil) })
    assert.deepEqual(await run(await world.user(), 'six'), ['99.0 file-unverified'])
  })

  test('COOL-1: keeps back what is younger than holders allow, by a clock that was never behind the index', async () => {
    await using world = await SignedWorld.start()
    const young = world.wheel({ name: 'six', version: '2.0' })
    const old = world.wheel({ name: 'six', version: '1.0' })
    const uploadTime = new Date(Date.now() - HOUR_MS).toISOString()
    const files = [
      { file: old, uploadTime: LONG_AGO },
      { file: young, uploadTime },
    ]
    const defaults: SignedDefault = { rev: 1, unclaimed: [], cooldown: 7200, approvals: 1 }
    await world.holders({ page: { project: 'six', source: 'pypi', files }, defaults })
    const user = await world.user()
    assert.deepEqual(await run(user, 'six'), ['1.0 signed', '2.0 file-cooldown'])
    const now = (): number => Date.now() + 2 * HOUR_MS
    assert.deepEqual(await run(user, 'six', { now }), ['1.0 signed', '2.0 signed'])
    assert.deepEqual(await run(user, 'six'), ['1.0 signed', '2.0 signed'], 'what was seen stays')
  })

  test('is gone by as it stands when a page is asked for, not as it stood when the guard was started', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app') })
    await using guard = await (await world.user()).opened()
    await guard.refresh()
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app', { rev: 2, sources: [] }) })
    assert.deepEqual(await outcome(guard, 'acme-app'), ['1.0 file-unverified'])
  })

  test('has not gone back where another guard of the same user saw something newer', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'six', version: '1.0' })
    await world.server({ page: page('pypi', own) })
    const user = await world.user()
    await using behind = await user.opened()
    await behind.refresh()
    // Pages stay as they came out; what is decided about them comes later.
    const claimed = nameRecord('six', { authority: 'upstream', sources: ['pypi'] })
    await world.holders({ claimed, namespaces: acme('offline') })
    assert.deepEqual(await run(user, 'six'), ['1.0 signed'])
    assert.deepEqual(await outcome(behind, 'six'), ['1.0 signed'])
  })

  test('is kept whole for when it cannot be asked any more', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const six = world.wheel({ name: 'six', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app') })
    const user = await world.user()
    {
      await using guard = await user.opened()
      await guard.refresh()
      await guard.index.page('acme-app')
      await world.server({ page: page('pypi', six), claimed: nameRecord('acme-app', { rev: 2 }) })
      await guard.index.page('six')
      await guard.kept()
    }
    assert.deepEqual(await run(user, 'acme-app', { offline: true }), ['1.0 signed'])
  })

  test('is gone by where nothing can be written down, which is noted', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app') })
    const user = await world.user()
    await using guard = await user.opened()
    await guard.refresh()
    await rm(join(user.home.cache, 'parts'), { recursive: true })
    assert.deepEqual(await outcome(guard, 'acme-app'), ['1.0 signed'])
    assert.match(guard.document().notes.join(), /could not be kept/)
  })

  test('a page that was made by other decisions is not handed on again, and one by the same is', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-app') })
    const user = await world.user()
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 signed'])
    await world.server({ claimed: nameRecord('acme-app', { rev: 2, sources: [] }) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 file-unverified'])
    await world.holders({ sealed: nameRecord('acme-app', { rev: 3, files: listing([own]) }) })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])
    const { rendered } = user.seen('acme-app') ?? {}
    assert.match(rendered ?? '', /^[\da-f]{64}:[\da-f]{64}$/)
    world.asked.length = 0
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])
    assert.equal(user.seen('acme-app')?.rendered, rendered, 'it was not made anew')
    assert.deepEqual(
      world.asked.filter((path) => path.startsWith('/tuf/targets/')),
      [],
      'what is signed about a name is fetched once',
    )
  })
})

describe('QUAR-2: what is denied', () => {
  test('is not handed on, page, file and metadata, wherever it lies already', async () => {
    await using world = await SignedWorld.start()
    const [one, two] = [world.wheel({ name: 'six', version: '1.0' }), world.wheel({ name: 'six', version: '2.0' })]
    await world.server({ page: page('pypi', one, two) })
    const user = await world.user()
    {
      await using guard = await user.opened()
      await guard.refresh()
      for (const wanted of [one, two]) {
        await using _file = await guard.index.file({ ...wanted, project: 'six' })
        await guard.index.sidecar({ ...wanted, project: 'six' })
      }
    }
    await world.server(denying(denial('six', { sha256: one.sha256 }), denial('six', { n: 2, version: '2.0.0' })))
    await using guard = await user.opened()
    await guard.refresh()
    assert.deepEqual(await outcome(guard, 'six'), ['1.0 denied', '2.0 denied'])
    for (const wanted of [one, two]) {
      await assert.rejects(guard.index.file({ ...wanted, project: 'six' }), { code: 'denied', message: /looked at/ })
      await assert.rejects(guard.index.sidecar({ ...wanted, project: 'six' }), { code: 'denied' })
    }
  })

  test('stays so where the server leaves it out, says something else of it or ends its list, and that is noted', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'six', version: '1.0' })
    await world.server({ page: page('pypi', own), ...denying(denial('six')) })
    const user = await world.user()
    assert.equal(await run(user, 'six'), 'denied')
    await world.server(denying(denial('six', { version: '0.1' })))
    assert.equal(await run(user, 'six'), 'denied')
    await world.server({ denied: { project: 'six', entries: [] } })
    assert.equal(await run(user, 'six'), 'denied')
    await using guard = await user.opened()
    await guard.refresh()
    assert.equal(await outcome(guard, 'six'), 'denied')
    assert.match(guard.document().notes.join('\n'), /Denial 1 of six stands in the index's list no more/)
    assert.deepEqual(await run(await world.user('newcomer'), 'six'), ['1.0 signed'], 'who never saw it')
  })

  test('ends with its time, or with a record that lifts it', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'six', version: '1.0' })
    const until = new Date(Date.now() + HOUR_MS).toISOString()
    await world.server({ page: page('pypi', own), ...denying(denial('six', { until }), denial('six', { n: 2 })) })
    const user = await world.user()
    assert.equal(await run(user, 'six'), 'denied')
    const unclaimed = { authority: 'unclaimed', sources: [] } as const
    await world.server({
      denied: { project: 'six', entries: [] },
      claimed: nameRecord('six', { ...unclaimed, lifts: [2] }),
    })
    assert.equal(await run(user, 'six'), 'denied', 'the other one holds')
    assert.deepEqual(await run(user, 'six', { now: () => Date.now() + 2 * HOUR_MS }), ['1.0 signed'])
    await world.server({ claimed: nameRecord('six', { ...unclaimed, rev: 2, lifts: [1] }) })
    assert.equal(await run(user, 'six'), 'denied', 'what the server lifts is lifted as long as its record says so')
    await world.server({ claimed: nameRecord('six', { ...unclaimed, rev: 3, lifts: [1, 2] }) })
    assert.deepEqual(await run(user, 'six'), ['1.0 signed'])
  })

  test('is lifted for good by a sealed record', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'six', version: '1.0' })
    const sealed = nameRecord('six', { authority: 'upstream', sources: ['pypi'], lifts: [1] })
    await world.holders({ page: page('pypi', own), ...denying(denial('six')) })
    const user = await world.user()
    assert.equal(await run(user, 'six'), 'denied')
    await world.holders({ denied: { project: 'six', entries: [] }, sealed })
    assert.deepEqual(await run(user, 'six'), ['1.0 signed'])
    await world.holders({ sealed: { ...sealed, rev: 2, lifts: [] } })
    assert.deepEqual(await run(user, 'six'), ['1.0 signed'])
  })

  test('by somebody who had the keys of the server can be forgotten, by a word of its own, once nobody lists it', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'six', version: '1.0' })
    await world.server({ page: page('pypi', own), ...denying(denial('six'), denial('six', { n: 2, version: '2.0' })) })
    const user = await world.user()
    assert.equal(await run(user, 'six'), 'denied')
    const forgotten = await user.forget('six', '--denial', '1')
    assert.match(forgotten, /^Forgotten what was seen of six:$/m)
    assert.match(forgotten, /^ {2}denial 1$/m)
    assert.match(forgotten, /^Kept is what was denied of it: 2\. .*--denial 2$/m)
    assert.equal(await run(user, 'six'), 'denied', 'what the index lists holds')
    await world.server({ denied: { project: 'six', entries: [] } })
    assert.match(await user.forget('six'), /^Kept is what was denied of it: 1, 2\./m)
    await using guard = await user.opened()
    await guard.refresh()
    assert.equal(await outcome(guard, 'six'), 'denied')
    assert.match(guard.document().notes.join('\n'), /waxseal trust forget six --denial 1$/m)
    await user.forget('six', '--denial', '2')
    assert.equal(await run(user, 'six'), 'denied', 'the other one holds')
    await user.forget('six', '--denial', '1')
    assert.deepEqual(await run(user, 'six'), ['1.0 signed'])
    assert.match(await user.forget('five'), /^Nothing was seen of five yet\.$/m)
  })

  test('of a sealed name is lifted by its holders alone', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const sealed = nameRecord('acme-app', { files: listing([own]) })
    await world.holders({ page: page('local', own), sealed, ...denying(denial('acme-app')) })
    const user = await world.user()
    assert.equal(await run(user, 'acme-app'), 'denied')
    const claimed = nameRecord('acme-app', { rev: 2, lifts: [1] })
    await world.server({ denied: { project: 'acme-app', entries: [] }, claimed })
    assert.equal(await run(user, 'acme-app'), 'denied')
    await world.holders({ sealed: { ...sealed, rev: 2, lifts: [1] } })
    assert.deepEqual(await run(user, 'acme-app'), ['1.0 sealed'])
  })
})

describe('A merged name', () => {
  const merge = { owner: 'local', extender: 'pypi', extend: 'platform-wheels', consent: 'ada' } as const
  const merged = nameRecord('acme-app', { authority: 'merged', sources: ['local', 'pypi'], merge })

  test('EXD-4, DC-1, DC-2: gives of its second source what its rule allows', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-app', version: '1.0' })
    const platform = world.wheel({ name: 'acme-app', version: '1.0', tag: 'cp313-cp313-any' })
    const divergent = world.wheel({ name: 'acme-app', version: '1.0', tag: 'cp312-cp312-any', requires: ['evil'] })
    const newer = world.wheel({ name: 'acme-app', version: '99.0' })
    const files = [{ file: own }, ...[platform, divergent, newer].map((file) => ({ file, source: 'pypi' }))]
    await world.server({ page: { project: 'acme-app', source: 'local', files }, claimed: merged })
    await using guard = await (await world.user()).opened()
    await guard.refresh()
    const found = await guard.index.page('acme-app')
    assert.deepEqual(
      found?.files.map(({ filename }) => filename),
      [own.filename, platform.filename],
    )
    assert.deepEqual(
      found?.withheld.map(({ filename, code }) => [filename, code]),
      [divergent, newer].map(({ filename }) => [filename, 'file-unverified']),
    )
  })
})

describe('EXD-6: a package that depends on an address', () => {
  for (const dependency of ['evil @ svn+https://evil.example/evil', 'evil @ https://evil.example/evil.zip']) {
    test(`is not handed on, neither its metadata nor itself: ${dependency}`, async () => {
      await using world = await SignedWorld.start()
      const app = world.wheel({ name: 'six', version: '1.0', requires: [dependency] })
      await world.server({ page: page('pypi', app) })
      const user = await world.user()
      const wanted = { ...app, project: 'six' }
      await using guard = await user.opened()
      await guard.refresh()
      const refusal = { code: 'requirement-refused', message: /six-1\.0-py3.*evil.*--allow-direct-urls/ }
      await assert.rejects(guard.index.sidecar(wanted), refusal)
      await assert.rejects(guard.index.file(wanted), refusal)
      await using willing = await user.opened({ allowDirectUrls: true })
      await willing.refresh()
      assert.equal(Buffer.from(await willing.index.sidecar(wanted)).toString(), app.metadata)
      await using file = await willing.index.file(wanted)
      assert.equal(file.size, app.bytes.length)
    })
  }

  test('is not handed on either where its page promises no metadata', async () => {
    await using world = await SignedWorld.start()
    const app = world.wheel({ name: 'six', version: '1.0', requires: ['evil @ bzr+https://evil.example/evil'] })
    await world.server({ page: { project: 'six', source: 'pypi', files: [{ file: app, withoutMetadata: true }] } })
    await using guard = await (await world.user()).opened()
    await guard.refresh()
    await assert.rejects(guard.index.file({ ...app, project: 'six' }), { code: 'requirement-refused' })
  })
})

describe('waxseal why, from signed data alone', () => {
  test('names the rule, who decided, what may be had and what to do', async () => {
    await using world = await SignedWorld.start()
    const [one, two] = [world.wheel({ name: 'six', version: '1.0' }), world.wheel({ name: 'six', version: '2.0' })]
    const claimed = nameRecord('six', { authority: 'upstream', sources: ['pypi'], reason: 'wanted by core' })
    await world.holders({ page: page('pypi', one, two), claimed, ...denying(denial('six', { version: '2.0' })) })
    await using guard = await (await world.user()).opened()
    const told = await explainProject(guard, 'six', '2.0')
    assert.equal(told.rule, 'claimed-record')
    assert.deepEqual(told.decision, {
      rev: 1,
      authority: 'upstream',
      sources: ['pypi'],
      closed: false,
      since: SINCE,
      by: 'ada',
      reason: 'wanted by core',
    })
    assert.equal(told.newest, '1.0')
    assert.deepEqual(told.offered, [])
    assert.deepEqual(
      told.withheld.map(({ code }) => code),
      ['denied'],
    )
    assert.match(told.next ?? '', /^Use six==1\.0, .*waxseal request six==2\.0$/)
    assert.equal((await explainProject(guard, 'six')).next, null)
  })

  test('tells of a name of which nothing is handed on, and of one whose record goes back', async () => {
    await using world = await SignedWorld.start()
    const own = world.wheel({ name: 'acme-tool', version: '1.0' })
    await world.holders({ namespaces: acme('offline') })
    await world.server({ page: page('local', own), claimed: nameRecord('acme-tool', { rev: 2 }) })
    const user = await world.user()
    {
      await using guard = await user.opened()
      const told = await explainProject(guard, 'acme-tool')
      assert.equal(told.rule, 'namespace')
      assert.equal(told.decision?.by, 'ada')
      assert.match(told.refusal?.reason ?? '', /waxseal seal/)
      assert.equal((await explainProject(guard, 'acme-none')).refusal?.code, 'name-refused')
      assert.match((await explainProject(guard, 'unheard-of')).next ?? '', /^Look at the spelling/)
    }
    await world.holders({ sealed: nameRecord('acme-tool', { rev: 2 }) })
    assert.deepEqual(await run(user, 'acme-tool'), ['1.0 signed'])
    await world.holders({ sealed: nameRecord('acme-tool', { rev: 1 }) })
    await using guard = await user.opened()
    const told = await explainProject(guard, 'acme-tool')
    assert.equal(told.rule, null)
    assert.match(told.refusal?.reason ?? '', /was at revision 2/)
  })
})

test('LOG: what a server says comes to the screen without commands to it, and in the order in which it stands', async () => {
  await using world = await SignedWorld.start()
  const [own, other] = [world.wheel({ name: 'six', version: '1.0' }), world.wheel({ name: 'five', version: '1.0' })]
  const files = [{ file: own, source: 'py\u001b[2Jpi\u202e' }]
  const reason = 'looked \u202eat'
  await world.server({
    page: { project: 'six', source: 'pypi', files },
    claimed: nameRecord('six', { authority: 'upstream', sources: ['pypi'], reason }),
  })
  await world.server({ page: page('pypi', other), ...denying(denial('five', { reason })) })
  await using machine = await machineTrusting(world.url)
  const fetching = `const get = (name) => fetch(new URL(name + '/', process.env.PIP_INDEX_URL)).then((page) => page.text())
    get('six').then(() => get('five')).then(console.log)`
  for (const args of [
    ['why', '--trust', world.url, 'six'],
    ['why', '--trust', world.url, 'five'],
    ['why', '--trust', world.url, 'six', '--json'],
    ['run', '--', process.execPath, '-e', fetching],
  ]) {
    const { stdout, stderr } = await machine.waxseal(args)
    assert.match(stdout + stderr, /\\u\{?202e/, args.join(' '))
    assert.doesNotMatch(stdout + stderr, /[\u001b\u202e]/, args.join(' '))
  }
})

describe('waxseal verify goes by the same', () => {
  test('DC-11: a lock of what a namespace reserves does not pass, and says why', async () => {
    await using world = await SignedWorld.start()
    const evil = world.wheel({ name: 'acme-tool', version: '99.0' })
    await world.holders({ namespaces: acme('offline') })
    await world.server({ page: page('pypi', evil) })
    await using guard = await (await world.user()).opened()
    await guard.refresh()
    const entry = {
      kind: 'files',
      line: 1,
      project: 'acme-tool',
      version: '99.0',
      filename: evil.filename,
      sha256: [evil.sha256],
      from: undefined,
    } as const
    const { ok, locks } = await verifyLocks([{ path: 'lock', entries: [entry], sources: [] }], guard.index, world.url)
    assert.equal(ok, false)
    const [verdict] = locks[0]?.verdicts ?? []
    assert.equal(verdict?.code, 'name-refused')
    assert.match(verdict !== undefined && 'reason' in verdict ? verdict.reason : '', /is reserved/)
  })
})
