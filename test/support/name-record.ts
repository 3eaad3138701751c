import type { NameRecord } from '@waxseal/index/names'

/** When whatever tests decide was decided. */
export const SINCE = '2026-03-01T12:00:00Z'

/** The record of a name: of one that belongs to the index itself, unless it says more. */
export function nameRecord(name: string, more: Partial<NameRecord> = {}): NameRecord {
  return {
    name,
    rev: 1,
    prev: null,
    authority: 'internal',
    sources: ['local'],
    closed: false,
    lifts: [],
    since: SINCE,
    by: 'ada',
    ...more,
  }
}
