import type { RoleLayout } from './role-layout.ts'
import { delegatorOf } from './role-layout.ts'

/** The roles from `targets` to `role`, each of which delegates to the next; `undefined` for one that the table does not know. */
export function chainOf(layout: RoleLayout, role: string): readonly string[] | undefined {
  if (role === 'targets') return [role]
  const delegator = delegatorOf(layout, role)
  const above = delegator === undefined ? undefined : chainOf(layout, delegator)
  return above && [...above, role]
}
