import type { Kysely } from 'kysely'
import type { DecisionBody } from '../names/decisions.ts'
import { decisionSentence } from '../names/decisions.ts'
import type { Database, DecisionRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { streamRows } from '../store/stream-rows.ts'

export const LOG_FORMAT = 'waxseal-log-1'

/** A decision as people read it. */
export interface ToldDecision {
  /** A project, a namespace (`acme-*`), or the default (`*`). */
  readonly subject: string
  readonly rev: number
  readonly at: string
  readonly by: string
  readonly words: string
}

/** The decisions about one subject, or about all, in their order. */
export async function readDecisions(db: Kysely<Database>, subject?: string): Promise<readonly ToldDecision[]> {
  const rows = db.selectFrom('decision').selectAll().orderBy('project').orderBy('rev')
  const found = await (subject === undefined ? rows : rows.where('project', '=', subject)).execute()
  return found.map(({ project, rev, at, actor, body }) => {
    return { subject: project, rev, at, by: actor, words: decisionSentence(JSON.parse(body) as DecisionBody) }
  })
}

/**
 * The whole log as JSON lines, with all that is needed to verify it without the index: what is signed about names, and the signatures
 * from the first root on (docs/names.md).
 */
export async function exportLog(store: Store, at: string): Promise<string> {
  return await store.consistently(async (db) => {
    const lines: string[] = [JSON.stringify({ format: LOG_FORMAT, at })]
    for (const { role, version, body } of await metadataRows(db))
      lines.push(JSON.stringify({ metadata: { role, version, body } }))
    const targets = db.selectFrom('target').select(['role', 'path', 'body']).where('superseded_at', 'is', null)
    for (const target of await targets.orderBy('role').orderBy('path').execute()) lines.push(JSON.stringify({ target }))
    const decisions = db.selectFrom('decision').selectAll().orderBy('project').orderBy('rev')
    let count = 0
    for await (const decision of streamRows<DecisionRow>(store.kind, db, decisions)) {
      lines.push(JSON.stringify({ decision }))
      count += 1
    }
    lines.push(JSON.stringify({ end: { decisions: count } }))
    return lines.map((line) => `${line}\n`).join('')
  })
}

/** Every root, and the roles of now that say what is signed about names. */
async function metadataRows(
  db: Kysely<Database>,
): Promise<readonly { readonly role: string; readonly version: number; readonly body: string }[]> {
  const rows = db.selectFrom('tuf_file').select(['role', 'version', 'body']).orderBy('role').orderBy('version')
  return await rows
    .where((on) =>
      on.or([
        on('role', '=', 'root'),
        on.and([
          on('superseded_at', 'is', null),
          on.or([
            on('role', 'in', ['timestamp', 'snapshot', 'targets']),
            on('role', 'like', 'sealed-%'),
            on('role', 'like', 'claimed-%'),
          ]),
        ]),
      ]),
    )
    .execute()
}
