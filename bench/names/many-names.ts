import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { Namespaces } from '@waxseal/index/names'
import { OPERATOR } from '../../packages/index/src/access/actor.ts'
import { openDirectoryBlobStore } from '../../packages/index/src/blobs/directory-blob-store.ts'
import { recordClaim } from '../../packages/index/src/names/claim.ts'
import { initialiseSigning } from '../../packages/index/src/publish/initialise-signing.ts'
import { appendJournal } from '../../packages/index/src/publish/journal.ts'
import { makeOnlineKeys, signerContext, signingKeysIn } from '../../packages/index/src/publish/online-keys.ts'
import { openSigned } from '../../packages/index/src/publish/open-signed.ts'
import { Publisher } from '../../packages/index/src/publish/publisher.ts'
import { openStore } from '../../packages/index/src/store/store.ts'
import type { Store } from '../../packages/index/src/store/store.ts'

const AT = '2026-03-01T12:00:00.000Z'
const CHUNK = 500

/** Names of which nobody decided anything, and names that were claimed by a decision each. */
export interface Counts {
  readonly names: number
  readonly decided: number
  readonly namespaces: number
}

/** The data folder of a signed index with as many names. */
export interface ManyNames extends AsyncDisposable {
  readonly dataDir: string
  readonly root: string
  readonly store: Store
}

/** Writes them into a new index and publishes what was decided, as a server would. */
export async function openManyNames({ names, decided, namespaces }: Counts): Promise<ManyNames> {
  await using parts = new AsyncDisposableStack()
  const { path: folder } = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-bench-names-')))
  const dataDir = join(folder, 'data')
  const blobs = await openDirectoryBlobStore(join(dataDir, 'blobs'))
  const store = parts.use(await openStore({ kind: 'sqlite', path: join(dataDir, 'waxseal.db') }))
  const clock = { now: Date.now }
  const keys = signingKeysIn(dataDir)
  const context = signerContext(clock, {})
  const online = await makeOnlineKeys(dataDir, keys, context)
  const offline = { root: keySigner(generatePrivateKey()), targets: keySigner(generatePrivateKey()) }
  const first = await initialiseSigning({ store, blobs, clock, publisher: 'bench' }, 'normal', { offline, online })
  const root = join(folder, 'root.json')
  await writeFile(root, first.bytes)
  await addRows(store, { names, decided, namespaces })
  const signed = await openSigned({ store, clock, keys, context })
  const config = { namespaces: new Namespaces(), upstreams: [] }
  await new Publisher({ store, bodies: blobs, clock, names: config, signed, publisher: 'bench' }).publish()
  const kept = parts.move()
  return { dataDir, root, store, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

export function decidedName(number: number): string {
  return `decided-${number}`
}

async function addRows(store: Store, { names, decided, namespaces }: Counts): Promise<void> {
  await inChunks(namespaces, (numbers) =>
    store.transaction(async (tx) => {
      const rest = { visibility: 'private', claims: 'offline', since: AT, granted_by: 'operator' } as const
      await tx
        .insertInto('namespace')
        .values(numbers.map((number) => ({ name: `space-${number}`, owner: 'core', ...rest })))
        .execute()
    }),
  )
  await inChunks(names - decided, (numbers) =>
    store.transaction(async (tx) => {
      const rest = { authority: 'unclaimed', upstream: 'pypi', rev: 0, status: 'active', status_reason: null } as const
      const rows = numbers.map((number) => ({ name: `seen-${number}`, display_name: `seen-${number}`, ...rest }))
      await tx
        .insertInto('project')
        .values(rows.map((row) => ({ ...row, created_at: AT })))
        .execute()
    }),
  )
  await inChunks(decided, (numbers) =>
    store.transaction(async (tx) => {
      for (const number of numbers) {
        const project = decidedName(number)
        const claim = { project, displayName: project, at: AT, actor: OPERATOR, by: 'administrator' } as const
        await recordClaim(tx, { ...claim, evidence: [] })
        await appendJournal(tx, { project, action: 'create', at: AT, actor: OPERATOR.name })
      }
    }),
  )
}

async function inChunks(count: number, work: (numbers: readonly number[]) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += CHUNK) {
    await work(Array.from({ length: Math.min(CHUNK, count - from) }, (_, at) => from + at))
  }
}
