import { MAX_CACHED_ROLE_BYTES } from '../limits.ts'
import type { Metadata, Targets } from '../metadata.ts'
import type { RoleTrust } from '../threshold.ts'

/** A parsed role, and whose keys it was verified against last. */
export interface Kept {
  readonly targets: Metadata<Targets>
  trust: RoleTrust | undefined
}

/** Roles as they were parsed, the longest unused let go first. Nothing in here is trusted by being here. */
export class RoleCache {
  readonly #roles = new Map<string, Kept>()
  #bytes = 0

  get(role: string): Kept | undefined {
    const found = this.#roles.get(role)
    if (found === undefined) return undefined
    this.#roles.delete(role)
    this.#roles.set(role, found)
    return found
  }

  set(role: string, targets: Metadata<Targets>, trust: RoleTrust): void {
    this.#delete(role)
    this.#roles.set(role, { targets, trust })
    this.#bytes += targets.bytes.length
    for (const oldest of this.#roles.keys()) {
      if (this.#bytes <= MAX_CACHED_ROLE_BYTES || oldest === role) break
      this.#delete(oldest)
    }
  }

  #delete(role: string): void {
    const found = this.#roles.get(role)
    if (found === undefined) return
    this.#roles.delete(role)
    this.#bytes -= found.targets.bytes.length
  }
}
