import { PackagingError } from './error.ts'

/** The refusal of a ZIP archive, in the words of Warehouse's own checks where it has the same rule (behaviour.md 1.5). */
export function zipError(
  reason: string,
  options?: { readonly cause?: unknown; readonly limit?: boolean },
): PackagingError {
  const code = options?.limit === true ? 'limit-exceeded' : 'archive-invalid'
  return new PackagingError(code, `ZIP archive not accepted: ${reason}`, { cause: options?.cause })
}
