import { createHash } from 'node:crypto'
import { ultranormalizeProjectName } from '@waxseal/packaging'
import type { NamesConfig } from '../names/authority.ts'
import type { Store } from '../store/store.ts'

/** The names that upstreams are watched for. In normal form. */
export interface OwnNames {
  readonly internal: ReadonlySet<string>
  /** Reserved: what begins with one of them, and a `-`, is this index's too (PEP 752). */
  readonly prefixes: ReadonlySet<string>
  /** The own name that `name` is easily taken for, if any; never `name` itself. */
  readonly lookAlike: (name: string) => string | undefined
}

/** The names of this index as they are now. */
export async function readOwnNames({ db }: Store, names: NamesConfig): Promise<OwnNames> {
  await names.reload?.()
  const rows = await db.selectFrom('project').select('name').where('authority', '=', 'internal').execute()
  const internal = new Set(rows.map(({ name }) => name))
  const prefixes = new Set(Array.from(names.namespaces, ({ name }) => name))
  return { internal, prefixes, lookAlike: sameWhenUltranormal(internal) }
}

/** Look-alikes as PyPI refuses them to whoever registers a name. */
export function sameWhenUltranormal(own: Iterable<string>): OwnNames['lookAlike'] {
  const byForm = new Map<string, string>()
  for (const name of own) byForm.set(ultranormalizeProjectName(name), name)
  return (name) => {
    const found = byForm.size === 0 ? undefined : byForm.get(ultranormalizeProjectName(name))
    return found === name ? undefined : found
  }
}

/** Part of the digest of own names: another one wherever look-alikes are found by another rule. */
const LOOK_ALIKE_RULE = 'ultranormal'

/** The same for the same names and rules. */
export function digestOf({ internal, prefixes }: OwnNames): string {
  const text = JSON.stringify([LOOK_ALIKE_RULE, [...internal].toSorted(), [...prefixes].toSorted()])
  return createHash('sha256').update(text).digest('hex')
}
