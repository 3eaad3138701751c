import { hostname } from 'node:os'
import { join } from 'node:path'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { OPERATOR } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { NotedMeaning } from '../names/served-names.ts'
import { OPEN_DEFAULT } from '../names/default-policy.ts'
import { LiveNames } from '../names/live-names.ts'
import { readMeaning, readServedNames, RESTORED_UNSERVED } from '../names/served-names.ts'
import type { SigningKeys } from '../publish/online-keys.ts'
import { signerContext } from '../publish/online-keys.ts'
import { openSigned } from '../publish/open-signed.ts'
import { newestSnapshot, Publisher } from '../publish/publisher.ts'
import type { SignedRepository } from '../publish/signed-repository.ts'
import { KNOWN_STEPS } from '../store/migrations/index.ts'
import type { StoreOptions } from '../store/store.ts'
import { isUniqueViolation, openStore } from '../store/store.ts'
import { recordAction } from '../telemetry/events.ts'
import type { Manifest, OnProgress } from './backup-format.ts'
import type { BackupSource } from './backup-source.ts'
import { writeBinding } from './bound-folder.ts'
import type { BackupCheck } from './check-backup.ts'
import { checkBackup } from './check-backup.ts'
import { onBackupDisk } from './compose-manifest.ts'
import { noteRestoredFrom, noteSetting } from './note-backup.ts'
import { renumber } from './renumber.ts'
import type { RestorePlace } from './restore-place.ts'
import { openRestorePlace, requireEmpty, RESTORED, restoredSchema } from './restore-place.ts'
import { insertRows, requireRows } from './restore-rows.ts'

export interface RestoreTarget {
  /** The folder that is to hold the index; empty, or not there. */
  readonly dataDir: string
  /** Where its rows go; empty. */
  readonly database: StoreOptions
  readonly clock: Clock
  /** Where the keys are that sign it, if it is a signed one. */
  readonly signing: SigningKeys
  /** The highest snapshot that the lost history published, where it is known; else a number above it is computed. */
  readonly above?: number
  /** Restores the rest where blobs are missing or damaged. */
  readonly allowMissing?: boolean
  /** Checks everything and writes nothing. */
  readonly dryRun?: boolean
  readonly onProgress?: OnProgress
}

/**
 * Whether what was restored is signed, as the backed up index was. `waiting`: its keys are not at hand, so nothing is published
 * until a server starts that has them; `problem` says which.
 */
export type RestoredSigning =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'signed' }
  | { readonly kind: 'waiting'; readonly problem: string }

/** What came of it. `damaged`, `incomplete`: nothing was restored, because of what `check` says. */
export type RestoreOutcome =
  | { readonly kind: 'damaged' | 'incomplete' | 'checked'; readonly check: BackupCheck }
  | {
      readonly kind: 'restored'
      readonly check: BackupCheck
      /** Everything is published again under numbers above this one. */
      readonly above: number
      /** The newest snapshot now. */
      readonly snapshot: number
      /** Projects whose page cannot be written; theirs stays as it was. */
      readonly unpublished: readonly string[]
      readonly signing: RestoredSigning
      /** The configuration of the backed up index, for the administrator to look through. */
      readonly config: string | undefined
      /** How it was served, and is to be served: anything else is refused at its first start. */
      readonly served: NotedMeaning | undefined
    }

/**
 * Restores a backup into an empty place. All of it is checked before there is an index: an interrupted restore leaves a
 * folder that nothing else opens, and that the same restore finishes.
 *
 * @throws IndexError `conflict` when the place is not empty; `config-invalid` for a backup of a newer version, or an
 *   `above` that is below the backup's own number; `storage-failed`
 */
export async function restoreBackup(source: BackupSource, target: RestoreTarget): Promise<RestoreOutcome> {
  const { manifest } = source
  const { dataDir, database, above, onProgress, dryRun = false, allowMissing = false } = target
  requireKnown(manifest)
  if (above !== undefined && above < manifest.snapshot) {
    throw new IndexError('config-invalid', `The backup itself has snapshot ${manifest.snapshot}; ${above} is below it.`)
  }
  await requireEmpty(dataDir, database, manifest)
  const progress = onProgress === undefined ? {} : { onProgress }
  if (dryRun) {
    const check = await checkBackup(source, progress)
    return { kind: kindOf(check, allowMissing) ?? 'checked', check }
  }
  return await onBackupDisk(dataDir, async () => {
    await using place = await openRestorePlace(dataDir, database, manifest)
    const blobs = await openDirectoryBlobStore(join(dataDir, 'blobs'))
    const check = await checkBackup(source, {
      stageTo: place.staging,
      takeBlob: (sha256, bytes) => blobs.put(sha256, bytes),
      ...progress,
    })
    const refused = kindOf(check, allowMissing)
    if (refused !== undefined) return { kind: refused, check }
    if (!place.filled) await fill(place, source, target)
    const published = await publishAnew(place, source, target, blobs)
    await writeBinding(dataDir, manifest.index)
    const config = await place.finish()
    return { kind: 'restored', check, ...published, config }
  })
}

function kindOf(check: BackupCheck, allowMissing: boolean): 'damaged' | 'incomplete' | undefined {
  if (check.damagedParts.length > 0) return 'damaged'
  return check.lostCount > 0 && !allowMissing ? 'incomplete' : undefined
}

function requireKnown({ schema, software }: Manifest): void {
  if (schema.length > 0 && schema.every((step, at) => step === KNOWN_STEPS[at])) return
  throw new IndexError(
    'config-invalid',
    `Waxseal ${software} wrote this backup, with tables that this version does not know; restore it with that version.`,
  )
}

/** The rows as they were, in one transaction, in tables as they were. */
async function fill(
  place: RestorePlace,
  { manifest }: BackupSource,
  { clock, onProgress }: RestoreTarget,
): Promise<void> {
  const upTo = manifest.schema.at(-1)
  await using store = await openStore(place.database, { clock, ...(upTo === undefined ? {} : { upTo }) })
  const filling = store.transaction(async (tx) => {
    const other = await tx.selectFrom('setting').select('value').where('key', '=', RESTORED).executeTakeFirst()
    if (other !== undefined) throw filledByAnother()
    await insertRows(tx, manifest, place.staging, onProgress)
    await noteSetting(tx, RESTORED, {
      backup: manifest.id,
      nonce: place.nonce,
      at: isoTime(clock),
      from: manifest.snapshot,
      above: null,
    })
  })
  await filling.catch((error: unknown) => {
    throw isUniqueViolation(error) ? filledByAnother(error) : error
  })
}

/** A database can be given to two restores, each with a folder of its own. */
function filledByAnother(cause?: unknown): IndexError {
  const message = 'Another restore has filled this database meanwhile. Restore into an empty database.'
  return new IndexError('conflict', message, { cause })
}

/**
 * Brings the tables up to this version, settles the numbers, and publishes every page under one above them; of a signed index
 * only with its keys.
 */
async function publishAnew(
  place: RestorePlace,
  source: BackupSource,
  target: RestoreTarget,
  blobs: Awaited<ReturnType<typeof openDirectoryBlobStore>>,
): Promise<
  Pick<Extract<RestoreOutcome, { kind: 'restored' }>, 'above' | 'snapshot' | 'unpublished' | 'signing' | 'served'>
> {
  const { clock } = target
  await using store = await openStore(place.database, { clock })
  const above = await store.transaction(async (tx) => {
    const row = await tx.selectFrom('setting').select('value').where('key', '=', RESTORED).executeTakeFirstOrThrow()
    const restored = restoredSchema.parse(JSON.parse(row.value))
    if (restored.nonce !== place.nonce) throw filledByAnother()
    if (restored.above !== null) return restored.above
    const settled = await renumber(store.kind, tx, clock, source.manifest, target.above)
    await noteSetting(tx, RESTORED, { ...restored, above: settled })
    await noteRestoredFrom(tx, source.path, source.manifest)
    await noteSetting(tx, RESTORED_UNSERVED, true)
    const detail = { where: source.path, snapshot: settled }
    const by = OPERATOR
    await recordAction(tx, { kind: 'restored', at: isoTime(clock), by, project: null, after: detail, detail })
    return settled
  })
  const unpublished: string[] = []
  const context = signerContext(clock, process.env)
  const signed = await openSigned({ store, clock, keys: target.signing, context })
  const signing = await signingOf(signed)
  const publisher = new Publisher({
    store,
    bodies: blobs,
    clock,
    signed,
    names: await LiveNames.open(
      () => store.db,
      (await readServedNames(store)) ?? { prefixes: [], upstreams: [], policy: OPEN_DEFAULT },
    ),
    publisher: `${hostname()}/${process.pid}`,
    onUnpublishable: (project) => unpublished.push(project),
  })
  if (signing.kind !== 'waiting') await publisher.renew()
  await requireRows(store.db, source.manifest)
  return { above, snapshot: await newestSnapshot(store), unpublished, signing, served: await readMeaning(store) }
}

async function signingOf(signed: SignedRepository | undefined): Promise<RestoredSigning> {
  if (signed === undefined) return { kind: 'unsigned' }
  try {
    const away = await signed.checkKeys()
    if (away.length > 0) return { kind: 'waiting', problem: away.join('\n') }
  } catch (error) {
    if (!(error instanceof IndexError) || error.code !== 'keys-unusable') throw error
    return { kind: 'waiting', problem: error.message }
  }
  return { kind: 'signed' }
}
