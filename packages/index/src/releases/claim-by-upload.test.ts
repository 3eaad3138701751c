import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPERATOR } from '../access/actor.ts'
import { corpusOf } from '../names/corpus.ts'
import { claimName } from './claim-name.ts'
import { administrator, code, member, withIndex } from './testing/upload-index.ts'
import type { UploadIndex } from './testing/upload-index.ts'
import { wheelFixture } from './upload-fixture.ts'

const upload = async (index: UploadIndex, name: string, uploader = member): Promise<string> =>
  code(await index.upload(wheelFixture({ name }), uploader))

const decideForUpstream = (index: UploadIndex, name: string): Promise<unknown> =>
  index.store.transaction((tx) => {
    const decided = { display_name: name, authority: 'upstream', upstream: 'pypi', rev: 0, created_at: '' } as const
    return tx
      .insertInto('project')
      .values({ ...decided, name, status: 'active', status_reason: null })
      .execute()
  })

test('NAME-STD: no upload claims the name of a module, not even an administrator’s, and no upstream is asked', () =>
  withIndex(async (index) => {
    for (const uploader of [member, administrator]) {
      assert.equal(await upload(index, 'asyncio', uploader), 'name-prohibited')
      assert.equal(await upload(index, 'requirements.txt', uploader), 'name-prohibited')
    }
    const outcome = await index.upload(wheelFixture({ name: 'json' }))
    assert.ok(outcome.kind === 'refused')
    assert.equal(
      outcome.message,
      "The name 'json' is that of a module of Python's standard library. Choose another one. An administrator can claim it: waxseal project claim json --prohibited",
    )
    assert.deepEqual(index.asked, [])
    assert.deepEqual(await index.store.db.selectFrom('project').selectAll().execute(), [])
  }))

test('NAME-STD: a project that has such a name already goes on', () =>
  withIndex(async (index) => {
    await index.store.transaction((tx) => {
      const claimed = { authority: 'internal', upstream: null, rev: 0, created_at: '' } as const
      return tx
        .insertInto('project')
        .values({ ...claimed, name: 'platform', display_name: 'platform', status: 'active', status_reason: null })
        .execute()
    })
    assert.equal(await upload(index, 'platform'), 'accepted')
  }))

test('NAME-CONF: a name that cannot be told from a project, or from one of an upstream, is not claimed', () =>
  withIndex(async (index) => {
    assert.equal(await upload(index, 'bill-online'), 'accepted')
    await decideForUpstream(index, 'requests-oauthlib')
    for (const name of ['billonline', 'bi11-online', 'bill-0nline', 'requests-0auth1ib', 'requestsoauthlib']) {
      for (const uploader of [member, administrator])
        assert.equal(await upload(index, name, uploader), 'name-look-alike')
    }
  }))

test('NAME-TYPO: a slip of an internal name is refused', () =>
  withIndex(async (index) => {
    assert.equal(await upload(index, 'acme-billing'), 'accepted')
    for (const name of ['acme-biling', 'acme-billling', 'acme-billnig', 'billing-acme', 'acrne-billing']) {
      const outcome = await index.upload(wheelFixture({ name }), member, 'mallory')
      assert.equal(code(outcome), 'name-look-alike', name)
    }
    assert.equal(await upload(index, 'acme-invoices'), 'accepted')
    assert.equal(await upload(index, 'acme-invoice'), 'accepted', 'both are ada’s')
    assert.equal(await upload(index, 'acme-inv0ices'), 'name-look-alike', 'who cannot tell these apart herself')
    const events = await index.store.db.selectFrom('event').selectAll().where('kind', '=', 'name-look-alike').execute()
    assert.deepEqual(events, [])
  }))

test('NAME-TYPO: a slip of a well-known name is an event', () =>
  withIndex(async (index) => {
    index.claims = { ...index.claims, corpus: corpusOf(['requests', 'numpy']) }
    await decideForUpstream(index, 'rich-console')
    assert.equal(await upload(index, 'reqeusts'), 'accepted')
    assert.equal(await upload(index, 'rich-consle'), 'accepted')
    const events = await index.store.db
      .selectFrom('event')
      .select(['project', 'actor', 'detail'])
      .where('kind', '=', 'name-look-alike')
      .orderBy('id')
      .execute()
    assert.deepEqual(
      events.map(({ detail, ...rest }) => ({ ...rest, ...JSON.parse(detail) })),
      [
        { project: 'reqeusts', actor: 'ada', like: 'requests', likeness: 'swapped', among: 'corpus' },
        { project: 'rich-consle', actor: 'ada', like: 'rich-console', likeness: 'omitted', among: 'upstream' },
      ],
    )
  }))

test('a name that the operator lists is kept free, and so is what cannot be told from it', () =>
  withIndex(async (index) => {
    index.claims = { ...index.claims, corpus: corpusOf(['partner-tools']) }
    assert.equal(await upload(index, 'partner-tools'), 'name-prohibited')
    assert.equal(await upload(index, 'partner-t00ls'), 'name-look-alike')
  }))

test('NAME-NS: nobody pretends to a prefix, and whoever holds it names as he likes', () =>
  withIndex(async (index) => {
    assert.equal(await upload(index, 'c0rp-tools'), 'name-look-alike')
    assert.equal(await upload(index, 'crop-tools'), 'name-look-alike')
    assert.equal(await upload(index, 'corporate'), 'accepted')
    await decideForUpstream(index, 'corptools')
    assert.equal(await upload(index, 'corp-tools'), 'accepted')
    assert.equal(await upload(index, 'corp-tool'), 'accepted', 'one holder, two names')
    assert.equal(await upload(index, 'corp-t00l'), 'name-look-alike', 'that nobody can tell apart')
  }))

test('NAME-CONF: of two look-alikes that are uploaded at the same time one is claimed', () =>
  withIndex(async (index) => {
    const outcomes = await Promise.all(['bill-online', 'billonline', 'bi11online'].map((name) => upload(index, name)))
    assert.deepEqual(outcomes.toSorted(), ['accepted', 'name-look-alike', 'name-look-alike'])
  }))

test('NAME-SQUAT: a first upload claims what the configuration lets it claim', () =>
  withIndex(async (index) => {
    index.claims = { ...index.claims, firstUpload: 'needs-namespace' }
    assert.equal(await upload(index, 'billing'), 'name-not-registered')
    assert.equal(await upload(index, 'corp-billing'), 'accepted')
    index.claims = { ...index.claims, firstUpload: 'needs-administrator' }
    assert.equal(await upload(index, 'invoices'), 'name-not-registered')
    assert.equal(await upload(index, 'corp-invoices'), 'name-not-registered')
    assert.deepEqual(index.asked, [])
    assert.equal(await upload(index, 'corp-billing'), 'identical', 'what exists is not concerned')
    assert.equal(await upload(index, 'invoices', administrator), 'accepted')
  }))

test('NAME-SQUAT: a user claims so many names in a day, and an address four times as many', () =>
  withIndex(async (index) => {
    index.claims = { ...index.claims, claimsPerDay: 2 }
    const hour = 3_600_000
    const claim = async (name: string, user: string, address = '192.0.2.1', uploader = member): Promise<string> => {
      const outcome = await index.upload(wheelFixture({ name }), uploader, user, address)
      return outcome.kind === 'refused' ? outcome.message : outcome.kind
    }
    assert.equal(await claim('first-one', 'ada'), 'accepted')
    index.at += hour
    assert.equal(await claim('second-try', 'ada'), 'accepted')
    index.at += hour
    assert.equal(
      await claim('third-time', 'ada', '198.51.100.7'),
      "The user 'ada' has claimed 2 names in 24 hours, which is as many as may be: 'third-time' can be claimed from 2026-11-23T12:00:00.000Z on. An administrator can claim it: waxseal project claim third-time",
    )
    assert.deepEqual(index.asked.includes('third-time'), false, 'no upstream is asked')
    assert.equal(await claim('second-try', 'ada'), 'identical', 'what exists is not counted')
    assert.equal(await claim('by-the-boss', 'root', '192.0.2.1', administrator), 'accepted', 'nor are administrators')
    for (const [at, user] of ['bob', 'carol', 'dave'].entries()) {
      assert.equal(await claim(`garden-${at}`, user), 'accepted')
      assert.equal(await claim(`kitchen-${at}`, user), 'accepted')
    }
    assert.match(await claim('bathroom', 'eve'), /^From your address 8 names were claimed in 24 hours/)
    assert.equal(await claim('bathroom', 'eve', '2001:db8::1'), 'accepted')
    index.at += 22 * hour
    assert.equal(await claim('third-time', 'ada'), 'accepted', 'the first one counts no more')
    assert.match(await claim('fourth-move', 'ada'), /as many as may be/)
    index.at += 25 * hour
    assert.equal(await claim('fourth-move', 'ada'), 'accepted')
    const kept = await index.store.db.selectFrom('name_claim').select('project').execute()
    const names = kept.map(({ project }) => project)
    assert.deepEqual(names, ['fourth-move'], 'nothing is kept longer than it counts')
  }))

test('NAME-SQUAT: uploads at the same time are counted one after the other', () =>
  withIndex(async (index) => {
    index.claims = { ...index.claims, claimsPerDay: 3 }
    const names = ['garden', 'kitchen', 'bathroom', 'terrace', 'window', 'chimney']
    const outcomes = await Promise.all(names.map((name) => upload(index, name)))
    assert.deepEqual(outcomes.toSorted(), [
      ...Array.from({ length: 3 }, () => 'accepted'),
      ...Array.from({ length: 3 }, () => 'name-claim-limit'),
    ])
  }))

test('an administrator claims what is objected to by saying so, each thing by its name', () =>
  withIndex(async (index) => {
    const claim = async (project: string, consent = {}): Promise<string> => {
      const outcome = await claimName(index, { project, actor: OPERATOR, consent })
      return outcome.kind === 'refused' ? outcome.code : outcome.kind
    }
    assert.equal(await claim('bill-online'), 'done')
    assert.equal(await claim('json'), 'name-prohibited')
    assert.equal(await claim('json', { lookAlike: true }), 'name-prohibited')
    assert.equal(await claim('json', { prohibited: true }), 'done')
    assert.equal(await claim('billonline', { prohibited: true }), 'name-look-alike')
    assert.equal(await claim('billonline', { lookAlike: true }), 'done')
    assert.equal(await claim('billonline'), 'unchanged')
    assert.equal(await upload(index, 'json'), 'accepted')
  }))
