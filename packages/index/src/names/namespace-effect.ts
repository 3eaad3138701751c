import type { Kysely } from 'kysely'
import { EFFECT_NAMES } from '../limits.ts'
import type { Database, ProjectRow } from '../store/schema.ts'
import type { NamesConfig } from './authority.ts'
import { answerFor, sourcesOf } from './authority.ts'
import { claimedName } from './claimed-name.ts'
import { isCovered } from './granting.ts'
import type { Namespace } from './namespaces.ts'
import { configuredNamespace, Namespaces } from './namespaces.ts'
import { LOCAL_SOURCE } from './local-source.ts'

/** A name, and the upstream that answers for it before or afterwards. */
export interface AnsweredElsewhere {
  readonly project: string
  readonly upstream: string
}

/** What a grant, or its end, does to names that something is recorded of; whatever else lies under it follows. */
export interface NamespaceEffect {
  /** How many names with a record lie under it. */
  readonly covered: number
  /** Those of them that are internal, and stay so. */
  readonly internal: number
  /** Names that upstreams answer for now, and not afterwards: the first `EFFECT_NAMES`. */
  readonly closes: readonly AnsweredElsewhere[]
  /** Names that upstreams answer for afterwards, and not now: as many. */
  readonly opens: readonly AnsweredElsewhere[]
}

/** `names` as they would be with `namespace` granted. */
export function withNamespace(names: NamesConfig, namespace: Namespace): NamesConfig {
  return { ...configOf(names), namespaces: new Namespaces([...names.namespaces, namespace]) }
}

/** `names` as they would be without the grant of `name`. */
export function withoutNamespace(names: NamesConfig, name: string): NamesConfig {
  const others = [...names.namespaces].filter((namespace) => namespace.name !== name)
  const configured = (names.prefixes ?? []).includes(name) ? [configuredNamespace(name)] : []
  return { ...configOf(names), namespaces: new Namespaces([...others, ...configured]) }
}

/** What changes for names under `namespace` between two states of all namespaces. */
export async function namespaceEffect(
  db: Kysely<Database>,
  namespace: string,
  before: NamesConfig,
  after: NamesConfig,
): Promise<NamespaceEffect> {
  const rows = await db.selectFrom('project').selectAll().where(isCovered(namespace)).orderBy('name').execute()
  const closes: AnsweredElsewhere[] = []
  const opens: AnsweredElsewhere[] = []
  for (const row of rows) {
    const now = upstreamOf(row, before)
    const then = upstreamOf(row, after)
    if (now !== undefined && then === undefined) closes.push({ project: row.name, upstream: now })
    if (now === undefined && then !== undefined) opens.push({ project: row.name, upstream: then })
  }
  return {
    covered: rows.length,
    internal: rows.filter(({ authority }) => authority === 'internal').length,
    closes: closes.slice(0, EFFECT_NAMES),
    opens: opens.slice(0, EFFECT_NAMES),
  }
}

function upstreamOf(row: ProjectRow, names: NamesConfig): string | undefined {
  return sourcesOf(answerFor(row.name, claimedName(row), names), row.upstream).find((source) => source !== LOCAL_SOURCE)
}

function configOf({ upstreams, policy, prefixes }: NamesConfig): Omit<NamesConfig, 'namespaces'> {
  return { upstreams, ...(policy === undefined ? {} : { policy }), ...(prefixes === undefined ? {} : { prefixes }) }
}
