import { canonicalVersionKey, compareVersions, tryParseVersion } from '@waxseal/packaging'
import { releaseKey } from '../names/release-key.ts'
import type { ProjectState } from '../publish/current-projects.ts'
import type { FileRow } from '../store/schema.ts'
import { yankMark } from './page.ts'
import type { ReadParts, WithheldFile } from './read-project.ts'
import { judgeFiles } from './judge-files.ts'
import type { JudgedFile } from './judge-files.ts'

/** One file that the index has a record of, as administrators see it. Sizes in bytes, times ISO 8601. */
export interface KnownFile {
  readonly filename: string
  readonly version: string
  readonly kind: FileRow['kind']
  /** `local`, or the upstream that lists it. */
  readonly source: string
  readonly size: number | null
  readonly sha256: string | null
  readonly requires_python: string | null
  readonly upload_time: string
  readonly uploaded_by: string | null
  /** False; true, or why: as its page says it. */
  readonly yanked: boolean | string
  /** Whether its bytes are here. */
  readonly stored: boolean
  /** Null: it is offered. */
  readonly withheld: Pick<WithheldFile, 'code' | 'since' | 'reason'> | null
}

/** One release that the index has files of. */
export interface KnownRelease {
  readonly version: string
  readonly files: number
  readonly offered: number
  /** Whether every file that is offered is yanked. */
  readonly yanked: boolean
}

/** Which files: all of a project, those of a version in any spelling, or those of one name. */
export interface FileFilter {
  readonly version?: string | undefined
  readonly filename?: string | undefined
}

/** Every file that is known of a project, offered or not, from every source, in the order of versions and names. */
export async function listFiles(
  parts: ReadParts,
  state: ProjectState,
  { version, filename }: FileFilter = {},
): Promise<readonly KnownFile[]> {
  const parsed = version === undefined ? undefined : tryParseVersion(version)
  let query = parts.store.db.selectFrom('file').selectAll().where('project', '=', state.name)
  if (parsed !== undefined) query = query.where('version_key', '=', canonicalVersionKey(parsed))
  else if (version !== undefined) query = query.where('version', '=', version)
  if (filename !== undefined)
    query = query.where((where) => where.or([where('filename', '=', filename), where('filename_key', '=', filename)]))
  const rows = await query.orderBy('filename').execute()
  const judged = judgeFiles(state.offering, rows, parts.clock.now())
  return judged.files.toSorted((a, b) => byVersion(a.file.version, b.file.version)).map((one) => knownFile(one))
}

/** The releases that `files` belong to, in their order. */
export function releasesOf(files: readonly KnownFile[]): readonly KnownRelease[] {
  const releases = new Map<string, KnownFile[]>()
  for (const file of files) {
    const key = releaseKey(file.version)
    const of = releases.get(key)
    if (of === undefined) releases.set(key, [file])
    else of.push(file)
  }
  return [...releases.values()].map((of) => {
    const offered = of.filter(({ withheld }) => withheld === null)
    return {
      version: of[0]?.version ?? '',
      files: of.length,
      offered: offered.length,
      yanked: offered.length > 0 && offered.every(({ yanked }) => yanked !== false),
    }
  })
}

function knownFile({ file: row, withheld }: JudgedFile): KnownFile {
  return {
    filename: row.filename,
    version: row.version,
    kind: row.kind,
    source: row.source,
    size: row.size,
    sha256: row.sha256,
    requires_python: row.requires_python,
    upload_time: row.upload_time,
    uploaded_by: row.uploaded_by,
    yanked: yankMark(row),
    stored: row.stored === 1,
    withheld: withheld ?? null,
  }
}

/** The oldest first; what is no version before all that are. */
export function byVersion(a: string, b: string): number {
  const [one, other] = [tryParseVersion(a), tryParseVersion(b)]
  if (one === undefined || other === undefined) return Number(one !== undefined) - Number(other !== undefined)
  return compareVersions(one, other)
}
