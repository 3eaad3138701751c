import type { NameAnswer } from '../names/authority.ts'
import type { ClaimLimit } from '../names/claim-limit.ts'
import type { FirstUpload } from '../names/claim-policy.ts'
import type { UpstreamPresence } from '../names/claim.ts'
import type { LikeName, NameObjection } from '../names/name-objections.ts'
import { standingDenialOfName } from '../names/denials.ts'
import type { Denial } from '../names/denials.ts'
import type { ProjectRow } from '../store/schema.ts'
import { denialSentence } from './judge-files.ts'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** What whoever uploads may do, as the token says. */
export interface Uploader {
  readonly scope: 'read' | 'upload' | 'admin'
  readonly user?: string | undefined
  /** The one project (normal form) that the token is limited to. */
  readonly project?: string | undefined
}

/** Whether an upload may go to a name, and by which right a name that is not internal yet is claimed. */
export type NameRight =
  | { readonly kind: 'internal' }
  | {
      readonly kind: 'claim'
      readonly by: 'upload' | 'administrator'
      readonly evidence: readonly string[]
      /** What the name is like, for the record. */
      readonly likes?: readonly LikeName[]
    }
  /** Only if no upstream has it. */
  | { readonly kind: 'ask-upstreams'; readonly likes?: readonly LikeName[] }

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
 * creates a name (TOK-2), and an administrator's claim asks no upstream (DC-19). `firstUpload` is what the configuration says of everybody
 * else's first uploads (NAME-SQUAT).
 */
export function nameRight(
  project: string,
  answer: NameAnswer,
  uploader: Uploader,
  firstUpload: FirstUpload = 'claims',
): NameRight | Refusal {
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
      if (uploader.scope === 'admin') return claimUnder(answer.prefix, 'administrator')
      return firstUpload === 'needs-administrator'
        ? refuseUnregistered(project, 'A first upload registers no name here.')
        : claimUnder(answer.prefix, 'upload')
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
      switch (firstUpload) {
        case 'claims':
          return { kind: 'ask-upstreams' }
        case 'needs-namespace':
          return refuseUnregistered(project, 'A first upload registers a name under a prefix of this index only.')
        case 'needs-administrator':
          return refuseUnregistered(project, 'A first upload registers no name here.')
      }
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

/** An upload claims no name that is objected to, whoever uploads: only an administrator's explicit claim may (NAME-TYPO, NAME-CONF, NAME-STD). */
export function refuseObjection(project: string, { code, message }: NameObjection): Refusal {
  const consent = code === 'name-prohibited' ? ' --prohibited' : ' --look-alike'
  return refuse(code, `${message} Choose another one. ${askAdministrator(project, consent)}`)
}

/** Too many names for one day: says when the next one may be claimed (attacks.md NAME-SQUAT). */
export function refuseLimit(project: string, user: string, { who, claims, until }: ClaimLimit): Refusal {
  const whose = who === 'user' ? `The user '${user}' has` : 'From your address'
  const have = who === 'user' ? `claimed ${claims} names` : `${claims} names were claimed`
  return refuse(
    'name-claim-limit',
    `${whose} ${have} in 24 hours, which is as many as may be: '${project}' can be claimed from ${until} on. ${askAdministrator(project)}`,
  )
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
        `The project '${project.name}' is quarantined${reason} and takes no uploads. ${WHO_LIFTS}`,
      )
  }
}

function claimUnder(prefix: string, by: 'upload' | 'administrator'): NameRight {
  return { kind: 'claim', by, evidence: [`prefix ${prefix}`] }
}

function refuseUnregistered(project: string, rule: string): Refusal {
  return refuse(
    'name-not-registered',
    `The name '${project}' is not registered in this index. ${rule} ${askAdministrator(project)}`,
  )
}

const WHO_LIFTS = 'Ask an administrator of this index to lift it.'

/** What is denied takes no uploads either: nobody would get them. */
export function checkDenied(denials: readonly Denial[], now: number): Refusal | undefined {
  const denial = standingDenialOfName(denials, now)
  return denial && refuse('upload-project-quarantined', `${denialSentence(denial)}. It takes no uploads. ${WHO_LIFTS}`)
}

function refuseUpstreamName(project: string, upstream: string, relation: string): Refusal {
  return refuse('name-upstream', `The name '${project}' ${relation} '${upstream}'. ${askAdministrator(project)}`)
}

/** What to do next about a name that only an administrator may claim; `consent` is the option that he has to give. */
function askAdministrator(project: string, consent = ''): string {
  return `An administrator can claim it: waxseal project claim ${project}${consent}`
}
