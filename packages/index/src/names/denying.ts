import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { MAX_DENIED_FILES, MAX_DENIED_PROJECTS } from '../limits.ts'
import { appendJournal } from '../publish/journal.ts'
import { neededReason } from '../releases/change-outcome.ts'
import type { ChangeOutcome } from '../releases/change-outcome.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Database } from '../store/schema.ts'
import { recordDecision } from './decisions.ts'
import { isStanding, MAX_VERSION } from './denials.ts'
import { releaseKey } from './release-key.ts'
import type { Denial, Overlay } from './denials.ts'
import { nextDenialNumber, standingDenials } from './deny-list.ts'
import { insertProject } from './project-row.ts'
import { isOneLine } from './read-document.ts'
import { askForOpening, sealedRecord } from './sealed-names.ts'
import { shardOf } from './signed-paths.ts'

/** What is denied: with nothing but the project its whole name, else one release or one file of it. */
export interface DenialSubject {
  /** In normal form; it need not be known. */
  readonly project: string
  readonly version?: string | undefined
  /** Of the file's bytes, whether or not they are known. */
  readonly sha256?: string | undefined
  /** Whatever bytes are known under this name of the project. */
  readonly filename?: string | undefined
}

export interface DenialWords {
  readonly overlay: Overlay
  readonly reason: string
  /** When a quarantine ends by itself, in any form that `Date` reads. */
  readonly until?: string | undefined
}

interface At {
  /** ISO 8601. */
  readonly at: string
  readonly actor: Actor
}

/**
 * Quarantines or blocks a name, a release or a file, whoever answers for the name (design.md section 2): at once, since closing needs no
 * holders. A name that nothing was known of is known from then on, so that its page is there and empty (attacks.md 6.5 row 28).
 */
export async function deny(
  tx: Transaction<Database>,
  subject: DenialSubject,
  words: DenialWords,
  { at, actor }: At,
): Promise<ChangeOutcome> {
  const denied = checkedWords(words, at)
  if (denied.kind === 'refused') return denied
  const targets = await targetsOf(tx, subject)
  if ('kind' in targets) return targets
  const { project } = subject
  const standing = (await standingDenials(tx, project)).filter((denial) => isStanding(denial, Date.parse(at)))
  const added = targets.filter((target) => !standing.some((denial) => saysTheSame(denial, target, denied)))
  if (added.length === 0) return { kind: 'unchanged' }
  const known = await tx.selectFrom('project').select('name').where('name', '=', project).executeTakeFirst()
  if (known === undefined) await insertProject(tx, { name: project, authority: 'unclaimed', upstream: null, at })
  const { overlay, reason, until } = denied
  const denials: number[] = []
  for (const { filename, version, sha256 } of added) {
    const n = await nextDenialNumber(tx)
    denials.push(n)
    await tx
      .insertInto('denial')
      .values({
        n,
        project,
        shard: shardOf(project),
        version: version ?? null,
        sha256: sha256 ?? null,
        overlay,
        reason,
        since: at,
        until: until ?? null,
        denied_by: actor.name,
        lifted_at: null,
        lifted_by: null,
      })
      .execute()
    const body = { kind: 'deny', n, overlay, version, sha256, filename, reason, until } as const
    await recordDecision(tx, { project, at, actor, body })
  }
  return {
    kind: 'done',
    seq: await appendJournal(tx, { project, action: 'denial', at, actor: actor.name }),
    denials,
  }
}

/** Denies these bytes under every name that they are known of. */
export async function denyEverywhere(
  tx: Transaction<Database>,
  sha256: string,
  words: DenialWords,
  by: At,
): Promise<ChangeOutcome> {
  const wrong = wrongSha256(sha256)
  if (wrong !== undefined) return wrong
  const projects = await tx
    .selectFrom('file')
    .select('project')
    .distinct()
    .where('sha256', '=', sha256)
    .orderBy('project')
    .limit(MAX_DENIED_PROJECTS + 1)
    .execute()
  if (projects.length === 0) {
    return refuse('not-found', `No project has a file with the sha256 ${sha256}: to deny it all the same, name one.`)
  }
  if (projects.length > MAX_DENIED_PROJECTS) {
    return refuse(
      'bad-request',
      `More than ${MAX_DENIED_PROJECTS} projects have these bytes: name those that you mean.`,
    )
  }
  const denials: number[] = []
  let seq: number | undefined
  for (const { project } of projects) {
    const outcome = await deny(tx, { project, sha256 }, words, by)
    if (outcome.kind === 'refused') return outcome
    if (outcome.kind !== 'done') continue
    denials.push(...(outcome.denials ?? []))
    ;({ seq } = outcome)
  }
  return seq === undefined ? { kind: 'unchanged' } : { kind: 'done', seq, denials }
}

/**
 * Lifts a denial. That opens: of a sealed name it waits for the name's holders, whatever the server would say (design.md section 7;
 * attacks.md QUAR-2).
 */
export async function lift(
  tx: Transaction<Database>,
  { n, reason }: { readonly n: number; readonly reason: string },
  { at, actor }: At,
): Promise<ChangeOutcome> {
  const why = neededReason(reason)
  if (typeof why === 'object') return why
  const denial = await tx.selectFrom('denial').selectAll().where('n', '=', n).executeTakeFirst()
  if (denial === undefined) return refuse('not-found', `There is no denial ${n}; see: waxseal denials`)
  if (denial.lifted_at !== null) return { kind: 'unchanged' }
  const { project } = denial
  if ((await sealedRecord(tx, project)) !== undefined) {
    return askForOpening(tx, { project, kind: 'lift', body: n, at, actor })
  }
  await tx.updateTable('denial').set({ lifted_at: at, lifted_by: actor.name }).where('n', '=', n).execute()
  await recordDecision(tx, { project, at, actor, body: { kind: 'lift', n, reason: why } })
  return { kind: 'done', seq: await appendJournal(tx, { project, action: 'denial', at, actor: actor.name }) }
}

type Target = Pick<Denial, 'version' | 'sha256'> & { readonly filename?: string }

async function targetsOf(
  tx: Transaction<Database>,
  { project, version, sha256, filename }: DenialSubject,
): Promise<readonly Target[] | Refusal> {
  if ([version, sha256, filename].filter((one) => one !== undefined).length > 1) {
    return refuse(
      'bad-request',
      'A denial is of a name, a release or a file: give one of version, sha256 and file name.',
    )
  }
  if (version !== undefined) {
    if (version === '' || version.length > MAX_VERSION || !isOneLine(version))
      return refuse('bad-request', 'This is no version.')
    return [{ version }]
  }
  if (sha256 !== undefined) return wrongSha256(sha256) ?? [{ sha256 }]
  if (filename === undefined) return [{}]
  const rows = await tx
    .selectFrom('file')
    .select('sha256')
    .distinct()
    .where('project', '=', project)
    .where('filename', '=', filename)
    .where('sha256', 'is not', null)
    .limit(MAX_DENIED_FILES)
    .execute()
  if (rows.length > 0) {
    return rows.flatMap(({ sha256: known }) => (known === null ? [] : [{ sha256: known, filename }]))
  }
  return refuse(
    'not-found',
    `No bytes are known under the name ${filename} of ${project}. Deny it by its sha256, or deny the release.`,
  )
}

function wrongSha256(sha256: string): Refusal | undefined {
  return /^[0-9a-f]{64}$/.test(sha256)
    ? undefined
    : refuse('bad-request', 'A sha256 has 64 hexadecimal digits, in lower case.')
}

function checkedWords(
  { overlay, reason, until }: DenialWords,
  at: string,
): ({ readonly kind: 'words' } & DenialWords) | Refusal {
  const text = neededReason(reason)
  if (typeof text === 'object') return text
  if (until === undefined) return { kind: 'words', overlay, reason: text }
  if (overlay === 'blocked') {
    return refuse('bad-request', 'What is blocked stays so until it is lifted: quarantine what ends by itself.')
  }
  const end = Date.parse(until)
  if (!(end > Date.parse(at)))
    return refuse('bad-request', 'The end of a quarantine is a time to come, as 2027-01-31T12:00:00Z.')
  return { kind: 'words', overlay, reason: text, until: new Date(end).toISOString() }
}

function saysTheSame(denial: Denial, { version, sha256 }: Target, { overlay, reason, until }: DenialWords): boolean {
  const isSameRelease =
    denial.version === version ||
    (denial.version !== undefined && version !== undefined && releaseKey(denial.version) === releaseKey(version))
  const isSameWords = denial.overlay === overlay && denial.reason === reason && denial.until === until
  return isSameRelease && denial.sha256 === sha256 && isSameWords
}
