import { hash } from 'node:crypto'
import { createRepository, planPublish, signersById } from '@waxseal/trust'
import type { Plan, PublicKey, Signer, Signers, TargetChange } from '@waxseal/trust'
import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { hashesTo } from '../blobs/hashes-to.ts'
import { IndexError } from '../error.ts'
import type { Database } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { journalRecords } from './journal.ts'
import { newestSnapshot } from './publisher.ts'
import type { OfflineKey, OnlineKey, RepositorySize } from './role-table.ts'
import { pageTarget, roleTable } from './role-table.ts'
import { storePlan } from './store-plan.ts'
import type { TrustSettings } from './trust-settings.ts'
import { isSigned, TRUST_SETTING } from './trust-settings.ts'

/** The keys of a new repository. The offline ones are used here, once, and never by a server. */
export interface FirstKeys {
  readonly offline: Readonly<Record<OfflineKey, Signer>>
  readonly online: Readonly<Record<OnlineKey, Signer>>
}

export interface SigningParts {
  readonly store: Store
  readonly blobs: Pick<BlobStore, 'get'>
  readonly clock: Clock
  /** Who does it, for the snapshot's row. */
  readonly publisher: string
}

/** What clients begin with: `1.root.json`, and the hash that tells whether it is the right one. */
export interface FirstRoot {
  readonly bytes: Uint8Array
  readonly sha256: string
}

/** Of an index that is signed; undefined for one that is not. */
export async function firstRoot(db: Kysely<Database>): Promise<FirstRoot | undefined> {
  const roots = db.selectFrom('tuf_file').select('body').where('role', '=', 'root')
  const row = await roots.where('version', '=', 1).executeTakeFirst()
  return row === undefined ? undefined : rootOf(Buffer.from(row.body))
}

function rootOf(bytes: Uint8Array): FirstRoot {
  return { bytes, sha256: hash('sha256', bytes) }
}

/**
 * Signs an index for the first time: the whole table of roles, and every page that is published. One transaction, so that it is
 * signed afterwards or as it was; nothing else of it changes.
 * @throws IndexError `conflict` where it is signed already
 */
export async function initialiseSigning(
  parts: SigningParts,
  size: RepositorySize,
  { offline, online }: FirstKeys,
): Promise<FirstRoot> {
  const settings: TrustSettings = {
    size,
    root: { keys: ['root'], threshold: 1 },
    targets: { keys: ['targets'], threshold: 1 },
  }
  const keys = new Map<string, PublicKey>()
  for (const [name, signer] of Object.entries({ ...offline, ...online })) keys.set(name, signer.key)
  const signers = signersById([...Object.values(offline), ...Object.values(online)])
  return await signIndex(parts, settings, { keys, signers })
}

/** Who signs an index for the first time. */
export interface FirstSigners {
  /** By the names of the table. */
  readonly keys: ReadonlyMap<string, PublicKey>
  readonly signers: Signers
  /** What was signed in a ceremony, by role; `root` too. */
  readonly signed?: ReadonlyMap<string, Uint8Array>
}

/**
 * Signs an index for the first time, with what of it others signed; `record` adds to the transaction.
 * @throws IndexError `conflict` where it is signed already
 */
export async function signIndex(
  parts: SigningParts,
  settings: TrustSettings,
  { keys, signers, signed }: FirstSigners,
  record?: (tx: Transaction<Database>, snapshot: number) => Promise<void>,
): Promise<FirstRoot> {
  const { store, clock, publisher } = parts
  const now = clock.now()
  const at = isoTime(clock)
  // Without pages it is the same for every index: made before the database is held.
  const base = await newestSnapshot(store)
  const effects = { snapshot: base + 1, now, signers, ...(signed === undefined ? {} : { signed }) }
  const empty = await createRepository(roleTable(settings.size, settings), keys, effects)
  await store.transaction(async (tx) => {
    if (await isSigned(tx)) throw new IndexError('conflict', 'This index is signed already.')
    await tx
      .insertInto('snapshot')
      .values({ version: base + 1, at, publisher, projects: 0 })
      .execute()
    await storePlan(tx, empty.files, at)
    await tx
      .insertInto('setting')
      .values({ key: TRUST_SETTING, value: JSON.stringify(settings) })
      .execute()
    await journalRecords(tx, at)
    const pages = await tx.selectFrom('page').select(['project', 'body_sha256']).orderBy('project').execute()
    await record?.(tx, pages.length === 0 ? base + 1 : base + 2)
    if (pages.length === 0) return
    const targets: TargetChange[] = []
    for (const { project, body_sha256: sha256 } of pages) {
      const body = await parts.blobs.get(sha256)
      if (body === undefined || !(await hashesTo(body, sha256))) {
        throw new IndexError(
          'blob-missing',
          `The page of ${project} is missing or damaged: run waxseal doctor --repair first.`,
        )
      }
      targets.push({ role: 'bins', path: pageTarget(project), target: { length: body.size, sha256 } })
    }
    const load = loadFrom(empty)
    const plan = await planPublish(empty.state, { targets }, { snapshot: base + 2, now, signers, load })
    await tx
      .insertInto('snapshot')
      .values({ version: base + 2, at, publisher, projects: pages.length })
      .execute()
    await storePlan(tx, plan.files, at)
  })
  const root = empty.files.find(({ role }) => role === 'root')
  if (root === undefined) throw new Error('a repository was made without a root')
  return rootOf(root.bytes)
}

function loadFrom({ files }: Plan): (role: string, version: number) => Promise<Uint8Array | undefined> {
  const known = new Map(files.map((file) => [`${file.version}.${file.role}`, file.bytes]))
  return async (role, version) => known.get(`${version}.${role}`)
}
