import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { openSpool } from '../blobs/spool.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { NamesConfig } from '../names/authority.ts'
import { PageBodies } from '../publish/page-bodies.ts'
import type { Publisher } from '../publish/publisher.ts'
import { withLease } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { recordEvent } from '../telemetry/events.ts'
import type { UpstreamConfig } from '../upstream/config.ts'
import { openUpstream } from '../upstream/upstream.ts'
import type { BlobTrouble } from './doctor-blobs.ts'
import { examineBlobs } from './doctor-blobs.ts'
import { Findings } from './doctor-findings.ts'
import type { Finding } from './doctor-findings.ts'
import { examineFolders } from './doctor-folders.ts'
import { examinePages } from './doctor-pages.ts'
import type { RepairParts } from './doctor-repair.ts'
import { isSpokenOf, repairBlob } from './doctor-repair.ts'
import { examineCircumstances, examineDecisions, examineRows } from './doctor-rows.ts'
import { usesOfBlob } from './referenced-blobs.ts'

export interface DoctorParts {
  readonly store: Store
  readonly blobs: DirectoryBlobStore
  readonly clock: Clock
  readonly names: NamesConfig
  readonly publisher: Publisher
  readonly dataDir: string
  /** Upstreams that are configured. */
  readonly upstreams: readonly UpstreamConfig[]
}

export interface DoctorOptions {
  readonly repair?: boolean
  /** A backup's folder, whose blobs may be taken. */
  readonly from?: string | undefined
  /** Whether upstreams may be asked for what is missing. */
  readonly askUpstreams?: boolean
  readonly progress?: ((done: number, total: number) => void) | undefined
}

/** What an examination found. */
export interface Diagnosis {
  readonly at: string
  readonly checked: {
    readonly blobs: number
    readonly bytes: number
    readonly references: number
    readonly pages: number
    readonly decisions: number
  }
  /** The first of them; `counts` has all. */
  readonly findings: readonly Finding[]
  readonly counts: Readonly<Partial<Record<Finding['code'], number>>>
  readonly repaired: number
  /** Errors and warnings that are left. */
  readonly left: number
}

/**
 * Looks at everything that an index keeps: the database, the rows among themselves, pages, decisions, the folders, and
 * every blob by its hash; beside running servers. With `repair` it mends what can be mended (`doctor-repair.ts`).
 *
 * @throws IndexError `conflict` when it is to repair while a backup, a restore or a collection runs; `not-found` when
 * `from` is no backup
 */
export function examine(parts: DoctorParts, options: DoctorOptions = {}): Promise<Diagnosis> {
  if (options.repair !== true) return diagnose(parts, options, undefined)
  return withLease(parts.store, parts.clock, 'keeping', async () => {
    await using opened = new AsyncDisposableStack()
    const upstreams = options.askUpstreams === false ? [] : parts.upstreams
    const repairing: RepairParts = {
      ...parts,
      bodies: pageBodies(parts),
      spool: await openSpool(join(parts.dataDir, 'spool')),
      backup: options.from === undefined ? undefined : await openBackup(options.from),
      upstreams: new Map(upstreams.map((one) => [one.name, opened.use(openUpstream(one, { clock: parts.clock }))])),
    }
    return await diagnose(parts, options, repairing)
  })
}

async function diagnose(
  parts: DoctorParts,
  options: DoctorOptions,
  repairing: RepairParts | undefined,
): Promise<Diagnosis> {
  const { store, blobs, clock, names, dataDir } = parts
  const findings = new Findings()
  const configured = parts.upstreams.map(({ name }) => name)
  await examineRows(store, findings)
  await examineFolders(dataDir, blobs, findings)
  await examineCircumstances(store, clock.now(), configured, findings)
  const decisions = await examineDecisions(store, findings)
  const folder = join(dataDir, 'blobs')
  const { troubles, more, ...seen } = await examineBlobs({ store, blobs, folder }, findings, options.progress)
  // Files before the sidecars that are made from them.
  for (const trouble of await filesFirst(store, troubles)) await tellTrouble(parts, trouble, repairing, findings)
  if (more > 0)
    findings.add('blob-missing', `${more} more blobs in trouble than are listed; run it again after the repair`)
  const pages = await examinePages({ store, names, repair: repairing && pageBodies(parts) }, findings)
  const diagnosis = {
    at: isoTime(clock),
    checked: { ...seen, pages, decisions },
    findings: findings.listed,
    counts: findings.counts,
    repaired: findings.repaired,
    left: findings.left,
  }
  await record(store, diagnosis, repairing !== undefined)
  return diagnosis
}

function pageBodies({ store, blobs, clock, names, publisher }: DoctorParts): PageBodies {
  const onDamage = (error: unknown): never => {
    throw error
  }
  return new PageBodies({ store, bodies: blobs, clock, names, publisher, onDamage })
}

async function openBackup(folder: string): Promise<DirectoryBlobStore> {
  const blobs = join(folder, 'blobs')
  const found = await stat(blobs).catch(() => undefined)
  if (found?.isDirectory() !== true) {
    throw new IndexError(
      'not-found',
      `${folder} is no backup folder: it has no folder "blobs". An archive is unpacked first.`,
    )
  }
  return await openDirectoryBlobStore(blobs, undefined, { readOnly: true })
}

async function filesFirst(store: Store, troubles: readonly BlobTrouble[]): Promise<readonly BlobTrouble[]> {
  const files: BlobTrouble[] = []
  const others: BlobTrouble[] = []
  for (const trouble of troubles) {
    const { db } = store
    const file = await db
      .selectFrom('file')
      .select('id')
      .where('sha256', '=', trouble.sha256)
      .limit(1)
      .executeTakeFirst()
    ;(file === undefined ? others : files).push(trouble)
  }
  return [...files, ...others]
}

async function tellTrouble(
  { store, blobs }: DoctorParts,
  { sha256, code }: BlobTrouble,
  repairing: RepairParts | undefined,
  findings: Findings,
): Promise<void> {
  const spoken = await isSpokenOf(store, sha256)
  // Deleted, or healed, since it was looked at.
  if (code === 'blob-missing' && (!spoken || (await blobs.head(sha256)) !== undefined)) return
  const uses = await usesOfBlob(store.db, sha256)
  const names = uses.map(
    ({ project, part, filename }) => `${part} of ${project}${filename === undefined ? '' : `: ${filename}`}`,
  )
  const uploader = await uploaderOf(store, sha256)
  const what = [
    names.slice(0, 5).join(', ') || 'no row speaks of it',
    ...(uploader === undefined ? [] : [`uploaded by ${uploader}`]),
  ]
  // What may not be read is somebody else's to mend: it may be whole.
  const repair =
    repairing === undefined || code === 'blob-unreadable' ? {} : { repair: await repairBlob(repairing, sha256) }
  findings.add(code, what.join('; '), { sha256, ...repair })
}

async function uploaderOf({ db }: Store, sha256: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('file')
    .select('uploaded_by')
    .where('sha256', '=', sha256)
    .where('deleted_at', 'is', null)
    .where('uploaded_by', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  return row?.uploaded_by ?? undefined
}

async function record(store: Store, { at, counts, repaired, left }: Diagnosis, repair: boolean): Promise<void> {
  const problems = repaired + left
  if (problems === 0) return
  const event = { at, actor: 'operator', project: null }
  await store.transaction(async (tx) => {
    await recordEvent(tx, { ...event, kind: 'doctor-found', detail: { problems, kinds: counts } })
    if (repair) await recordEvent(tx, { ...event, kind: 'doctor-repaired', detail: { repaired, left } })
  })
}
