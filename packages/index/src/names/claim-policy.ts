import { CLAIMS_PER_DAY, TALLY_DAYS } from '../limits.ts'
import { NO_CORPUS } from './corpus.ts'
import type { Corpus } from './corpus.ts'

/** What a first upload of a new name takes: nothing more, a prefix that covers the name, or an administrator. */
export const FIRST_UPLOADS = ['claims', 'needs-namespace', 'needs-administrator'] as const

export type FirstUpload = (typeof FIRST_UPLOADS)[number]

/** What an administrator configured about new names. */
export interface ClaimPolicy {
  readonly firstUpload: FirstUpload
  /** Names that one user may claim in 24 hours by uploading to them. */
  readonly claimsPerDay: number
  /** Names that nobody but an administrator claims, and that others are looked at for likeness to. */
  readonly corpus: Corpus
  /** For how many days it is kept who downloads files of upstreams' projects; 0: it is not. */
  readonly tallyDays: number
}

export const CLAIM_DEFAULTS: ClaimPolicy = {
  firstUpload: 'claims',
  claimsPerDay: CLAIMS_PER_DAY,
  corpus: NO_CORPUS,
  tallyDays: TALLY_DAYS,
}
