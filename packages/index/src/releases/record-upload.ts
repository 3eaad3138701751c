import { formatVersion, normalizeUploadTime } from '@waxseal/packaging'
import type { CoreMetadata } from '@waxseal/packaging'
import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { isoTime } from '../clock.ts'
import type { Clock } from '../clock.ts'
import { recordClaim } from '../names/claim.ts'
import { filenameKey } from '../names/filename-key.ts'
import { noteMergeConflicts } from '../names/merging.ts'
import { appendJournal } from '../publish/journal.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Database } from '../store/schema.ts'
import { recordAction } from '../telemetry/events.ts'
import type { UploadRequest } from './upload-checks.ts'
import type { NameRight } from './upload-name.ts'

/** An upload that passed every check and whose blobs are stored. */
export interface RecordedUpload {
  readonly upload: UploadRequest
  readonly content: { readonly sha256: string; readonly blake2b: string; readonly md5: string; readonly size: number }
  /** As the file itself has it: the form is only a claim about it (attacks.md EXD-3). */
  readonly metadata: CoreMetadata
  readonly metadataSha256?: string
  readonly attestationsSha256?: string
}

/** Writes the rows of an accepted upload: the claim of a new name, the release, the file; the journal last. Returns its number. */
export async function recordUpload(
  tx: Transaction<Database>,
  clock: Clock,
  actor: Actor,
  right: NameRight,
  recorded: RecordedUpload,
): Promise<number> {
  const { upload } = recorded
  const at = isoTime(clock)
  if (right.kind === 'claim') {
    const { by, evidence, likes } = right
    const owner = { kind: 'user', name: actor.name } as const
    const { project, displayName } = upload
    await recordClaim(tx, { project, displayName, at, actor, by, evidence, owner, likes })
  }
  // PyPI shows the spelling last uploaded (behaviour.md 1.4 J).
  await tx.updateTable('project').set({ display_name: upload.displayName }).where('name', '=', upload.project).execute()
  await insertRelease(tx, at, recorded)
  await insertFile(tx, at, actor.name, recorded)
  await noteMergeConflicts(tx, upload.project, at)
  const { sha256, size } = recorded.content
  const { project, filename } = upload
  const version = formatVersion(upload.version)
  const detail = { filename, version, sha256, size, token: actor.credential === 'password' ? null : actor.credential }
  const after = { filename, version, sha256, size }
  await recordAction(tx, { kind: 'upload-accepted', at, by: actor, project, after, detail })
  return appendJournal(tx, {
    project: upload.project,
    action: right.kind === 'claim' ? 'create' : 'file-add',
    at,
    actor: actor.name,
  })
}

/** The first file's metadata stays the release's (behaviour.md 1.4 L). */
async function insertRelease(
  tx: Transaction<Database>,
  at: string,
  { upload, metadata }: RecordedUpload,
): Promise<void> {
  await tx
    .insertInto('release')
    .values({
      project: upload.project,
      version_key: upload.versionKey,
      version: formatVersion(upload.version),
      created_at: at,
      metadata: JSON.stringify(metadata),
    })
    .onConflict((conflict) => conflict.columns(['project', 'version_key']).doNothing())
    .execute()
}

async function insertFile(
  tx: Transaction<Database>,
  at: string,
  uploadedBy: string,
  recorded: RecordedUpload,
): Promise<void> {
  const { upload, content } = recorded
  const yank = await yankOfRelease(tx, upload)
  await tx
    .insertInto('file')
    .values({
      project: upload.project,
      source: LOCAL_SOURCE,
      filename: upload.filename,
      filename_key: filenameKey(upload.filename),
      version: formatVersion(upload.version),
      version_key: upload.versionKey,
      kind: upload.kind,
      sha256: content.sha256,
      blake2b: content.blake2b,
      md5: content.md5,
      size: content.size,
      requires_python: recorded.metadata.requiresPython ?? null,
      has_metadata: recorded.metadataSha256 === undefined ? 0 : 1,
      metadata_sha256: recorded.metadataSha256 ?? null,
      // In the spelling of pages (PEP 700), as the upstreams' times are.
      upload_time: normalizeUploadTime(at) ?? at,
      upload_time_source: 'upload',
      first_seen_at: at,
      ...yank,
      url: null,
      provenance_url: null,
      attestations_sha256: recorded.attestationsSha256 ?? null,
      python_version: upload.pythonVersion,
      comment: upload.comment ?? null,
      uploaded_by: uploadedBy,
      stored: 1,
      admitted_at: at,
      withdrawn_at: null,
      deleted_at: null,
    })
    .execute()
}

/** A release whose files are all yanked is yanked (PEP 592): one more file does not bring it back. */
async function yankOfRelease(
  tx: Transaction<Database>,
  upload: Pick<UploadRequest, 'project' | 'versionKey'>,
): Promise<{ readonly yanked: number; readonly yanked_reason: string | null }> {
  const siblings = await tx
    .selectFrom('file')
    .select(['yanked', 'yanked_reason'])
    .where('project', '=', upload.project)
    .where('source', '=', LOCAL_SOURCE)
    .where('version_key', '=', upload.versionKey)
    .where('deleted_at', 'is', null)
    .execute()
  const [first] = siblings
  if (first === undefined || siblings.some((file) => file.yanked === 0)) return { yanked: 0, yanked_reason: null }
  return { yanked: 1, yanked_reason: first.yanked_reason }
}
