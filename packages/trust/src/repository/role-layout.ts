import { TrustError } from '../error.ts'
import { MAX_LIFE, MAX_SUCCINCT_BITS } from '../limits.ts'
import { binCount, binName, isBinName } from '../succinct-bins.ts'
import { checkWritablePath, matchesPattern } from '../target-path.ts'
import { checkRoleName } from './role-name.ts'
import type { NamedRow, RoleRow, RoleTable, SuccinctRow } from './role-table.ts'

/** A table that was checked, with its rows by name. */
export interface RoleLayout {
  readonly table: RoleTable
  readonly named: ReadonlyMap<string, NamedRow>
  /** By delegator. */
  readonly succinct: ReadonlyMap<string, SuccinctRow>
  /** All rows of `named`, by delegator, in order. */
  readonly delegated: ReadonlyMap<string, readonly NamedRow[]>
}

/**
 * Checks a table and makes it ready for look-ups.
 * @throws TrustError `metadata-invalid`, with the row
 */
export function layoutOf(table: RoleTable): RoleLayout {
  for (const [role, row] of Object.entries(table.top)) checkRow(role, row)
  checkLife('later roles', table.later)
  const named = new Map<string, NamedRow>()
  const delegated = new Map<string, NamedRow[]>()
  for (const row of table.named) {
    checkRoleName(row.name)
    checkRow(row.name, row)
    if (named.has(row.name)) throw invalid(row.name, 'it stands twice')
    const above = named.get(row.delegator)
    if (row.delegator !== 'targets' && above === undefined)
      throw invalid(row.name, 'its delegator stands nowhere above')
    checkPatterns(row.name, row.paths, above?.paths)
    named.set(row.name, row)
    delegated.set(row.delegator, [...(delegated.get(row.delegator) ?? []), row])
  }
  const succinct = new Map<string, SuccinctRow>()
  for (const row of table.succinct) {
    const { bitLength, namePrefix } = row.bins
    checkRoleName(namePrefix)
    checkRoleName(binName(row.bins, binCount(row.bins) - 1))
    checkRow(namePrefix, row)
    if (!Number.isInteger(bitLength) || bitLength < 1 || bitLength > MAX_SUCCINCT_BITS) {
      throw invalid(namePrefix, 'the number of bins is none that can be')
    }
    if (row.delegator !== 'targets' && !named.has(row.delegator)) throw invalid(namePrefix, 'its delegator is no row')
    if (delegated.has(row.delegator) || succinct.has(row.delegator)) {
      throw invalid(namePrefix, 'its delegator delegates to others too (TAP 15)')
    }
    for (const name of named.keys()) if (isBinName(row.bins, name)) throw invalid(name, 'it is named like a bin')
    if ([...succinct.values()].some(({ bins }) => bins.namePrefix === namePrefix)) {
      throw invalid(namePrefix, 'two have this prefix')
    }
    succinct.set(row.delegator, row)
  }
  return { table, named, succinct, delegated }
}

/** The row of a role, whether top-level, named or a bin; `undefined` for one that was delegated later. */
export function rowOf(layout: RoleLayout, role: string): RoleRow | undefined {
  switch (role) {
    case 'root':
    case 'timestamp':
    case 'snapshot':
    case 'targets':
      return layout.table.top[role]
    default:
      return layout.named.get(role) ?? binsOf(layout, role)
  }
}

/** The row whose bins include this role. */
export function binsOf(layout: RoleLayout, role: string): SuccinctRow | undefined {
  for (const row of layout.succinct.values()) {
    if (role.startsWith(row.bins.namePrefix) && isBinName(row.bins, role)) return row
  }
  return undefined
}

/** Who delegates to a role of the table; `undefined` for top-level roles and for those delegated later. */
export function delegatorOf(layout: RoleLayout, role: string): string | undefined {
  return (layout.named.get(role) ?? binsOf(layout, role))?.delegator
}

/**
 * Checks patterns about to be signed, and that none reaches beyond `within`: what it covers there would be found by nobody
 * (attacks.md DEL-4).
 * @throws TrustError `metadata-invalid`
 */
export function checkPatterns(role: string, paths: readonly string[], within: readonly string[] | undefined): void {
  if (paths.length === 0) throw invalid(role, 'it has no paths')
  for (const path of paths) {
    checkWritablePath(path, 'pattern')
    // A `*` of whole segments is matched by nothing but `*`, so that a pattern can be held against another like a path.
    if (within !== undefined && !within.some((outer) => matchesPattern(outer, path))) {
      throw invalid(role, `its delegator was not given ${path}`)
    }
  }
}

function checkRow(role: string, row: RoleRow): void {
  checkLife(role, row)
  if (new Set(row.keys).size !== row.keys.length) throw invalid(role, 'a key stands twice')
  if (!Number.isInteger(row.threshold) || row.threshold < 1 || row.threshold > row.keys.length) {
    throw invalid(role, 'its threshold is none that its keys can meet')
  }
}

function checkLife(role: string, { life, renewAfter }: Pick<RoleRow, 'life' | 'renewAfter'>): void {
  // Whole seconds, as they are signed.
  if (life % 1000 !== 0 || renewAfter % 1000 !== 0 || renewAfter <= 0 || renewAfter >= life || life > MAX_LIFE) {
    throw invalid(role, 'its life and renewal are none that can be')
  }
}

function invalid(role: string, reason: string): TrustError {
  return new TrustError('metadata-invalid', `The role ${role} cannot be written: ${reason}.`)
}
