import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeRequest, readMetadata, readRequest, signRequest, targetDifferences } from '@waxseal/trust'
import type { Targets } from '@waxseal/trust'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { OPERATOR } from '../access/actor.ts'
import { recordClaim } from '../names/claim.ts'
import { recordDecision } from '../names/decisions.ts'
import { lift } from '../names/denying.ts'
import { insertProject } from '../names/project-row.ts'
import { Namespaces } from '../names/namespaces.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import { Ceremonies } from './ceremonies.ts'
import type { RecordCeremony } from './ceremony-parts.ts'
import type { TargetWish } from './ceremony-wishes.ts'
import { initialiseSigning } from './initialise-signing.ts'
import { appendJournal } from './journal.ts'
import { makeOnlineKeys, signerContext, signingKeysIn } from './online-keys.ts'
import { openSigned } from './open-signed.ts'
import { pendingSeals } from './pending-seals.ts'
import { Publisher } from './publisher.ts'
import { recordSeals } from './record-seals.ts'
import { serversRoles } from './role-table.ts'
import { someKeys } from './testing/signed-store.ts'

const HOUR = 3_600_000
const names = { namespaces: new Namespaces(), upstreams: [] }
const DEFAULT = { role: 'targets', path: 'policy/default.json', content: Buffer.from('{"rev":1}') }

/** A signed index whose holders' keys are at hand, and as many processes beside it as are asked for. */
class SealedIndex implements AsyncDisposable {
  now = Date.parse('2026-11-24T12:00:00Z')
  readonly folder: string
  readonly store: Store
  readonly offline = someKeys().offline
  /** What `record` was told of each ceremony that came out. */
  readonly recorded: string[] = []
  record: RecordCeremony = async (tx, { request, snapshot, at }) => {
    for (const { path, after } of targetDifferences(request)) {
      this.recorded.push(`${path} ${snapshot} ${String(after?.content)}`)
    }
    await tx
      .insertInto('setting')
      .values({ key: `sealed-${snapshot}`, value: at })
      .execute()
  }

  private constructor(folder: string, store: Store) {
    this.folder = folder
    this.store = store
  }

  static async open(): Promise<SealedIndex> {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-seals-'))
    const store = await openStore({ kind: 'sqlite', path: join(folder, 'index.db') })
    const index = new SealedIndex(folder, store)
    const { blobs, clock, keys, context } = await index.#parts()
    const online = await makeOnlineKeys(folder, keys, context)
    const { offline } = index
    await initialiseSigning({ store, blobs, clock, publisher: 'first' }, 'small', { offline, online })
    return index
  }

  async #parts() {
    const clock = { now: () => this.now }
    const blobs = await openDirectoryBlobStore(join(this.folder, 'blobs'))
    return { store: this.store, blobs, clock, keys: signingKeysIn(this.folder), context: signerContext(clock, {}) }
  }

  /** A process of its own, as far as what it remembers goes; `dataDir`: the one where its ceremony lies. */
  async process(dataDir = this.folder): Promise<{ readonly ceremonies: Ceremonies; readonly publisher: Publisher }> {
    const parts = await this.#parts()
    const signed = await openSigned(parts)
    const publisher = new Publisher({ ...parts, bodies: parts.blobs, names, signed, publisher: 'node' })
    const record: RecordCeremony = (tx, published) => this.record(tx, published)
    const open = { openSigned: async () => signed, by: 'node', record }
    return { ceremonies: new Ceremonies({ ...parts, ...open, publisher, dataDir }), publisher }
  }

  async begin(targets: readonly TargetWish[]): Promise<Ceremonies> {
    const { ceremonies } = await this.process()
    await ceremonies.begin({ targets })
    return ceremonies
  }

  /** Signed by who holds targets, from the file alone. */
  async sign(ceremonies: Ceremonies): Promise<void> {
    const pending = await ceremonies.read()
    assert.ok(pending)
    const bytes = await signRequest(readRequest(pending.request.bytes), this.offline.targets)
    await ceremonies.add([{ name: 'targets.sig.json', bytes }])
  }

  async listed(role: string): Promise<Targets['targets']> {
    const rows = this.store.db.selectFrom('tuf_file').select('body').where('role', '=', role)
    const { body } = await rows.where('superseded_at', 'is', null).executeTakeFirstOrThrow()
    return readMetadata('targets', Buffer.from(body)).signed.targets
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true })
  }
}

function record(name: string, content: string): TargetWish {
  const hh = hash('sha256', name).slice(0, 2)
  return { role: `sealed-${hh}`, path: `names/${hh}/${name}.json`, content: Buffer.from(content) }
}

function words(index: { readonly request: { readonly bytes: Uint8Array } }): string {
  const tell = ({
    after,
    before,
  }: {
    readonly after: Uint8Array | undefined
    readonly before: Uint8Array | undefined
  }) => [`now ${String(after)}, before ${String(before)}`]
  return describeRequest(readRequest(index.request.bytes), serversRoles(), tell).join('\n')
}

test('a seal lists records and policies, shows what stands in them, and is recorded as it comes out', async () => {
  await using index = await SealedIndex.open()
  const acme = record('acme', '{"name":"acme","rev":1}')
  const ceremonies = await index.begin([DEFAULT, acme])
  const pending = await ceremonies.read()
  assert.ok(pending)
  assert.deepEqual(
    pending.request.documents.map(({ role }) => role),
    ['targets', acme.role],
  )
  assert.match(
    words(pending),
    /It lists names\/.*acme\.json: 23 bytes.*\n {4}now {"name":"acme","rev":1}, before undefined/,
  )
  await assert.rejects(ceremonies.publish(), { code: 'threshold-not-met' })
  await index.sign(ceremonies)
  const { snapshot } = await ceremonies.publish()
  assert.deepEqual(index.recorded, [
    `policy/default.json ${snapshot} {"rev":1}`,
    `${acme.path} ${snapshot} {"name":"acme","rev":1}`,
  ])
  assert.ok((await index.listed(acme.role)).has(acme.path))
  const event = await index.store.db
    .selectFrom('event')
    .select('kind')
    .where('kind', '=', 'ceremony-published')
    .execute()
  assert.equal(event.length, 1)

  const next = { ...acme, content: Buffer.from('{"name":"acme","rev":2}'), replaced: acme.content }
  const second = await (await index.begin([next])).read()
  assert.ok(second)
  assert.match(words(second), /It CHANGES .*\n {4}now {"name":"acme","rev":2}, before {"name":"acme","rev":1}/)
})

test('a thousand names are sealed at once, and shown one by one', async () => {
  await using index = await SealedIndex.open()
  const large = 'x'.repeat(256 * 1024 - 20)
  const targets = Array.from({ length: 1000 }, (_, at) => {
    return record(`acme-${at}`, `{"n":${at},"more":"${at === 0 ? large : 'x'.repeat(2000)}"}`)
  })
  const ceremonies = await index.begin(targets)
  const pending = await ceremonies.read()
  assert.ok(pending)
  assert.ok(pending.request.documents.length > 240)
  const said = words(pending).split('\n')
  for (const { content } of targets) assert.ok(said.includes(`    now ${String(content)}, before undefined`))
  await index.sign(ceremonies)
  await ceremonies.publish()
  assert.equal(index.recorded.length, 1000)
  for (const { role, path } of targets) assert.ok((await index.listed(role)).has(path), path)
})

test('what an offline role does not list cannot be sealed, nor shown as replaced what never was', async () => {
  await using index = await SealedIndex.open()
  const acme = record('acme', '{}')
  for (const role of [acme.role.replace('sealed', 'claimed'), 'bins', 'bin-00', 'deny']) {
    await assert.rejects(index.begin([{ ...acme, role }]), { code: 'not-found', message: new RegExp(role) })
  }
  await assert.rejects(index.begin([{ ...acme, role: acme.role === 'sealed-00' ? 'sealed-01' : 'sealed-00' }]), {
    code: 'metadata-invalid',
  })
  await assert.rejects(index.begin([{ ...acme, replaced: Buffer.from('{"never":1}') }]), { code: 'ceremony-invalid' })
  assert.equal(await (await index.process()).ceremonies.read(), undefined)
})

test('a seal that cannot be recorded does not come out, and one that is out is recorded once', async () => {
  await using index = await SealedIndex.open()
  const ceremonies = await index.begin([DEFAULT])
  await index.sign(ceremonies)
  const recording = index.record
  index.record = async (tx, published) => {
    await recording(tx, published)
    throw new Error('the disk is full')
  }
  await assert.rejects(ceremonies.publish(), /the disk is full/)
  assert.equal((await index.listed('targets')).size, 0)
  const { db } = index.store
  assert.deepEqual(await db.selectFrom('setting').select('key').where('key', 'like', 'sealed-%').execute(), [])

  index.record = recording
  index.recorded.length = 0
  const kept = join(index.folder, 'kept')
  await cp(join(index.folder, 'ceremony'), kept, { recursive: true })
  await ceremonies.publish()
  // As a publish leaves it that is killed behind its transaction.
  await cp(kept, join(index.folder, 'ceremony'), { recursive: true })
  await (await index.process()).ceremonies.publish()
  assert.equal(index.recorded.length, 1)
  assert.equal((await db.selectFrom('setting').select('key').where('key', 'like', 'sealed-%').execute()).length, 1)
})

test('a seal that waits lets the server publish and renew, and comes out on top of that', async () => {
  await using index = await SealedIndex.open()
  const ceremonies = await index.begin([DEFAULT])
  await index.sign(ceremonies)
  const { publisher } = await index.process()
  for (let day = 1; day <= 70; day += 23) {
    index.now += 23 * 24 * HOUR
    const at = new Date(index.now).toISOString()
    await index.store.transaction(async (tx) => {
      const project = `acme-${day}`
      await recordClaim(tx, { project, displayName: project, at, actor: OPERATOR, by: 'administrator', evidence: [] })
      await appendJournal(tx, { project, action: 'create', at, actor: 'ada' })
    })
    await publisher.renew()
  }
  assert.equal((await ceremonies.read())?.overtaken, false)
  await ceremonies.publish()
  assert.equal((await index.listed('targets')).size, 1)
})

test('a seal that another ceremony overtook is told so, and neither published nor recorded', async () => {
  for (const renew of ['root', 'targets']) {
    await using index = await SealedIndex.open()
    const ceremonies = await index.begin([DEFAULT])
    await index.sign(ceremonies)
    const elsewhere = join(index.folder, 'elsewhere')
    await cp(join(index.folder, 'keys'), join(elsewhere, 'keys'), { recursive: true })
    const other = (await index.process(elsewhere)).ceremonies
    const begun = await other.begin({ renew: [renew] })
    const bytes = await signRequest(begun.request, index.offline[renew === 'root' ? 'root' : 'targets'])
    await other.add([{ name: 'sig.json', bytes }])
    await other.publish()
    assert.deepEqual(index.recorded, [])

    assert.equal((await ceremonies.read())?.overtaken, true)
    await assert.rejects(ceremonies.publish(), { code: 'conflict', message: /begin again/ })
    assert.deepEqual(index.recorded, [])
    assert.equal((await index.listed('targets')).size, 0)
    await ceremonies.abandon()
    await index.sign(await index.begin([DEFAULT]))
    await (await index.process()).ceremonies.publish()
    assert.equal((await index.listed('targets')).size, 1)
  }
})

test('QUAR-2: what the upstream had quarantined when its name was sealed stays so until the holders lift it', async () => {
  await using index = await SealedIndex.open()
  index.record = recordSeals
  const { store } = index
  const project = 'numpy'
  const at = new Date(index.now).toISOString()
  await store.transaction(async (tx) => {
    await insertProject(tx, { name: project, authority: 'upstream', upstream: 'pypi', at })
    const body = { kind: 'upstream', upstream: 'pypi', evidence: [] } as const
    await recordDecision(tx, { project, at, actor: OPERATOR, body })
    const page = {
      etag: null,
      last_modified: null,
      checked_at: at,
      status: 'quarantined',
      status_reason: null,
    } as const
    await tx
      .insertInto('upstream_page')
      .values({ ...page, project, upstream: 'pypi' })
      .execute()
  })
  const seal = async (): Promise<void> => {
    const parts = { store, clock: { now: () => index.now }, names: { ...names, upstreams: ['pypi'] } }
    const { targets } = await pendingSeals(parts, { upstream: [project] })
    assert.ok(targets.some(({ path }) => path.endsWith('numpy.json')))
    const ceremonies = await index.begin(targets)
    await index.sign(ceremonies)
    await ceremonies.publish()
  }
  const denials = () => store.db.selectFrom('denial').select(['n', 'denied_by', 'lifted_by']).execute()
  await seal()
  assert.deepEqual(
    (await denials()).map((row) => ({ ...row })),
    [{ n: 1, denied_by: 'upstream:pypi', lifted_by: null }],
  )
  const asked = await store.transaction((tx) => lift(tx, { n: 1, reason: 'looked at' }, { at, actor: OPERATOR }))
  assert.equal(asked.kind, 'waits')
  await seal()
  assert.deepEqual(
    (await denials()).map(({ n, lifted_by: by }) => [n, by !== null]),
    [[1, true]],
  )
})
