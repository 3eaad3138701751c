import type { Kysely, Transaction } from 'kysely'
import type { Actor, Unnamed } from '../access/actor.ts'
import { addressKey } from '../access/address-key.ts'
import { MAX_OPEN_REQUESTS, MAX_REQUESTED_FILES, REQUESTS_PER_DAY, REQUESTS_WINDOW_MS } from '../limits.ts'
import { journalRecount } from '../names/approvals.ts'
import type { NamesConfig } from '../names/authority.ts'
import { MAX_VERSION } from '../names/denials.ts'
import { releaseKey } from '../names/release-key.ts'
import { isOneLine } from '../names/read-document.ts'
import { readOffering } from '../publish/page-source.ts'
import { cleanReason } from '../releases/change-outcome.ts'
import { judgeFiles } from '../releases/judge-files.ts'
import type { JudgedFile } from '../releases/judge-files.ts'
import { byVersion } from '../releases/list-files.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Database } from '../store/schema.ts'
import { recordAction } from '../telemetry/events.ts'

/** The very bytes that are asked for: what is added later is another request (attacks.md APP-TOCTOU). */
export interface RequestedFile {
  readonly filename: string
  readonly sha256: string
}

export interface Asking {
  /** In normal form. */
  readonly project: string
  /** Absent: the newest release of which something is withheld. */
  readonly version?: string | undefined
  readonly reason?: string | undefined
}

export interface Asked {
  readonly kind: 'asked'
  readonly id: number
  readonly version: string | null
  readonly files: readonly RequestedFile[]
  /** False: the same was asked before, and nobody has answered. */
  readonly isNew: boolean
}

interface By {
  /** ISO 8601. */
  readonly at: string
  /** Nobody by name where the index is public. */
  readonly actor: Actor | Unnamed
}

/** Asks those who decide for what is withheld. No upstream is asked about it: strangers may come here (attacks.md DC-19). */
export async function askFor(
  tx: Transaction<Database>,
  { project, version, reason: text }: Asking,
  { at, actor }: By,
  names: NamesConfig,
): Promise<Asked | Refusal> {
  const reason = cleanReason(text)
  if (typeof reason === 'object' && reason !== null) return reason
  if (version !== undefined && (version === '' || version.length > MAX_VERSION || !isOneLine(version))) {
    return refuse('bad-request', `A version has between one and ${MAX_VERSION} characters, on one line.`)
  }
  // Before anything is read that costs: strangers may ask.
  const limit = await refuseMore(tx, actor, Date.parse(at))
  if (limit !== undefined) return limit
  const withheld = (await filesAt(tx, project, names, Date.parse(at))).filter((one) => isWithheld(one))
  const newest = withheld.map(({ file }) => file.version).toSorted((a, b) => byVersion(b, a))[0]
  const wanted = version ?? newest
  const files = withheld.flatMap(({ file: { filename, sha256, version: its } }) => {
    const isWanted = wanted !== undefined && releaseKey(its) === releaseKey(wanted)
    return sha256 === null || !isWanted ? [] : [{ filename, sha256 }]
  })
  const asked = { version: version ?? null, files: files.slice(0, MAX_REQUESTED_FILES) }
  const known = await sameRequest(tx, { project, ...asked }, actor)
  if (known !== undefined) return { kind: 'asked', id: known, ...asked, isNew: false }
  const last = await tx
    .selectFrom('request')
    .select(({ fn }) => fn.max('id').as('id'))
    .executeTakeFirst()
  const id = (last?.id ?? 0) + 1
  const row = { id, project, version: asked.version, reason, asked_by: actor.name, at, state: 'open' } as const
  await tx
    .insertInto('request')
    .values({ ...row, files: JSON.stringify(asked.files), address: keyOf(actor), ...UNANSWERED })
    .execute()
  const detail = { id, version: asked.version, files: asked.files.length, reason }
  await recordAction(tx, { kind: 'request-asked', at, by: actor, project, after: detail, detail })
  await journalRecount(tx, { project, askedBy: actor.name, at })
  return { kind: 'asked', id, ...asked, isNew: true }
}

const UNANSWERED = { answered_by: null, answered_at: null, answer: null }

/** What is known of a name at `now`, with the verdicts on its files. */
export async function filesAt(
  db: Kysely<Database>,
  project: string,
  names: NamesConfig,
  now: number,
): Promise<readonly JudgedFile[]> {
  const row = await db.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  const offering = await readOffering(db, project, row, names, now)
  const files = await db.selectFrom('file').selectAll().where('project', '=', project).orderBy('filename').execute()
  return judgeFiles(offering, files, now).files
}

/** What somebody can give: not what was deleted, or came from a source that does not answer for the name. */
function isWithheld({ withheld }: JudgedFile): boolean {
  switch (withheld?.code) {
    case 'file-quarantined':
    case 'file-blocked':
    case 'file-unapproved':
    case 'file-cooldown':
    case 'file-merge-conflict':
    case 'file-merge-refused':
    case 'project-quarantined':
      return true
    default:
      return false
  }
}

function keyOf({ address }: Actor | Unnamed): string | null {
  return address === null ? null : addressKey(address)
}

/** An open request for the same, by the same. */
async function sameRequest(
  tx: Transaction<Database>,
  { project, version, files }: Pick<Asked, 'version' | 'files'> & { readonly project: string },
  actor: Actor | Unnamed,
): Promise<number | undefined> {
  const key = keyOf(actor)
  const row = await tx
    .selectFrom('request')
    .select('id')
    .where('project', '=', project)
    .where('state', '=', 'open')
    .where('version', version === null ? 'is' : '=', version)
    .where('files', '=', JSON.stringify(files))
    .where('asked_by', actor.name === null ? 'is' : '=', actor.name)
    .$if(actor.name === null, (query) => query.where('address', key === null ? 'is' : '=', key))
    .executeTakeFirst()
  return row?.id
}

/** Counted in the database, so that neither a restart nor another node forgets (attacks.md RATE). */
async function refuseMore(
  tx: Transaction<Database>,
  actor: Actor | Unnamed,
  now: number,
): Promise<Refusal | undefined> {
  const count = async (column: 'asked_by' | 'address' | 'state', value: string, since: string): Promise<number> => {
    const { rows } = await tx
      .selectFrom('request')
      .select(({ fn }) => fn.countAll<number>().as('rows'))
      .where(column, '=', value)
      .where('at', '>', since)
      .executeTakeFirstOrThrow()
    return rows
  }
  const since = new Date(now - REQUESTS_WINDOW_MS).toISOString()
  const key = keyOf(actor)
  const asked = [
    actor.name === null ? 0 : await count('asked_by', actor.name, since),
    actor.name !== null || key === null ? 0 : await count('address', key, since),
  ]
  if (Math.max(...asked) >= REQUESTS_PER_DAY) {
    return refuse(
      'request-limit',
      `${REQUESTS_PER_DAY} requests in 24 hours are as many as may be: ask again tomorrow.`,
    )
  }
  if ((await count('state', 'open', '')) < MAX_OPEN_REQUESTS) return undefined
  return refuse('request-limit', 'More requests wait here than anybody can answer: ask whoever runs this index.')
}
