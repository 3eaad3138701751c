import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'
import type { NamesConfig } from './authority.ts'
import type { DefaultPolicy } from './default-policy.ts'
import { OPEN_DEFAULT } from './default-policy.ts'
import type { Namespace } from './namespaces.ts'
import { configuredNamespace, levelsOf, Namespaces, NAMESPACES_REVISION } from './namespaces.ts'

/** What a running index goes by: what it was configured with, and the namespaces that were granted since. */
export class LiveNames implements NamesConfig {
  readonly upstreams: readonly string[]
  readonly policy: DefaultPolicy
  readonly #db: () => Kysely<Database>
  readonly prefixes: readonly string[]
  #namespaces: Namespaces
  /** Of the namespaces at hand; another one where any was granted, changed or ended since. */
  #revision: string | undefined
  #begun = 0
  #taken = 0

  private constructor(
    db: () => Kysely<Database>,
    { prefixes, upstreams, policy }: ConfiguredNames,
    namespaces: Namespaces,
    revision: string | undefined,
  ) {
    this.#db = db
    this.prefixes = prefixes
    this.upstreams = upstreams
    this.policy = policy
    this.#namespaces = namespaces
    this.#revision = revision
  }

  /** `db` is asked for each time: a read-only store may change it for another. */
  static async open(db: () => Kysely<Database>, configured: ConfiguredNames): Promise<LiveNames> {
    const revision = await readRevision(db())
    return new LiveNames(db, configured, await readNamespaces(db(), configured.prefixes), revision)
  }

  get namespaces(): Namespaces {
    return this.#namespaces
  }

  readonly reload = async (): Promise<void> => {
    const turn = (this.#begun += 1)
    // Asked first, of every publish: what is granted while it is looked for is looked for again.
    const revision = await readRevision(this.#db())
    if (revision === this.#revision) return
    const namespaces = await readNamespaces(this.#db(), this.prefixes)
    // One that began later has seen more, whichever ends first.
    if (turn < this.#taken) return
    this.#taken = turn
    this.#namespaces = namespaces
    this.#revision = revision
  }
}

/**
 * `names` with the namespaces over `project` as the database has them now: whoever creates a name must not go by what another process
 * has changed since (attacks.md NAME-NS).
 */
export async function namesOver(db: Kysely<Database>, names: NamesConfig, project: string): Promise<NamesConfig> {
  const { upstreams, policy = OPEN_DEFAULT, prefixes } = names
  if (prefixes === undefined) return names
  const levels = levelsOf(project)
  const granted = await db.selectFrom('namespace').selectAll().where('name', 'in', levels).execute()
  return {
    upstreams,
    policy,
    prefixes,
    namespaces: merged(
      levels.filter((one) => prefixes.includes(one)),
      granted,
    ),
  }
}

/** What an index was told about names. */
export interface ConfiguredNames {
  /** In normal form. */
  readonly prefixes: readonly string[]
  readonly upstreams: readonly string[]
  readonly policy: DefaultPolicy
}

async function readRevision(db: Kysely<Database>): Promise<string | undefined> {
  const row = db.selectFrom('setting').select('value').where('key', '=', NAMESPACES_REVISION)
  return (await row.executeTakeFirst())?.value
}

/** Those of the configuration, and over them those that were granted. */
async function readNamespaces(db: Kysely<Database>, prefixes: readonly string[]): Promise<Namespaces> {
  return merged(prefixes, await db.selectFrom('namespace').selectAll().execute())
}

function merged(prefixes: readonly string[], granted: readonly Namespace[]): Namespaces {
  return new Namespaces([
    ...prefixes.map((name) => configuredNamespace(name)),
    ...granted.map(({ name, owner, visibility, claims, since }) => ({ name, owner, visibility, claims, since })),
  ])
}
