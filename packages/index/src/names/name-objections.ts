import { ultranormalizeProjectName } from '@waxseal/packaging'
import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { membersOf, roleOf } from '../register/members.ts'
import type { Database, ProjectRow } from '../store/schema.ts'
import { isOurs } from './claimed-name.ts'
import type { Namespaces } from './namespaces.ts'
import type { Corpus } from './corpus.ts'
import { likenessClause, lookAlikePrefix, slipsOf } from './look-alikes.ts'
import type { Likeness } from './look-alikes.ts'
import { prohibition } from './prohibited-names.ts'

/** Why a name is not to be claimed without a second thought; `message` is a sentence. */
export interface NameObjection {
  readonly code: 'name-prohibited' | 'name-look-alike'
  readonly message: string
}

/** A name that a claimed one is like, which is worth an event and nothing more. */
export interface LikeName {
  readonly like: string
  readonly likeness: Likeness
  /** Where the other name stands. */
  readonly among: 'corpus' | 'upstream'
}

/** What there is to say about a new name, from the names that there are already. */
export interface NameLook {
  /** The most serious first. */
  readonly objections: readonly NameObjection[]
  readonly likes: readonly LikeName[]
}

/**
 * Looks at a name that is about to be claimed: prohibited ones, look-alikes of projects, prefixes and the operator's lists, and slips of
 * internal names are objected to; slips of other names are told. Names under one prefix, or of one owner, are called what he
 * likes, as long as they can be told apart.
 */
export async function lookAtName(
  db: Kysely<Database>,
  name: string,
  {
    namespaces,
    corpus,
    claimant,
  }: {
    readonly namespaces: Namespaces
    readonly corpus: Corpus
    /** The user who claims it, who may have two names of one kind. */
    readonly claimant?: string
  },
): Promise<NameLook> {
  const objections: NameObjection[] = []
  const likes: LikeName[] = []
  const object = (likeness: Likeness, other: string, what: string): void => {
    const message = `The name '${name}' ${likenessClause(likeness)} '${other}', ${what}.`
    objections.push({ code: 'name-look-alike', message })
  }
  const prohibited = prohibition(name, corpus)
  if (prohibited !== undefined)
    objections.push({ code: 'name-prohibited', message: `The name '${name}' ${prohibited}.` })

  const prefix = namespaces.covering(name)?.name
  const form = ultranormalizeProjectName(name)
  const confused = await projectsOfForm(db, form)
  for (const other of confused) {
    // Whoever holds a prefix answers for what lies under it, whatever exists elsewhere.
    if (other.name === name || (prefix !== undefined && !isOurs(other))) continue
    object('confused', other.name, describe(other))
  }
  const listed = corpus.looksLike(form)
  if (listed !== undefined && listed !== name && prefix === undefined) {
    object('confused', listed, 'which stands on a list of names that this index keeps free')
  }
  const pretended = lookAlikePrefix(name, namespaces)
  if (pretended !== undefined) object(pretended.likeness, pretended.prefix, 'a prefix of this index')

  const slips = slipsOf(name)
  for (const other of await decidedProjects(db, [...slips.keys()])) {
    const likeness = slips.get(other.name)
    if (likeness === undefined || confused.some((one) => one.name === other.name)) continue
    if (!isOurs(other)) likes.push({ like: other.name, likeness, among: 'upstream' })
    else if (
      (prefix === undefined || prefix !== namespaces.covering(other.name)?.name) &&
      !(await owns(db, other.name, claimant))
    ) {
      object(likeness, other.name, describe(other))
    }
  }
  for (const [like, likeness] of slips) {
    if (like !== listed && corpus.has(like)) likes.push({ like, likeness, among: 'corpus' })
  }
  return { objections, likes }
}

async function owns(db: Kysely<Database>, project: string, user: string | undefined): Promise<boolean> {
  return user !== undefined && (await roleOf(db, await membersOf(db, project), user)) === 'owner'
}

type DecidedProject = Pick<ProjectRow, 'name' | 'authority' | 'upstream' | 'merge_rule'>

function describe(project: DecidedProject): string {
  return isOurs(project) ? 'a project of this index' : `which belongs to '${project.upstream ?? ''}'`
}

function selectDecided(db: Kysely<Database>) {
  return db
    .selectFrom('project')
    .select(['name', 'authority', 'upstream', 'merge_rule'])
    .where('authority', '!=', 'unclaimed')
}

/** `ultranormalizeProjectName` of a name in normal form, as the index `project_form` has it. */
const FORM = sql<string>`replace(replace(replace(replace(name, '-', ''), 'l', '1'), 'i', '1'), 'o', '0')`

async function projectsOfForm(db: Kysely<Database>, form: string): Promise<readonly DecidedProject[]> {
  return await selectDecided(db).where(FORM, '=', form).orderBy('name').execute()
}

async function decidedProjects(db: Kysely<Database>, names: readonly string[]): Promise<readonly DecidedProject[]> {
  if (names.length === 0) return []
  return await selectDecided(db).where('name', 'in', names).orderBy('name').execute()
}
