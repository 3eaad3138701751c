import type { PlannedFile } from './repository-state.ts'
import type { StoredRepository } from './open-repository.ts'

/** Where a repository's files are kept, for those that have no database to keep them in. */
export interface MetadataStore extends StoredRepository {
  /**
   * Brings files out in their order, the timestamp only once all before it are durable. Cut short anywhere, it leaves what was
   * before or what is after. `check` is called when all but the timestamp (and what comes behind it) is readable; what it throws
   * keeps the old state.
   */
  publish(files: readonly PlannedFile[], check?: () => Promise<void>): Promise<void>
}

/** The files that must be durable before the timestamp, the timestamp, and those that follow it. */
export function stagesOf(files: readonly PlannedFile[]): {
  readonly before: readonly PlannedFile[]
  readonly after: readonly PlannedFile[]
} {
  const at = files.findIndex(({ role }) => role === 'timestamp')
  return at === -1 ? { before: files, after: [] } : { before: files.slice(0, at), after: files.slice(at) }
}
