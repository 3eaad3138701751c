import type { Kysely } from 'kysely'
import { LISTED_REQUESTS } from '../limits.ts'
import type { NamesConfig } from '../names/authority.ts'
import { releaseKey } from '../names/release-key.ts'
import type { WithheldCode } from '../releases/judge-files.ts'
import type { Database, RequestRow, RequestState } from '../store/schema.ts'
import { filesAt } from './asking.ts'
import type { RequestedFile } from './asking.ts'

/** A request as those who decide see it. */
export interface KnownRequest {
  readonly id: number
  readonly project: string
  readonly version: string | null
  readonly files: readonly RequestedFile[]
  readonly reason: string | null
  /** Null: somebody without a token. */
  readonly askedBy: string | null
  readonly address: string | null
  readonly at: string
  readonly state: RequestState
  readonly answeredBy: string | null
  readonly answeredAt: string | null
  readonly answer: string | null
}

/** What became of a file since it was asked for. */
export interface ReviewedFile extends RequestedFile {
  /** `replaced`: other bytes lie under its name; `gone`: its source does not list it any more. */
  readonly now: 'withheld' | 'offered' | 'replaced' | 'gone'
  /** Why it is withheld. */
  readonly code: WithheldCode | null
  readonly reason: string | null
}

export interface ReviewedRequest extends Omit<KnownRequest, 'files'> {
  readonly files: readonly ReviewedFile[]
  /** Files of the release that came later: nobody asked for these bytes (attacks.md APP-TOCTOU). */
  readonly later: readonly RequestedFile[]
}

export interface RequestFilter {
  readonly state?: RequestState | undefined
  /** Those of this user alone. */
  readonly askedBy?: string | undefined
}

/** The newest first. */
export async function listRequests(
  db: Kysely<Database>,
  { state, askedBy }: RequestFilter,
): Promise<readonly KnownRequest[]> {
  const rows = await db
    .selectFrom('request')
    .selectAll()
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? 'open'))
    .$if(askedBy !== undefined, (query) => query.where('asked_by', '=', askedBy ?? ''))
    .orderBy('id', 'desc')
    .limit(LISTED_REQUESTS)
    .execute()
  return rows.map((row) => requestOf(row))
}

export async function readRequest(db: Kysely<Database>, id: number): Promise<KnownRequest | undefined> {
  const row = await db.selectFrom('request').selectAll().where('id', '=', id).executeTakeFirst()
  return row && requestOf(row)
}

/** Holds what was asked for against what lies there at `now`. */
export async function reviewRequest(
  db: Kysely<Database>,
  request: KnownRequest,
  names: NamesConfig,
  now: number,
): Promise<ReviewedRequest> {
  const judged = await filesAt(db, request.project, names, now)
  const files = request.files.map((file): ReviewedFile => {
    const same = judged.filter(({ file: row }) => row.filename === file.filename)
    const found = same.find(({ file: row }) => row.sha256 === file.sha256)
    if (found === undefined) return { ...file, now: same.length > 0 ? 'replaced' : 'gone', code: null, reason: null }
    const { withheld } = found
    if (withheld === undefined) return { ...file, now: 'offered', code: null, reason: null }
    const isGone = withheld.code === 'file-withdrawn' || withheld.code === 'file-deleted'
    const { code, reason } = withheld
    return { ...file, now: isGone ? 'gone' : 'withheld', code, reason }
  })
  const asked = new Set(request.files.map(({ sha256 }) => sha256))
  const named = new Set(request.files.map(({ filename }) => filename))
  const releases = new Set(judged.flatMap(({ file }) => (named.has(file.filename) ? [releaseKey(file.version)] : [])))
  const later = judged.flatMap(({ file: { filename, sha256, version } }) => {
    const isLater = sha256 !== null && !asked.has(sha256) && releases.has(releaseKey(version))
    return isLater ? [{ filename, sha256 }] : []
  })
  return { ...request, files, later }
}

function requestOf(row: RequestRow): KnownRequest {
  const { id, project, version, files, reason, asked_by, address, at, state, answered_by, answered_at, answer } = row
  return {
    id,
    project,
    version,
    files: JSON.parse(files) as readonly RequestedFile[],
    reason,
    askedBy: asked_by,
    address,
    at,
    state,
    answeredBy: answered_by,
    answeredAt: answered_at,
    answer,
  }
}
