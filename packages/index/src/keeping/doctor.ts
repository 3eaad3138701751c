import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { openDirectoryBlobStore } from '../blobs/directory-blob-store.ts'
import { openSpool } from '../blobs/spool.ts'
import { OPERATOR } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import type { NamesConfig } from '../names/authority.ts'
import { PageBodies } from '../publish/page-bodies.ts'
import type { Publishing } from '../publish/leave-to-server.ts'
import type { Publisher } from '../publish/publisher.ts'
import type { SignedRepository } from '../publish/signed-repository.ts'
import { withLease } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { recordAction, recordEvent } from '../telemetry/events.ts'
import type { UpstreamConfig } from '../upstream/config.ts'
import { openUpstream } from '../upstream/upstream.ts'
import type { Mention } from './blob-mentions.ts'
import { isSpokenOf, mentionsOf } from './blob-mentions.ts'
import type { BlobTrouble } from './doctor-blobs.ts'
import { examineBlobs } from './doctor-blobs.ts'
import { Findings } from './doctor-findings.ts'
import type { Finding } from './doctor-findings.ts'
import { examineFolders } from './doctor-folders.ts'
import { examinePages } from './doctor-pages.ts'
import { examineSigned } from './doctor-signed.ts'
import type { RepairParts } from './doctor-repair.ts'
import { repairBlob } from './doctor-repair.ts'
import { examineAudit, examineCircumstances, examineDatabase, examineDecisions, examineRows } from './doctor-rows.ts'
import { recoverNotStored } from './recover-not-stored.ts'

export interface DoctorParts {
  readonly store: Store
  readonly blobs: DirectoryBlobStore
  readonly clock: Clock
  readonly names: NamesConfig
  readonly publisher: Publishing
  /** Undefined while the index is not signed; `signing` signs what is found wrong. */
  readonly signed: SignedRepository | undefined
  readonly signing: Pick<Publisher, 'repair'>
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
    /** Records of it. */
    readonly audit: number
    /** Signed roles; 0 where the index is not signed. */
    readonly roles: number
  }
  /** The first of them; `counts` has all. */
  readonly findings: readonly Finding[]
  readonly counts: Readonly<Partial<Record<Finding['code'], number>>>
  readonly repaired: number
  /** Errors and warnings that are left. */
  readonly left: number
}

/**
 * Looks at everything that an index keeps: the database, the rows among themselves, pages, decisions, signatures, the folders, and
 * every blob by its hash; beside running servers. With `repair` it mends what can be mended (`doctor-repair.ts`).
 *
 * @throws IndexError `conflict` when it is to repair while a backup, a restore or a collection runs; `not-found` when
 * `from` is no backup
 */
export async function examine(parts: DoctorParts, options: DoctorOptions = {}): Promise<Diagnosis> {
  const findings = new Findings()
  if (!(await examineDatabase(parts.store, findings))) return await examineWithoutRows(parts, options, findings)
  if (options.repair !== true) return await diagnose(parts, options, undefined, findings)
  return await withLease(parts.store, parts.clock, { name: 'keeping', by: 'doctor' }, async (held) => {
    await using opened = new AsyncDisposableStack()
    const upstreams = options.askUpstreams === false ? [] : parts.upstreams
    const repairing: RepairParts = {
      ...parts,
      bodies: pageBodies(parts),
      held,
      spool: opened.use(await openSpool(join(parts.dataDir, 'spool'))),
      backup: options.from === undefined ? undefined : await openBackup(options.from),
      configured: new Set(parts.upstreams.map(({ name }) => name)),
      upstreams: new Map(upstreams.map((one) => [one.name, opened.use(openUpstream(one, { clock: parts.clock }))])),
    }
    return await diagnose(parts, options, repairing, findings)
  })
}

async function diagnose(
  parts: DoctorParts,
  options: DoctorOptions,
  repairing: RepairParts | undefined,
  findings: Findings,
): Promise<Diagnosis> {
  const { store, blobs, clock, names, dataDir } = parts
  const configured = parts.upstreams.map(({ name }) => name)
  await examineRows(store, findings)
  await examineFolders(dataDir, blobs, findings)
  await examineCircumstances(store, clock.now(), configured, findings)
  const decisions = await examineDecisions(store, findings)
  const audit = await examineAudit(store, findings)
  const folder = join(dataDir, 'blobs')
  const { troubles, more, ...seen } = await examineBlobs({ store, blobs, folder }, findings, options.progress)
  const mentions = await mentionsOf(store, new Set(troubles.map(({ sha256 }) => sha256)))
  const isFile = ({ sha256 }: BlobTrouble): boolean =>
    mentions.get(sha256)?.some(({ part }) => part === 'file') === true
  // Files before the sidecars that are made from them.
  for (const trouble of [...troubles.filter(isFile), ...troubles.filter((one) => !isFile(one))])
    await tellTrouble(parts, { ...trouble, mentions: mentions.get(trouble.sha256) ?? [] }, repairing, findings)
  noteMore(more, findings)
  if (repairing !== undefined) await recoverNotStored(repairing, findings)
  const pages = await examinePages({ store, clock, names, repair: repairing }, findings)
  const { signed, signing } = parts
  const repair = repairing && { signing, held: repairing.held }
  const roles = await examineSigned({ store, blobs, clock, signed, repair }, findings)
  const diagnosis = diagnosisOf(clock, findings, { ...seen, pages, decisions, audit, roles })
  await record(store, diagnosis, repairing !== undefined)
  return diagnosis
}

/** What can be said all the same where the database is damaged; nothing is written. */
async function examineWithoutRows(
  { blobs, clock, dataDir }: DoctorParts,
  { progress }: DoctorOptions,
  findings: Findings,
): Promise<Diagnosis> {
  await examineFolders(dataDir, blobs, findings)
  const folder = join(dataDir, 'blobs')
  const { troubles, more, ...seen } = await examineBlobs({ store: undefined, blobs, folder }, findings, progress)
  for (const { sha256, code } of troubles) findings.add(code, 'what it is part of is not known', { sha256 })
  noteMore(more, findings)
  return diagnosisOf(clock, findings, { ...seen, pages: 0, decisions: 0, audit: 0, roles: 0 })
}

function noteMore(more: number, findings: Findings): void {
  if (more > 0)
    findings.add('blob-missing', `${more} more blobs in trouble than are listed; run it again after the repair`)
}

function diagnosisOf(clock: Clock, findings: Findings, checked: Diagnosis['checked']): Diagnosis {
  const { listed, counts, repaired, left } = findings
  return { at: isoTime(clock), checked, findings: listed, counts, repaired, left }
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

async function tellTrouble(
  { store, blobs }: DoctorParts,
  { sha256, code, mentions }: BlobTrouble & { readonly mentions: readonly Mention[] },
  repairing: RepairParts | undefined,
  findings: Findings,
): Promise<void> {
  // Deleted, or healed, since it was looked at.
  if (code === 'blob-missing' && (await blobs.head(sha256)) !== undefined) return
  if (code === 'blob-missing' && !(await isSpokenOf(store, sha256, mentions))) return
  const names = mentions.map(
    ({ project, part, filename }) => `${part} of ${project}${filename === undefined ? '' : `: ${filename}`}`,
  )
  const uploader = mentions.find((mention) => mention.uploader !== null && mention.part === 'file')?.uploader
  const what = [names.slice(0, 5).join(', ') || 'no row speaks of it', ...(uploader ? [`uploaded by ${uploader}`] : [])]
  // What may not be read is somebody else's to mend: it may be whole.
  const repair =
    repairing === undefined || code === 'blob-unreadable'
      ? {}
      : { repair: await repairBlob(repairing, sha256, mentions) }
  findings.add(code, what.join('; '), { sha256, ...repair })
}

async function record(store: Store, { at, counts, repaired, left }: Diagnosis, repair: boolean): Promise<void> {
  const problems = repaired + left
  if (problems === 0) return
  await store.transaction(async (tx) => {
    const found = { problems, kinds: counts }
    await recordEvent(tx, { kind: 'doctor-found', at, actor: OPERATOR.name, project: null, detail: found })
    if (!repair) return
    const [before, after] = [found, { repaired, left }]
    await recordAction(tx, { kind: 'doctor-repaired', at, by: OPERATOR, project: null, before, after, detail: after })
  })
}
