import { isValidProjectName, normalizeProjectName } from '@waxseal/packaging'
import type { Expression, ExpressionBuilder, SqlBool, Transaction } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { MAX_NAMESPACE_DASHES } from '../limits.ts'
import type { Database } from '../store/schema.ts'
import { claimOf } from './claim-of.ts'
import { isOurs } from './claimed-name.ts'
import type { DecisionBody, NamespaceTerms } from './decisions.ts'
import { recordDecision } from './decisions.ts'
import type { Namespace } from './namespaces.ts'
import { MAX_NAMESPACES, NAMESPACES_REVISION, overlapping } from './namespaces.ts'
import { ownsProject } from './owns-project.ts'

/** What is to hold for a namespace. */
export interface NamespaceWish extends NamespaceTerms {
  /** In normal form. */
  readonly name: string
}

/** What is to be otherwise. */
export type NamespaceChange = { readonly [Term in keyof NamespaceTerms]?: NamespaceTerms[Term] | undefined }

/** Why a namespace is not granted or changed. */
export interface NamespaceRefusal {
  readonly kind: 'refused'
  readonly code: 'bad-request' | 'conflict' | 'not-found'
  readonly message: string
}

interface By {
  /** ISO 8601. */
  readonly at: string
  readonly actor: Actor
}

/** The subject of the decisions about a namespace: no project can be called so. */
export function namespaceSubject(name: string): string {
  return `${name}-*`
}

/** Whether `namespace` covers the project of a row: itself, and what begins with it and a dash (PEP 752). */
export function isCovered(namespace: string): (eb: ExpressionBuilder<Database, 'project'>) => Expression<SqlBool> {
  // A dot follows the dash in ASCII, and no name in normal form holds one: a range that the primary key answers.
  return (eb) =>
    eb.or([eb('name', '=', namespace), eb.and([eb('name', '>=', `${namespace}-`), eb('name', '<', `${namespace}.`)])])
}

/** Grants a namespace, in the transaction that journals what it covers; undefined: it is granted, with these very terms. */
export async function grantNamespace(
  tx: Transaction<Database>,
  wish: NamespaceWish,
  { at, actor }: By,
): Promise<Namespace | NamespaceRefusal | undefined> {
  const granted = await tx.selectFrom('namespace').selectAll().execute()
  const same = granted.find(({ name }) => name === wish.name)
  if (same !== undefined) {
    if (isSame(same, wish)) return undefined
    return refused(
      'conflict',
      `The namespace ${wish.name} is granted to ${same.owner} already. To change it: waxseal namespace change ${wish.name}`,
    )
  }
  if (granted.length >= MAX_NAMESPACES) {
    return refused('conflict', `There are ${MAX_NAMESPACES} namespaces already: end one that nobody needs.`)
  }
  const objection = malformed(wish) ?? (await objectionTo(tx, wish, granted))
  if (objection !== undefined) return objection
  const namespace: Namespace = { ...termsOf(wish), name: wish.name, since: at }
  await tx
    .insertInto('namespace')
    .values({ ...namespace, granted_by: actor.name })
    .execute()
  await record(tx, wish, { at, actor }, 'namespace-grant')
  return namespace
}

/** Changes what holds for a granted namespace; undefined: it is so already. */
export async function changeNamespace(
  tx: Transaction<Database>,
  name: string,
  change: NamespaceChange,
  by: By,
): Promise<Namespace | NamespaceRefusal | undefined> {
  const granted = await tx.selectFrom('namespace').selectAll().execute()
  const before = granted.find((one) => one.name === name)
  if (before === undefined) return unknownNamespace(name)
  const { owner = before.owner, visibility = before.visibility, claims = before.claims } = change
  const wish = { name, owner, visibility, claims }
  if (isSame(before, wish)) return undefined
  const objection = malformed(wish) ?? (before.owner === wish.owner ? undefined : await objectionTo(tx, wish, granted))
  if (objection !== undefined) return objection
  await tx.updateTable('namespace').set(termsOf(wish)).where('name', '=', name).execute()
  await record(tx, wish, by, 'namespace-change')
  return { ...wish, since: before.since }
}

/** Ends a grant: names under it that are internal stay so, the others are again what the default says. */
export async function endNamespace(
  tx: Transaction<Database>,
  name: string,
  by: By,
): Promise<Namespace | NamespaceRefusal> {
  const before = await tx.selectFrom('namespace').selectAll().where('name', '=', name).executeTakeFirst()
  if (before === undefined) return unknownNamespace(name)
  await tx.deleteFrom('namespace').where('name', '=', name).execute()
  await record(tx, before, by, 'namespace-end')
  return { ...termsOf(before), name, since: before.since }
}

async function record(
  tx: Transaction<Database>,
  namespace: NamespaceWish,
  { at, actor }: By,
  kind: Extract<DecisionBody['kind'], `namespace-${string}`>,
): Promise<void> {
  await recordDecision(tx, {
    project: namespaceSubject(namespace.name),
    at,
    actor,
    body: { kind, ...termsOf(namespace) },
  })
  const noted = tx.selectFrom('setting').select('value').where('key', '=', NAMESPACES_REVISION)
  const value = String(Number((await noted.executeTakeFirst())?.value ?? 0) + 1)
  await tx
    .insertInto('setting')
    .values({ key: NAMESPACES_REVISION, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}

const OWNER = /^(?:team:)?[a-z0-9][a-z0-9._-]{0,63}$/

function malformed({ name, owner }: NamespaceWish): NamespaceRefusal | undefined {
  if (!isValidProjectName(name) || normalizeProjectName(name) !== name || name.length > 100) {
    return refused('bad-request', 'A namespace is a valid project name in normal form, of at most 100 characters.')
  }
  if (name.split('-').length - 1 > MAX_NAMESPACE_DASHES) {
    return refused('bad-request', `A namespace has at most ${MAX_NAMESPACE_DASHES} dashes in its name (PEP 752).`)
  }
  if (!OWNER.test(owner)) {
    return refused('bad-request', 'The owner is the name of a user, team: and that of a team, or operator.')
  }
  return undefined
}

/** What others have that stands in the way of `wish.owner` (PEP 752; attacks.md NAME-NS). */
async function objectionTo(
  tx: Transaction<Database>,
  wish: NamespaceWish,
  granted: readonly Namespace[],
): Promise<NamespaceRefusal | undefined> {
  const other = overlapping(
    wish.name,
    wish.owner,
    granted.filter(({ name }) => name !== wish.name),
  )
  if (other !== undefined) {
    return refused(
      'conflict',
      `The namespace ${wish.name} overlaps ${other.name}, which is granted to ${other.owner}: those that overlap have one owner (PEP 752).`,
    )
  }
  const project = await tx.selectFrom('project').selectAll().where('name', '=', wish.name).executeTakeFirst()
  if (project === undefined || !isOurs(project)) return undefined
  const owns = await ownsProject(tx, wish.owner, wish.name)
  if (owns === true) return undefined
  // Of a project from before there were owners: what administrators claimed is for them to give away.
  const claim = owns === undefined ? await claimOf(tx, wish.name) : undefined
  const isFree = claim === undefined || claim.by === 'administrator' || claim.actor === wish.owner
  if (owns === undefined && isFree) return undefined
  const whose = claim?.actor ?? 'others'
  return refused(
    'conflict',
    `The project ${wish.name} is of ${whose}: whoever holds a namespace holds the project that is called so.`,
  )
}

function isSame(one: NamespaceTerms, other: NamespaceTerms): boolean {
  return one.owner === other.owner && one.visibility === other.visibility && one.claims === other.claims
}

function termsOf({ owner, visibility, claims }: NamespaceTerms): NamespaceTerms {
  return { owner, visibility, claims }
}

export function unknownNamespace(name: string): NamespaceRefusal {
  return refused('not-found', `There is no granted namespace ${name}; see: waxseal namespace list`)
}

function refused(code: NamespaceRefusal['code'], message: string): NamespaceRefusal {
  return { kind: 'refused', code, message }
}
