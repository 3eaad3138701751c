import { GuardError } from '../error.ts'
import type { VerifiedPages } from '../verified-page.ts'
import type { ReadLock } from './read-locks.ts'
import { isBelow, verifyEntries } from './verify-entries.ts'
import type { Verdict } from './verify-entries.ts'
import type { LockSource } from './lock-entry.ts'

/** What is known of one lock, file or folder. */
export interface LockReport {
  readonly path: string
  readonly verdicts: readonly Verdict[]
  /** Other indexes that the lock tells its client to ask. */
  readonly otherSources: readonly LockSource[]
}

export interface VerifyReport {
  /** Every file is offered by the index with the locked sha256; folders of the project itself do not count. */
  readonly ok: boolean
  readonly verified: number
  readonly unverified: number
  readonly locks: readonly LockReport[]
}

/**
 * Holds what locks say against what the index at `origin` (its base URL) offers now. Installs and downloads nothing.
 * Throws GuardError where the index cannot be asked.
 */
export async function verifyLocks(
  locks: readonly ReadLock[],
  pages: VerifiedPages,
  origin: string,
): Promise<VerifyReport> {
  const reports: LockReport[] = []
  for (const { path, entries, sources } of locks) {
    // One that was cut short or emptied must not pass for one that is all right.
    if (entries.length === 0) {
      throw new GuardError(
        'lock-unreadable',
        `${path} names no file that could be verified: is it the right one, and whole?`,
      )
    }
    const verdicts = await verifyEntries(entries, pages, origin)
    reports.push({ path, verdicts, otherSources: sources.filter(({ url }) => !isBelow(url, origin)) })
  }
  const all = reports.flatMap(({ verdicts }) => verdicts)
  const verified = all.filter(({ code }) => code === 'verified').length
  const unverified = all.filter(({ code }) => code !== 'verified' && code !== 'local').length
  return { ok: unverified === 0, verified, unverified, locks: reports }
}
