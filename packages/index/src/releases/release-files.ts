import { PackagingError, canonicalVersionKey, parseVersion } from '@waxseal/packaging'
import type { Selectable, Transaction } from 'kysely'
import { filenameKey } from '../names/filename-key.ts'
import { LOCAL_SOURCE } from '../store/schema.ts'
import type { Database, FileTable } from '../store/schema.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** Which uploaded files of a project (normal form) are meant: all, those of a release, or one. */
export interface FileChoice {
  readonly project: string
  /** Any spelling of the version: PEP 440-equal versions are one release. */
  readonly version?: string | undefined
  readonly filename?: string | undefined
}

export type FileSelection = Pick<Selectable<FileTable>, 'id' | 'filename' | 'version_key' | 'yanked' | 'yanked_reason'>

/** The chosen files that were uploaded here and not deleted. */
export async function selectReleaseFiles(
  tx: Transaction<Database>,
  choice: FileChoice,
): Promise<{ readonly kind: 'files'; readonly files: readonly FileSelection[] } | Refusal> {
  let query = tx
    .selectFrom('file')
    .select(['id', 'filename', 'version_key', 'yanked', 'yanked_reason'])
    .where('project', '=', choice.project)
    .where('source', '=', LOCAL_SOURCE)
    .where('deleted_at', 'is', null)
  if (choice.version !== undefined) {
    const key = versionKey(choice.version)
    if (key === undefined) return refuse('bad-request', 'The version is not a version (PEP 440).')
    query = query.where('version_key', '=', key)
  }
  if (choice.filename !== undefined) query = query.where('filename_key', '=', filenameKey(choice.filename))
  return { kind: 'files', files: await query.execute() }
}

function versionKey(version: string): string | undefined {
  try {
    return canonicalVersionKey(parseVersion(version))
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}
