import { z } from 'zod'
import { IndexError } from '../error.ts'
import type { Database } from '../store/schema.ts'

/** Version of the format that is written; a reader takes no later one. Described in docs/decisions/0012-backup-format.md. */
export const BACKUP_FORMAT = 1

export const MANIFEST = 'manifest.json'
/** `manifest.json`'s own digest, in the form of `sha256sum`. */
export const MANIFEST_SUM = 'manifest.json.sha256'
/** Every blob that the rows speak of: `[sha256, size]`, or `[sha256, null, why]` for one that the backup has not. */
export const BLOB_LIST = 'blobs.ndjson.zst'
export const CONFIG_PART = 'waxseal.toml'
export const blobMember = (digest: string): string => `blobs/${digest.slice(0, 2)}/${digest.slice(2, 4)}/${digest}`
export const rowsPart = (table: string): string => `${table}.ndjson.zst`

/**
 * The tables of a backup, with the columns that order their rows; null: not carried over, being about processes that ran
 * and blobs that lay about. Restored in this order.
 */
export const BACKUP_TABLES = {
  project: ['name'],
  release: ['project', 'version_key'],
  file: ['id'],
  upstream_page: ['project', 'upstream'],
  decision: ['project', 'rev'],
  event: ['id'],
  journal: ['seq'],
  snapshot: ['version'],
  page: ['project'],
  superseded_page: ['project', 'snapshot'],
  user: ['name'],
  token: ['id'],
  setting: ['key'],
  tuf_file: ['role', 'version'],
  namespace: ['name'],
  denial: ['n'],
  approval: ['project', 'sha256', 'approver'],
  target: ['role', 'path', 'sha256'],
  opening: ['project', 'kind', 'body'],
  team: ['name'],
  team_member: ['team', 'member'],
  member: ['project', 'holder_kind', 'holder'],
  transfer: ['project', 'number'],
  name_claim: ['project'],
  download_tally: ['project', 'day', 'who'],
  audit: ['id'],
  upstream_list: ['upstream'],
  upstream_finding: ['upstream', 'name'],
  webhook: ['name'],
  request: ['id'],
  lease: null,
  garbage: null,
  node: null,
} as const satisfies Readonly<Record<keyof Database, readonly string[] | null>>

/** Each table of a backup and the columns that order its rows, in the order in which they are restored. */
export function tableKeys(): readonly (readonly [table: keyof Database, keys: readonly string[]])[] {
  const tables: (readonly [keyof Database, readonly string[]])[] = []
  for (const [table, keys] of Object.entries(BACKUP_TABLES)) {
    if (keys !== null) tables.push([table as keyof Database, keys])
  }
  return tables
}

/** Keys that the database counts up, and their tables. */
export const COUNTERS = { file: 'id', event: 'id', journal: 'seq' } as const

const count = z.int().min(0)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const id = z.string().regex(/^[0-9]{8}T[0-9]{9}Z-[0-9]+$/)

const manifestSchema = z.object({
  format: z.literal('waxseal-backup'),
  version: count,
  id,
  /** Which index it is of; the same for its restored successors. */
  index: z.string(),
  /** When the state that it shows was read. */
  at: z.iso.datetime(),
  /** Newest snapshot of that state. */
  snapshot: count,
  software: z.string(),
  /** Steps of the schema, in order. */
  schema: z.array(z.string()).readonly(),
  /** The last number that each counted key has given. */
  counters: z.object({ file: count, event: count, journal: count }),
  parts: z.array(
    z.object({ name: z.string().regex(/^[a-z_]+\.(?:ndjson\.zst|toml)$/), sha256, size: count, rows: count }),
  ),
  blobs: z.object({ count, bytes: count, missing: count }),
})

/** What one backup consists of: written last, so that a backup that has one is whole. */
export type Manifest = z.infer<typeof manifestSchema>
export type ManifestPart = Manifest['parts'][number]

/** Why a backup has not a blob that its rows speak of. */
export type MissingReason = 'absent' | 'damaged' | 'unreadable'

/** One line of the blob list. */
export type ListedBlob =
  | { readonly sha256: string; readonly size: number }
  | { readonly sha256: string; readonly missing: MissingReason }

/** Work that takes long tells how far it is: `done` of `total` (undefined: nobody knows) of what `what` names. */
export type OnProgress = (done: number, total: number | undefined, what: string) => void

/** @throws IndexError `backup-damaged` when it is not a manifest; `config-invalid` when it is of a later version */
export function parseManifest(text: string): Manifest {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw new IndexError('backup-damaged', `${MANIFEST} is no JSON.`, { cause: error })
  }
  const version = z.object({ version: count }).safeParse(raw)
  if (version.success && version.data.version > BACKUP_FORMAT) {
    throw new IndexError(
      'config-invalid',
      'A newer version of Waxseal wrote this backup; restore it with that version.',
    )
  }
  const parsed = manifestSchema.safeParse(raw)
  if (parsed.success) return parsed.data
  throw new IndexError('backup-damaged', `${MANIFEST} is not a backup's: ${z.prettifyError(parsed.error)}`)
}

const listedSchema = z.union([
  z.tuple([sha256, count]),
  z.tuple([sha256, z.null(), z.enum(['absent', 'damaged', 'unreadable'])]),
])

export function listedBlobLine(blob: ListedBlob): z.infer<typeof listedSchema> {
  return 'size' in blob ? [blob.sha256, blob.size] : [blob.sha256, null, blob.missing]
}

/** @throws IndexError `backup-damaged` */
export function parseListedBlob(line: unknown): ListedBlob {
  const parsed = listedSchema.safeParse(line)
  if (!parsed.success) throw new IndexError('backup-damaged', `${BLOB_LIST} has a line that is no blob.`)
  const [digest, size, missing] = parsed.data
  return size === null ? { sha256: digest, missing } : { sha256: digest, size }
}

/** Whether `name` is one that a backup has; other things in the folder of backups are somebody else's. */
export function isBackupId(name: string): boolean {
  return id.safeParse(name).success
}

/** The name of a backup: sorts by time. */
export function backupId(at: string, snapshot: number): string {
  return `${at.replaceAll(/[-:.]/g, '')}-${snapshot}`
}
