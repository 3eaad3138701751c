import type { NameAnswer } from '../names/authority.ts'
import type { UpstreamPresence } from '../names/claim.ts'
import type { ProjectRow } from '../store/schema.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** What whoever uploads may do, as the token says. */
export interface Uploader {
  readonly scope: 'read' | 'upload' | 'admin'
  /** The one project (normal form) that the token is limited to. */
  readonly project?: string | undefined
}

/** Whether an upload may go to a name, and by which right a name that is not internal yet is claimed. */
export type NameRight =
  | { readonly kind: 'internal' }
  | { readonly kind: 'claim'; readonly by: 'upload' | 'administrator'; readonly evidence: readonly string[] }
  /** Only if no upstream has it. */
  | { readonly kind: 'ask-upstreams' }

/** Whether this token may upload to `project` at all (behaviour.md 1.4 H, attacks.md TOK-2). */
export function checkUploader(project: string, uploader: Uploader): Refusal | undefined {
  const reason =
    uploader.scope === 'read'
      ? 'It may only read.'
      : uploader.project !== undefined && uploader.project !== project
        ? `It is limited to the project '${uploader.project}'.`
        : undefined
  if (reason === undefined) return undefined
  return refuse('token-scope', `The given token isn't allowed to upload to project '${project}'. ${reason}`)
}

/**
 * Who may upload to a name, from the name's own state (attacks.md 6.5 rows 4, 6, 7 and 10). A token that is limited to one project never
 * creates a name (TOK-2), and an administrator's claim asks no upstream (DC-19).
 */
export function nameRight(project: string, answer: NameAnswer, uploader: Uploader): NameRight | Refusal {
  const limited = uploader.project !== undefined
  switch (answer.kind) {
    case 'internal':
      return { kind: 'internal' }
    case 'upstream':
      return refuseUpstreamName(project, answer.upstream, 'belongs to')
    case 'reserved':
      if (limited) {
        return refuse(
          'name-reserved',
          `The name '${project}' is reserved by the prefix '${answer.prefix}' and nobody has registered it. ${askAdministrator(project)}`,
        )
      }
      return {
        kind: 'claim',
        by: uploader.scope === 'admin' ? 'administrator' : 'upload',
        evidence: [`prefix ${answer.prefix}`],
      }
    case 'merged':
      // What is uploaded stands beside the upstream's files as far as the merge allows.
      return { kind: 'internal' }
    case 'refused':
    case 'undecided':
      if (limited) {
        return refuse(
          'name-not-yours',
          `The given token isn't allowed to create project '${project}'. ${askAdministrator(project)}`,
        )
      }
      if (uploader.scope === 'admin') return { kind: 'claim', by: 'administrator', evidence: [] }
      return { kind: 'ask-upstreams' }
  }
}

/** What follows from the upstreams' answer about a name nobody has claimed (design.md section 8; attacks.md DC-1, DC-17). */
export function rightFromPresence(project: string, presence: UpstreamPresence): NameRight | Refusal {
  switch (presence.kind) {
    case 'absent':
      return { kind: 'claim', by: 'upload', evidence: presence.evidence }
    case 'present':
      return refuseUpstreamName(project, presence.upstream, 'exists upstream at')
    case 'unknown': {
      const who = presence.unasked === undefined ? `the upstream ${presence.upstream} does not answer. ` : ''
      return refuse(
        'name-claim-unverified',
        `Whether the name '${project}' exists upstream could not be found out: ${who}${presence.reason} Try again later. ${askAdministrator(project)}`,
      )
    }
  }
}

/** PEP 792: an archived or quarantined project takes no uploads. */
export function checkProjectStatus(
  project: Pick<ProjectRow, 'name' | 'status' | 'status_reason'>,
): Refusal | undefined {
  const reason = project.status_reason === null ? '' : ` (${project.status_reason})`
  switch (project.status) {
    case 'active':
    case 'deprecated':
      return undefined
    case 'archived':
      return refuse(
        'upload-project-archived',
        `The project '${project.name}' is archived${reason} and takes no uploads.`,
      )
    case 'quarantined':
      return refuse(
        'upload-project-quarantined',
        `The project '${project.name}' is quarantined${reason} and takes no uploads.`,
      )
  }
}

function refuseUpstreamName(project: string, upstream: string, relation: string): Refusal {
  return refuse('name-upstream', `The name '${project}' ${relation} '${upstream}'. ${askAdministrator(project)}`)
}

function askAdministrator(project: string): string {
  return `An administrator can claim it: waxseal project claim ${project}`
}
