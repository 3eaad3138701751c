import type { Kysely } from 'kysely'
import { filenameKey } from '../names/filename-key.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Database } from '../store/schema.ts'
import { readableSize, refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { KeptParts } from './restore-upload.ts'
import type { UploadPolicy, UploadRequest } from './upload-checks.ts'

const DAY = 86_400_000

/** What is stored already decides: `new`, or the same file once more (with what is kept of it), or a refusal. */
export type Duplicate = { readonly kind: 'new' } | { readonly kind: 'identical'; readonly kept: KeptParts } | Refusal

/**
 * Compares an upload with what the project holds (behaviour.md 1.4 O and Q to T): a file that is there already, a burned name, a closed
 * release, a second sdist, the project's total. "File already exists" begins two sentences, because twine's --skip-existing looks for it.
 */
export async function findDuplicate(
  db: Kysely<Database>,
  upload: Pick<UploadRequest, 'project' | 'versionKey' | 'kind' | 'filename'>,
  content: { readonly sha256: string; readonly blake2b: string; readonly size: number },
  policy: UploadPolicy,
  now: number,
): Promise<Duplicate> {
  const files = await db
    .selectFrom('file')
    .select(['filename', 'filename_key', 'version_key', 'kind', 'sha256', 'blake2b', 'size', 'deleted_at'])
    .select(['metadata_sha256', 'attestations_sha256'])
    .where('project', '=', upload.project)
    .where('source', '=', LOCAL_SOURCE)
    .execute()
  const live = files.filter((file) => file.deleted_at === null)

  const total = live.reduce((sum, file) => sum + (file.size ?? 0), content.size)
  const sameName = files.find((file) => file.filename_key === filenameKey(upload.filename))
  if (sameName !== undefined && sameName.deleted_at === null) {
    if (sameName.sha256 === content.sha256 && sameName.filename === upload.filename) {
      const { metadata_sha256: metadata, attestations_sha256: attestations } = sameName
      return { kind: 'identical', kept: { metadata, attestations } }
    }
    return refuseExisting('upload-file-exists', sameName)
  }
  const sameBytes = live.find((file) => file.sha256 === content.sha256)
  if (sameBytes !== undefined) return refuseExisting('upload-identical-content', sameBytes)
  if (sameName !== undefined) {
    return refuse(
      'upload-filename-burned',
      'This filename was previously used by a file that has since been deleted. Use a different version.',
    )
  }
  if (total > policy.maxProjectSize) {
    return refuse(
      'upload-project-too-large',
      `Project size too large. Limit for project '${upload.project}' total size is ${readableSize(policy.maxProjectSize)}.`,
    )
  }
  const closed = await isReleaseClosed(db, upload, policy, now)
  if (closed) {
    return refuse(
      'upload-release-closed',
      `Uploading new files to releases older than ${policy.releaseWindowDays} days is not allowed.`,
    )
  }
  if (upload.kind === 'sdist' && live.some((file) => file.kind === 'sdist' && file.version_key === upload.versionKey)) {
    return refuse('upload-second-sdist', 'Only one sdist may be uploaded per release.')
  }
  return { kind: 'new' }
}

async function isReleaseClosed(
  db: Kysely<Database>,
  upload: Pick<UploadRequest, 'project' | 'versionKey'>,
  policy: UploadPolicy,
  now: number,
): Promise<boolean> {
  if (policy.releaseWindowDays === undefined) return false
  const release = await db
    .selectFrom('release')
    .select('created_at')
    .where('project', '=', upload.project)
    .where('version_key', '=', upload.versionKey)
    .executeTakeFirst()
  return release !== undefined && now - Date.parse(release.created_at) > policy.releaseWindowDays * DAY
}

function refuseExisting(
  code: 'upload-file-exists' | 'upload-identical-content',
  existing: { readonly filename: string; readonly blake2b: string | null },
): Refusal {
  return refuse(
    code,
    `File already exists ('${existing.filename}', with blake2_256 hash '${existing.blake2b ?? 'unknown'}').`,
  )
}
