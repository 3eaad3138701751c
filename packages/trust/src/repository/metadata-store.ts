import type { PlannedFile } from './repository-state.ts'
import type { StoredRepository } from './open-repository.ts'

/** Where a repository's files are kept, for those that have no database to keep them in. */
export interface MetadataStore extends StoredRepository {
  /**
   * Brings files out in their order, the timestamp only once all before it are durable. Cut short anywhere, it leaves what was
   * before or what is after. `check` is called when all is readable that clients do not look at before the timestamp says so; what
   * it throws keeps the old state. A new root is not among it: clients take that as soon as it is there.
   */
  publish(files: readonly PlannedFile[], check?: () => Promise<void>): Promise<void>
}

/** The files that nobody looks at yet, and those that clients ask for: a new root, the timestamp, and what follows it. */
export function stagesOf(files: readonly PlannedFile[]): {
  readonly before: readonly PlannedFile[]
  readonly after: readonly PlannedFile[]
} {
  const at = files.findIndex(({ role }) => role === 'timestamp')
  if (at === -1) return { before: files, after: [] }
  const first = files[at - 1]?.role === 'root' ? at - 1 : at
  return { before: files.slice(0, first), after: files.slice(first) }
}
