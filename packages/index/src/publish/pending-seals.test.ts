import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { writeMetadata } from '../../../trust/src/write-metadata.ts'
import { OPERATOR } from '../access/actor.ts'
import { MAX_SEAL_TARGETS } from '../limits.ts'
import type { NamesConfig } from '../names/authority.ts'
import { recordClaim } from '../names/claim.ts'
import { recordDecision } from '../names/decisions.ts'
import { readDefaultPolicy } from '../names/default-policy.ts'
import type { DefaultPolicy } from '../names/default-policy.ts'
import { readNameRecord } from '../names/name-record.ts'
import type { NameRecord } from '../names/name-record.ts'
import { Namespaces, readNamespaceList } from '../names/namespaces.ts'
import { DEFAULT_TARGET, NAMESPACES_TARGET, shardOf } from '../names/signed-paths.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { storeNameTargets } from './name-targets.ts'
import { pendingSeals } from './pending-seals.ts'
import type { PendingSeals, SealSelection } from './pending-seals.ts'

const NOW = Date.parse('2026-11-24T12:00:00Z')
const AT = new Date(NOW).toISOString()
const A = 'a'.repeat(64)

class Index implements AsyncDisposable {
  readonly store: Store
  readonly #folder: string
  names: NamesConfig = { namespaces: new Namespaces(), upstreams: ['pypi'] }

  private constructor(store: Store, folder: string) {
    this.store = store
    this.#folder = folder
  }

  static async open(): Promise<Index> {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-pending-'))
    return new Index(await openStore({ kind: 'sqlite', path: join(folder, 'index.db') }), folder)
  }

  async claim(...projects: readonly string[]): Promise<void> {
    await this.store.transaction(async (tx) => {
      for (const project of projects) {
        await recordClaim(tx, {
          project,
          displayName: project,
          at: AT,
          actor: OPERATOR,
          by: 'administrator',
          evidence: [],
        })
      }
    })
  }

  async decideUpstream(project: string): Promise<void> {
    await this.claim(project)
    await this.store.transaction(async (tx) => {
      await tx
        .updateTable('project')
        .set({ authority: 'upstream', upstream: 'pypi' })
        .where('name', '=', project)
        .execute()
      const body = { kind: 'upstream', upstream: 'pypi', evidence: [] } as const
      await recordDecision(tx, { project, at: AT, actor: OPERATOR, body })
    })
  }

  async approve(project: string, filename: string, sha256: string): Promise<void> {
    await this.store.transaction((tx) =>
      tx.insertInto('approval').values({ project, sha256, approver: 'ada', filename, at: AT }).execute(),
    )
  }

  async pending(selection: SealSelection = {}): Promise<PendingSeals> {
    return await pendingSeals({ store: this.store, clock: { now: () => NOW }, names: this.names }, selection)
  }

  /** As if holders had signed it, but for the decisions. */
  async sign(selection: SealSelection): Promise<void> {
    const { targets } = await this.pending(selection)
    const bodies = targets.map(({ role, path, content }) => ({ role, path, body: content && Buffer.from(content) }))
    await this.store.transaction((tx) => storeNameTargets(tx, bodies, AT))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true })
  }
}

const paths = ({ targets }: PendingSeals): readonly string[] => targets.map(({ path }) => path.split('/').at(-1) ?? '')

function only(name: string, { targets }: PendingSeals): NameRecord {
  const [target] = targets
  assert.ok(target?.content !== undefined && targets.length === 1)
  return readNameRecord(name, target.content)
}

test('a name of an upstream is sealed when that is said, with what was approved of it', async () => {
  await using index = await Index.open()
  await index.claim('acme')
  await index.decideUpstream('numpy')
  await index.approve('numpy', 'numpy-1.0.tar.gz', A)
  assert.deepEqual(paths(await index.pending()), ['acme.json'])
  const { refused } = await index.pending({ names: ['numpy', 'nobody'] })
  assert.match(JSON.stringify(refused), /nobody.*claim it first.*numpy.*to seal that, say --upstream numpy/)
  const record = only('numpy', await index.pending({ upstream: ['numpy'] }))
  assert.deepEqual([record.authority, record.sources, record.closed], ['upstream', ['pypi'], false])
  assert.deepEqual(record.files, new Map([['numpy-1.0.tar.gz', A]]))

  index.names = {
    ...index.names,
    policy: { unclaimed: [{ pattern: '*', mode: 'approve' }], cooldown: 0, approvals: 1 },
  }
  assert.equal(only('numpy', await index.pending({ upstream: ['numpy'] })).closed, true)
  await index.sign({ upstream: ['numpy'] })
  await index.approve('numpy', 'numpy-1.1.tar.gz', 'b'.repeat(64))
  assert.deepEqual(paths(await index.pending()), ['acme.json', 'numpy.json', 'default.json'])
})

test('files of a project whose developers sign are not frozen', async () => {
  await using index = await Index.open()
  await index.claim('acme')
  const signer = keySigner(generatePrivateKey())
  const { key } = signer
  const trust = { keyids: [key.keyid], threshold: 1 }
  const delegation = { name: 'p.acme', ...trust, terminating: true, paths: [`projects/${shardOf('acme')}/acme/*`] }
  const keyval = JSON.parse(JSON.stringify({ public: key.keyid })) as { readonly public: string }
  const role = {
    _type: 'targets',
    spec_version: '1.0.34',
    version: 1,
    expires: '2027-01-01T00:00:00Z',
    targets: {},
    delegations: { keys: { [key.keyid]: { keytype: 'ed25519', scheme: 'ed25519', keyval } }, roles: [delegation] },
  }
  const bytes = await writeMetadata(role, [signer])
  await index.store.transaction((tx) =>
    tx
      .insertInto('tuf_file')
      .values({
        role: `claimed-${shardOf('acme')}`,
        version: 1,
        body: Buffer.from(bytes).toString(),
        expires_at: AT,
        superseded_at: null,
      })
      .execute(),
  )
  const record = only('acme', await index.pending())
  assert.deepEqual([record.files, record.closed], [undefined, false])
})

test('policies are sealed where they say something else than before, with numbers that never go back', async () => {
  await using index = await Index.open()
  assert.deepEqual(paths(await index.pending()), [])
  assert.deepEqual(paths(await index.pending({ defaults: true, namespaces: true })), [
    'namespaces.json',
    'default.json',
  ])
  const policy: DefaultPolicy = { unclaimed: [{ pattern: 'corp-*', mode: 'deny' }], cooldown: 86_400, approvals: 1 }
  index.names = { ...index.names, namespaces: Namespaces.configured(['corp']), policy }
  await index.claim('acme')
  const all = await index.pending()
  assert.deepEqual(
    all.targets.map(({ path }) => path).slice(1),
    [NAMESPACES_TARGET, DEFAULT_TARGET],
    'after the names that they may need',
  )
  const [, namespaces, defaults] = all.targets
  assert.equal(readNamespaceList(namespaces?.content ?? Buffer.of()).rev, NOW / 1000)
  assert.deepEqual(readDefaultPolicy(defaults?.content ?? Buffer.of()), { ...policy, rev: NOW / 1000 })
  await index.sign({})
  assert.deepEqual(paths(await index.pending()), [])
  index.names = { ...index.names, policy: { ...policy, cooldown: 0 } }
  const [again] = (await index.pending({ defaults: true })).targets
  assert.equal(readDefaultPolicy(again?.content ?? Buffer.of()).rev, NOW / 1000 + 1)
  assert.ok(again?.replaced)
})

// Thousands of names, half a minute.
const NIGHTLY = process.env['WAXSEAL_NIGHTLY'] !== undefined

test('more than one ceremony takes is left for the next, policies last', { skip: !NIGHTLY }, async () => {
  await using index = await Index.open()
  index.names = { ...index.names, namespaces: Namespaces.configured(['corp']) }
  await index.claim(...Array.from({ length: MAX_SEAL_TARGETS + 1 }, (_, at) => `acme-${at}`))
  const { targets, left } = await index.pending()
  assert.deepEqual([targets.length, left], [MAX_SEAL_TARGETS, 2])
  assert.ok(targets.every(({ path }) => path !== NAMESPACES_TARGET))
  await index.sign({})
  assert.deepEqual(paths(await index.pending()).slice(1), ['namespaces.json'])
})

test('a seal is taken away where there is one; one that has only grown old is sealed again when that is asked for', async () => {
  await using index = await Index.open()
  await index.claim('acme')
  assert.deepEqual((await index.pending({ open: ['acme'] })).refused, [{ subject: 'acme', reason: 'it is not sealed' }])
  await index.sign({})
  const [opened] = (await index.pending({ open: ['acme'] })).targets
  assert.deepEqual([opened?.content, opened?.replaced === undefined], [undefined, false])
  await index.store.transaction(async (tx) => {
    const body = { kind: 'status', status: 'archived', reason: null } as const
    await recordDecision(tx, { project: 'acme', at: AT, actor: OPERATOR, body })
    await recordDecision(tx, { project: 'acme', at: AT, actor: OPERATOR, body })
  })
  assert.deepEqual(paths(await index.pending()), [])
  assert.equal(only('acme', await index.pending({ again: true })).rev, 4)
  assert.equal(only('acme', await index.pending({ names: ['acme'] })).rev, 4)
})
