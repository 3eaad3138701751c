import type { Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { MAX_APPROVED_FILES } from '../limits.ts'
import { appendJournal } from '../publish/journal.ts'
import type { ChangeOutcome } from '../releases/change-outcome.ts'
import { refuse } from '../releases/refusal.ts'
import type { Refusal } from '../releases/refusal.ts'
import type { Database } from '../store/schema.ts'
import { askersOf, countedApprovals } from './approvals.ts'
import { answerFor } from './authority.ts'
import type { NameAnswer, NamesConfig } from './authority.ts'
import { claimedName } from './claimed-name.ts'
import { decideUpstream } from './decide-upstream.ts'
import type { ApprovedFile } from './decisions.ts'
import { recordDecision } from './decisions.ts'
import { OPEN_DEFAULT } from './default-policy.ts'
import { sealedRecord } from './sealed-names.ts'

export interface ApprovalRequest {
  readonly project: string
  /** The very bytes that somebody has looked at: what is added or replaced afterwards is not approved (attacks.md APP-TOCTOU). */
  readonly sha256s: readonly string[]
}

/** Which upstream has a name that nobody has decided about, and what those before it said. */
export interface FoundUpstream {
  readonly upstream: string
  readonly evidence: readonly string[]
}

/**
 * Approves files of an upstream's name, by their bytes. They are given out once as many people have approved them as the default asks for,
 * whatever their age. A name that nobody has decided about is decided by it for `found`, as a first download would. Whoever asked for
 * one of them is not one of those who approve it, where it takes more than one (attacks.md SELF-APPROVE).
 */
export async function approve(
  tx: Transaction<Database>,
  { project, sha256s }: ApprovalRequest,
  { at, actor }: { readonly at: string; readonly actor: Actor },
  names: NamesConfig,
  found?: FoundUpstream,
): Promise<ChangeOutcome> {
  const wrong = wrongSha256s(sha256s)
  if (wrong !== undefined) return wrong
  const { approvals: needed } = names.policy ?? OPEN_DEFAULT
  const askers = needed > 1 ? await askersOf(tx, project) : undefined
  if (sha256s.some((sha256) => askers?.get(sha256)?.has(actor.name) === true)) {
    return refuse('forbidden', `${actor.name} asked for these files: somebody else has to approve them.`)
  }
  const source = await sourceOf(tx, project, names, found)
  if (source.kind === 'refused') return source
  const files = await filesOf(tx, project, source.upstream, sha256s)
  if ('kind' in files) return files
  const added: Omit<ApprovedFile, 'approvals'>[] = []
  for (const { filename, sha256 } of files) {
    const row = await tx
      .insertInto('approval')
      .values({ project, sha256, approver: actor.name, filename, at })
      .onConflict((conflict) => conflict.columns(['project', 'sha256', 'approver']).doNothing())
      .returning('sha256')
      .executeTakeFirst()
    if (row !== undefined) added.push({ filename, sha256 })
  }
  if (added.length === 0) return { kind: 'unchanged' }
  if (found !== undefined && source.isUndecided) await decideUpstream(tx, { project, ...found, at, actor })
  const counted = await countedApprovals(tx, project, needed)
  const approved = added.map((file) => ({ ...file, approvals: counted.get(file.sha256)?.length ?? 0 }))
  await recordDecision(tx, { project, at, actor, body: { kind: 'approve', files: approved, needed } })
  const seq = await appendJournal(tx, { project, action: 'approval', at, actor: actor.name })
  if ((await sealedRecord(tx, project))?.closed !== true) return { kind: 'done', seq }
  const message = `Approved. ${project} is sealed: guards take these files once the holders of its seal have signed them (waxseal seal).`
  return { kind: 'waits', changed: true, message }
}

/** Takes back what anybody approved of these bytes. */
export async function unapprove(
  tx: Transaction<Database>,
  { project, sha256s }: ApprovalRequest,
  { at, actor }: { readonly at: string; readonly actor: Actor },
): Promise<ChangeOutcome> {
  const wrong = wrongSha256s(sha256s)
  if (wrong !== undefined) return wrong
  const rows = await tx
    .deleteFrom('approval')
    .where('project', '=', project)
    .where('sha256', 'in', sha256s)
    .returning(['filename', 'sha256'])
    .execute()
  if (rows.length === 0) return { kind: 'unchanged' }
  const files = Map.groupBy(rows, ({ sha256 }) => sha256)
  const taken = Array.from(files, ([sha256, [first]]) => ({ filename: first?.filename ?? '', sha256, approvals: 0 }))
  await recordDecision(tx, { project, at, actor, body: { kind: 'unapprove', files: taken } })
  return { kind: 'done', seq: await appendJournal(tx, { project, action: 'approval', at, actor: actor.name }) }
}

function wrongSha256s(sha256s: readonly string[]): Refusal | undefined {
  if (sha256s.length === 0 || sha256s.length > MAX_APPROVED_FILES)
    return refuse('bad-request', `Between one file and ${MAX_APPROVED_FILES} are approved at once.`)
  if (sha256s.every((one) => /^[0-9a-f]{64}$/.test(one))) return undefined
  return refuse('bad-request', 'Files are approved by their sha256: 64 hexadecimal digits, in lower case.')
}

type Source = { readonly kind: 'source'; readonly upstream: string; readonly isUndecided: boolean }

/** The upstream whose files are approved. */
async function sourceOf(
  tx: Transaction<Database>,
  project: string,
  names: NamesConfig,
  found: FoundUpstream | undefined,
): Promise<Source | Refusal> {
  const row = await tx.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  const answer = answerFor(project, row && claimedName(row), names)
  if (answer.kind === 'upstream') return { kind: 'source', upstream: answer.upstream, isUndecided: false }
  if (answer.kind === 'undecided' && found !== undefined) {
    return { kind: 'source', upstream: found.upstream, isUndecided: true }
  }
  return notApprovable(project, answer)
}

function notApprovable(project: string, answer: Exclude<NameAnswer, { kind: 'upstream' }>): Refusal {
  switch (answer.kind) {
    case 'internal':
      return refuse('bad-request', `${project} belongs to this index: its files need no approval.`)
    case 'merged':
      return refuse('bad-request', `${project} has two sources by a recorded merge: its files need no approval.`)
    case 'reserved':
      return refuse('name-reserved', `${project} falls under ${answer.prefix}, whose names belong to this index.`)
    case 'refused':
      return refuse(
        'name-unclaimed',
        `Names under ${answer.pattern} are denied by default, files and all. To look at files of ${project} one by one, put a rule before it: [[names.unclaimed]] with the pattern "${project}" and the mode "approve".`,
      )
    case 'undecided':
      return refuse('not-found', `No upstream has a project ${project}.`)
  }
}

/** What is known to lie upstream under these hashes; refused as a whole where it is not what was looked at any more. */
async function filesOf(
  tx: Transaction<Database>,
  project: string,
  source: string,
  sha256s: readonly string[],
): Promise<readonly { readonly filename: string; readonly sha256: string }[] | Refusal> {
  const rows = await tx
    .selectFrom('file')
    .select(['filename', 'sha256'])
    .where('project', '=', project)
    .where('source', '=', source)
    .where('sha256', 'in', sha256s)
    .orderBy('filename')
    .execute()
  const files = new Map(rows.map(({ filename, sha256 }) => [sha256, filename]))
  const missing = sha256s.find((sha256) => !files.has(sha256))
  if (missing !== undefined) {
    return refuse(
      'not-found',
      `${project} has no file with the sha256 ${missing} at ${source}: look at its files again.`,
    )
  }
  return [...new Set(sha256s)].map((sha256) => ({ sha256, filename: files.get(sha256) ?? '' }))
}
