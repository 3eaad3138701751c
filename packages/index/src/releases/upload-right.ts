import type { Kysely } from 'kysely'
import { answerFor } from '../names/authority.ts'
import { claimedName } from '../names/claimed-name.ts'
import { claimLimit } from '../names/claim-limit.ts'
import { standingDenials } from '../names/deny-list.ts'
import { namesOver } from '../names/live-names.ts'
import { LOCAL_SOURCE } from '../names/local-source.ts'
import { lookAtName } from '../names/name-objections.ts'
import { refuseStranger } from '../register/members.ts'
import type { Database } from '../store/schema.ts'
import type { UploadContext, UploadedBy } from './accept-upload.ts'
import type { Refusal } from './refusal.ts'
import { checkNewName } from './new-name.ts'
import { checkDenied, checkProjectStatus, nameRight, refuseLimit, refuseObjection } from './upload-name.ts'
import type { NameRight } from './upload-name.ts'

/**
 * Whether an upload may go to `project`, and by which right, from what the database says at this moment: asked before an upload is
 * looked at, and again in the transaction that takes it.
 */
export async function uploadRight(
  db: Kysely<Database>,
  { names, claims, clock }: Pick<UploadContext, 'names' | 'claims' | 'clock'>,
  project: string,
  { uploader, actor }: UploadedBy,
): Promise<NameRight | Refusal> {
  const row = await db.selectFrom('project').selectAll().where('name', '=', project).executeTakeFirst()
  const known = await namesOver(db, names, project)
  const answer = answerFor(project, row && claimedName(row), known)
  const closedName =
    answer.kind === 'internal'
      ? undefined
      : await checkNewName(db, project, known.namespaces, { scope: uploader.scope, user: actor.name })
  const right = closedName ?? nameRight(project, answer, uploader, claims.firstUpload)
  if (right.kind === 'refused') return right
  const closed = row && (checkDenied(await standingDenials(db, project), clock.now()) ?? checkProjectStatus(row))
  if (closed !== undefined) return closed
  if (right.kind === 'internal') {
    if (uploader.scope === 'admin') return right
    // What is an upstream's and patched here is for administrators: nobody of ours holds it.
    const isTheirs = answer.kind === 'merged' && answer.merge.owner !== LOCAL_SOURCE
    const others = isTheirs ? 'administrators' : 'everybodys'
    return (await refuseStranger(db, project, actor.name, 'maintainer', others)) ?? right
  }
  // All of them: what a name only looks like does not cover it.
  const looked = { namespaces: names.namespaces, corpus: claims.corpus, claimant: actor.name }
  const { objections, likes } = await lookAtName(db, project, looked)
  const [first] = objections
  if (first !== undefined) return refuseObjection(project, first)
  if (uploader.scope !== 'admin') {
    const limit = await claimLimit(db, { actor, now: clock.now(), perDay: claims.claimsPerDay })
    if (limit !== undefined) return refuseLimit(project, actor.name, limit)
  }
  return { ...right, likes }
}
