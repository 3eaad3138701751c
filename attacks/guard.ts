import { join, resolve } from 'node:path'
import type { Refusal, ReportDocument } from '@waxseal/guard'
import type { Defence } from './scenario.ts'

const MAIN = resolve(import.meta.dirname, '../packages/waxseal/bin/waxseal.js')

/** What the guard said at its end. */
export interface GuardOutcome {
  /** Stable codes of what it refused, with the reason where a signature did not hold: `page-unverified (rollback)`; sorted. */
  readonly codes: readonly string[]
  /** Whether it started the program at all. */
  readonly started: boolean
}

/** What `waxseal run --json` and its likeness here print. */
type Printed =
  | (Pick<ReportDocument, 'refused' | 'withheld' | 'outside'> & { readonly exitCode: number | null })
  | { readonly error: Pick<Refusal, 'code' | 'trust'> }

export function waxseal(...args: readonly string[]): readonly string[] {
  return [process.execPath, MAIN, ...args]
}

/** How a program is run behind the guard, or behind one that lacks a defence. */
export function guarded(command: readonly string[], without: Defence | undefined): readonly string[] {
  return without === undefined
    ? waxseal('run', '--json', '--', ...command)
    : [process.execPath, join(import.meta.dirname, 'guard-process.ts'), without, '--', ...command]
}

/** Reads the one document; undefined where the guard was ended before it could print it. */
export function guardOutcome(stdout: string): GuardOutcome | undefined {
  if (stdout === '') return undefined
  const printed = JSON.parse(stdout) as Printed
  const refused = 'error' in printed ? [printed.error] : [...printed.refused, ...printed.withheld]
  const codes = refused.map((each) => ('trust' in each ? `${each.code} (${each.trust})` : each.code))
  if (!('error' in printed) && printed.outside.length > 0) codes.push('outside-refused')
  return { codes: [...new Set(codes)].toSorted(), started: !('error' in printed) }
}
