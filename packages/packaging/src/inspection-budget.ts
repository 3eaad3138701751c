import { PackagingError } from './error.ts'

/**
 * What an inspection may take before it gives up: for a first attempt where other work would have to wait for it. How much an archive
 * costs does not follow from its own size, which compression makes as small as its author likes (attacks.md ZIP-BOMB, TAR-BOMB).
 */
export interface InspectionBudget {
  /** Decompressed bytes. */
  readonly bytes: number
  readonly members: number
}

/** Throws PackagingError `limit-exceeded` for an inspection that uses more than its budget. */
export function checkBudget(used: InspectionBudget, budget: InspectionBudget | undefined): void {
  if (budget === undefined || (used.bytes <= budget.bytes && used.members <= budget.members)) return
  throw new PackagingError('limit-exceeded', 'The archive takes more work than was allowed.')
}
