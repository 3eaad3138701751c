import type { DefaultPolicy, Unclaimed } from './default-policy.ts'
import { OPEN_DEFAULT, ruleFor } from './default-policy.ts'
import type { MergeRule } from './merge-rule.ts'
import { LOCAL_SOURCE } from './local-source.ts'
import type { Namespaces } from './namespaces.ts'

/** What holds for names that may not exist yet, and for those that nobody claimed. */
export interface NamesConfig {
  readonly namespaces: Namespaces
  /** Upstream names in the order in which an undecided name is looked for. */
  readonly upstreams: readonly string[]
  /** Absent: as shipped. */
  readonly policy?: DefaultPolicy
  /** Namespaces that the configuration sets apart; absent where nothing can be granted beside them. */
  readonly prefixes?: readonly string[]
  /** Takes over what another process may have changed; absent where nothing can change. */
  readonly reload?: () => Promise<void>
}

/** What was decided about the name itself; nothing is decided of a name without it. */
export interface ClaimedName {
  readonly authority: 'unclaimed' | 'internal' | 'upstream' | 'merged'
  /** The upstream that it belongs to (`upstream`), or that is shown meanwhile (`unclaimed`). */
  readonly upstream: string | null
  /** With `merged`. */
  readonly merge: MergeRule | null
}

/**
 * Who answers for a name, from the name alone: never from what an upstream says now (design.md section 8).
 * `reserved` is a name under a namespace that nobody registered: internal, and empty. `refused` is one that nobody claimed, where the
 * default is that nobody answers.
 */
export type NameAnswer =
  | { readonly kind: 'internal' }
  | { readonly kind: 'reserved'; readonly prefix: string }
  /** `needsApproval`: each file by itself, before it is given out. */
  | { readonly kind: 'upstream'; readonly upstream: string; readonly needsApproval: boolean }
  | { readonly kind: 'merged'; readonly merge: MergeRule }
  | { readonly kind: 'undecided'; readonly needsApproval: boolean }
  | { readonly kind: 'refused'; readonly pattern: string }

/**
 * Decides who answers for `name`: the decision about the name, else the namespace, else the default (design.md section 8). A registered
 * internal name stays internal whatever happened to its files, and a namespace wins over every upstream, a decided one included
 * (attacks.md 6.5 rows 4-8; DC-11, DC-15, DEL-INT). A merge is a statement about the very name, and stands.
 */
export function answerFor(
  name: string,
  claimed: ClaimedName | undefined,
  { namespaces, policy = OPEN_DEFAULT }: NamesConfig,
): NameAnswer {
  if (claimed?.authority === 'internal') return { kind: 'internal' }
  if (claimed?.authority === 'merged' && claimed.merge) return { kind: 'merged', merge: claimed.merge }
  const namespace = namespaces.covering(name)
  if (namespace !== undefined) return { kind: 'reserved', prefix: namespace.name }
  const rule = ruleFor(name, policy)
  const mode: Unclaimed = rule?.mode ?? 'open'
  const needsApproval = mode === 'approve'
  if (claimed?.authority === 'upstream' && claimed.upstream) {
    return { kind: 'upstream', upstream: claimed.upstream, needsApproval }
  }
  return mode === 'deny' ? { kind: 'refused', pattern: rule?.pattern ?? '*' } : { kind: 'undecided', needsApproval }
}

/** The sources whose files may stand on a page; `meanwhile` is the upstream that shows an undecided name. */
export function sourcesOf(answer: NameAnswer, meanwhile: string | null): readonly string[] {
  switch (answer.kind) {
    case 'internal':
      return [LOCAL_SOURCE]
    case 'reserved':
    case 'refused':
      return []
    case 'upstream':
      return [answer.upstream]
    case 'merged':
      return [answer.merge.owner, answer.merge.extender]
    case 'undecided':
      return meanwhile === null ? [] : [meanwhile]
  }
}
