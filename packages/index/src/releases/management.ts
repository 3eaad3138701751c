import type { Actor } from '../access/actor.ts'
import type { Clock } from '../clock.ts'
import type { ClaimPolicy } from '../names/claim-policy.ts'
import type { CurrentProjects } from '../publish/current-projects.ts'
import type { Publishing } from '../publish/leave-to-server.ts'
import { newestSnapshot } from '../publish/publisher.ts'
import type { NamesConfig } from '../names/authority.ts'
import type { Holder } from '../register/holder.ts'
import type { Acting } from '../register/members.ts'
import type { ProjectStatus } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { ClaimConsent } from './claim-name.ts'
import { claimName } from './claim-name.ts'
import type { ChangeOutcome } from './lifecycle.ts'
import { deleteFile, deleteProject, deleteRelease, setProjectStatus, unyankRelease, yankRelease } from './lifecycle.ts'
import { listFiles } from './list-files.ts'
import type { FileFilter, KnownFile } from './list-files.ts'
import type { ClaimPreview } from './preview-claim.ts'
import { previewClaim } from './preview-claim.ts'
import { explainProject } from './read-project.ts'
import type { Explanation } from './read-project.ts'
import type { FileChoice } from './release-files.ts'

export interface ManagementParts {
  readonly store: Store
  readonly clock: Clock
  readonly names: NamesConfig
  /** How new names come to be. */
  readonly claims: ClaimPolicy
  readonly current: CurrentProjects
  readonly publisher: Publishing
}

/** What administrators do to names and releases, the same for the API and the command line. */
export class Management {
  readonly #parts: ManagementParts

  constructor(parts: ManagementParts) {
    this.#parts = parts
  }

  get store(): Store {
    return this.#parts.store
  }

  get clock(): Clock {
    return this.#parts.clock
  }

  async explain(project: string, version?: string): Promise<Explanation> {
    return explainProject(this.#parts, await this.#parts.current.get(project), version)
  }

  /** Every file that is known of a project; undefined when nothing is recorded about the name. */
  async files(project: string, filter?: FileFilter): Promise<readonly KnownFile[] | undefined> {
    const state = await this.#parts.current.get(project)
    const files = await listFiles(this.#parts, state, filter)
    return state.project === undefined && files.length === 0 ? undefined : files
  }

  /** What a claim would change, and for whom. */
  async previewClaim(project: string): Promise<ClaimPreview> {
    return await previewClaim(this.#parts, await this.explain(project))
  }

  claim(
    project: string,
    actor: Actor,
    options: { readonly owner?: Holder | undefined; readonly consent?: ClaimConsent | undefined } = {},
  ): Promise<ChangeOutcome> {
    return claimName(this.#parts, { project, actor, ...options })
  }

  setStatus(
    project: string,
    change: { readonly status: ProjectStatus; readonly reason?: string | undefined },
    acting: Acting,
  ): Promise<ChangeOutcome> {
    return setProjectStatus(this.store, this.clock, { project, ...change, ...acting })
  }

  yank(files: FileChoice, reason: string | undefined, acting: Acting): Promise<ChangeOutcome> {
    return yankRelease(this.store, this.clock, { ...files, reason, ...acting })
  }

  unyank(files: FileChoice, acting: Acting): Promise<ChangeOutcome> {
    return unyankRelease(this.store, this.clock, { ...files, ...acting })
  }

  deleteFile(project: string, filename: string, acting: Acting): Promise<ChangeOutcome> {
    return deleteFile(this.store, this.clock, { project, filename, ...acting })
  }

  deleteRelease(project: string, version: string, acting: Acting): Promise<ChangeOutcome> {
    return deleteRelease(this.store, this.clock, { project, version, ...acting })
  }

  deleteProject(project: string, acting: Acting): Promise<ChangeOutcome> {
    return deleteProject(this.store, this.clock, { project, ...acting })
  }

  /** Waits until every change made before this call is published; the number of the newest snapshot. */
  async settled(): Promise<number> {
    await this.#parts.publisher.publish()
    return newestSnapshot(this.store)
  }
}
