import type { Kysely } from 'kysely'
import type { Database } from '../store/schema.ts'
import type { NamesConfig } from './authority.ts'
import type { DefaultPolicy } from './default-policy.ts'
import { configuredNamespace, Namespaces } from './namespaces.ts'

/** What a running index goes by: what it was configured with, and the namespaces that were granted since. */
export class LiveNames implements NamesConfig {
  readonly upstreams: readonly string[]
  readonly policy: DefaultPolicy
  readonly #db: () => Kysely<Database>
  readonly #prefixes: readonly string[]
  #namespaces: Namespaces

  private constructor(
    db: () => Kysely<Database>,
    { prefixes, upstreams, policy }: ConfiguredNames,
    namespaces: Namespaces,
  ) {
    this.#db = db
    this.#prefixes = prefixes
    this.upstreams = upstreams
    this.policy = policy
    this.#namespaces = namespaces
  }

  /** `db` is asked for each time: a read-only store may change it for another. */
  static async open(db: () => Kysely<Database>, configured: ConfiguredNames): Promise<LiveNames> {
    return new LiveNames(db, configured, await readNamespaces(db(), configured.prefixes))
  }

  get namespaces(): Namespaces {
    return this.#namespaces
  }

  readonly reload = async (): Promise<void> => {
    this.#namespaces = await readNamespaces(this.#db(), this.#prefixes)
  }
}

/** What an index was told about names. */
export interface ConfiguredNames {
  /** In normal form. */
  readonly prefixes: readonly string[]
  readonly upstreams: readonly string[]
  readonly policy: DefaultPolicy
}

/** Those of the configuration, and over them those that were granted. */
async function readNamespaces(db: Kysely<Database>, prefixes: readonly string[]): Promise<Namespaces> {
  const granted = await db.selectFrom('namespace').selectAll().execute()
  return new Namespaces([
    ...prefixes.map((name) => configuredNamespace(name)),
    ...granted.map(({ name, owner, visibility, claims, since }) => ({ name, owner, visibility, claims, since })),
  ])
}
