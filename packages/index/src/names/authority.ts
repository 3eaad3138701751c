import type { Authority, ProjectRow } from '../store/schema.ts'

/** What the administrator configured about names that may not exist yet. */
export interface NamesConfig {
  /** Granted prefixes in normal form: `corp` covers `corp` and `corp-…`, never `corporate` (PEP 752, attacks.md NAME-NS). */
  readonly prefixes: readonly string[]
  /** Upstream names in the order in which an undecided name is looked for. */
  readonly upstreams: readonly string[]
}

/**
 * Who answers for a name, from the name alone: never from what an upstream says now (design.md section 8).
 * `reserved` is a name under a granted prefix that nobody registered: internal, and empty.
 */
export type NameAnswer =
  | { readonly kind: 'internal' }
  | { readonly kind: 'reserved'; readonly prefix: string }
  | { readonly kind: 'upstream'; readonly upstream: string }
  | { readonly kind: 'undecided' }

/** The prefix that covers `name`, if any: the longest, so that the most specific grant is the one that is named. */
export function coveringPrefix(name: string, prefixes: readonly string[]): string | undefined {
  let found: string | undefined
  for (const prefix of prefixes) {
    if ((name === prefix || name.startsWith(`${prefix}-`)) && (found === undefined || prefix.length > found.length)) {
      found = prefix
    }
  }
  return found
}

/**
 * Decides who answers for `name`. A registered internal name stays internal whatever happened to its files, and a
 * prefix wins over every upstream, a decided one included (attacks.md 6.5 rows 4-8; DC-11, DC-15, DEL-INT).
 */
export function answerFor(
  name: string,
  project: Pick<ProjectRow, 'authority' | 'upstream'> | undefined,
  config: NamesConfig,
): NameAnswer {
  const authority: Authority = project?.authority ?? 'unclaimed'
  if (authority === 'internal') return { kind: 'internal' }
  const prefix = coveringPrefix(name, config.prefixes)
  if (prefix !== undefined) return { kind: 'reserved', prefix }
  if (authority === 'upstream' && project?.upstream) return { kind: 'upstream', upstream: project.upstream }
  return { kind: 'undecided' }
}
