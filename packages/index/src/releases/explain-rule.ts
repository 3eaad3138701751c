import type { NameAnswer, NamesConfig } from '../names/authority.ts'
import { OPEN_DEFAULT, ruleFor } from '../names/default-policy.ts'
import { denialOfFile, denialOfName, isStanding } from '../names/denials.ts'
import type { Denial } from '../names/denials.ts'
import { LOCAL_SOURCE } from '../names/local-source.ts'
import type { ProjectState } from '../publish/current-projects.ts'
import { denialSentence } from './judge-files.ts'
import type { JudgedFile, Withheld } from './judge-files.ts'
import { askFor, requestCommand } from './way-out.ts'

/** What decided about a name, or about the release of it that was asked for; `of` is which one of its kind. */
export interface DecidingRule {
  readonly kind:
    | 'denial'
    | 'status'
    | 'approval'
    | 'cooldown'
    | 'merge'
    | 'file'
    | 'claim'
    | 'upstream'
    | 'namespace'
    | 'default'
  /** The number of a denial, the name of a namespace or an upstream, a pattern; null where there is but one. */
  readonly of: string | null
  readonly sentence: string
}

/** `asked`: the files of the release that was asked for, with their verdicts; undefined where the name was. */
export function decidingRule(
  { name, answer, offering, status, statusReason }: ProjectState,
  names: NamesConfig,
  asked: readonly JudgedFile[] | undefined,
  now: number,
): DecidingRule {
  const standing = offering.denials.filter((denial) => isStanding(denial, now))
  const overName = denialOfName(standing)
  if (overName !== undefined) return denialRule(overName)
  if (status === 'quarantined') {
    const sentence = statusReason === null ? `${name} is quarantined.` : `${name} is quarantined: ${statusReason}`
    return { kind: 'status', of: null, sentence }
  }
  const first = asked?.every(({ withheld }) => withheld !== undefined) === true ? asked[0] : undefined
  if (first?.withheld !== undefined) {
    const denial = denialOfFile(standing, first.file)
    if (denial !== undefined) return denialRule(denial)
    const rule = fileRule(name, first.withheld, names)
    if (rule !== undefined) return rule
  }
  return nameRule(name, answer, names)
}

function denialRule(denial: Denial): DecidingRule {
  return { kind: 'denial', of: String(denial.n), sentence: denialSentence(denial) }
}

function fileRule(name: string, { code, reason: sentence }: Withheld, names: NamesConfig): DecidingRule | undefined {
  switch (code) {
    case 'file-unapproved':
      return { kind: 'approval', of: ruleFor(name, names.policy ?? OPEN_DEFAULT)?.pattern ?? null, sentence }
    case 'file-cooldown':
      return { kind: 'cooldown', of: null, sentence }
    case 'file-merge-conflict':
    case 'file-merge-refused':
      return { kind: 'merge', of: null, sentence }
    case 'file-deleted':
    case 'file-unhashed':
    case 'file-withdrawn':
    case 'file-quarantined':
    case 'file-blocked':
      return { kind: 'file', of: null, sentence }
    case 'project-quarantined':
    case 'name-reserved':
    case 'name-upstream':
      return undefined
  }
}

function nameRule(name: string, answer: NameAnswer, names: NamesConfig): DecidingRule {
  const sentence = nameSentence(name, answer, names)
  switch (answer.kind) {
    case 'internal':
      return { kind: 'claim', of: null, sentence }
    case 'reserved':
      return { kind: 'namespace', of: answer.prefix, sentence }
    case 'upstream':
      return { kind: 'upstream', of: answer.upstream, sentence }
    case 'merged':
      return { kind: 'merge', of: answer.merge.owner, sentence }
    case 'refused':
      return { kind: 'default', of: answer.pattern, sentence }
    case 'undecided':
      return { kind: 'default', of: ruleFor(name, names.policy ?? OPEN_DEFAULT)?.pattern ?? null, sentence }
  }
}

/** Who answers for a name, for people. */
export function nameSentence(name: string, answer: NameAnswer, names: NamesConfig): string {
  switch (answer.kind) {
    case 'internal':
      return `${name} belongs to this index. No upstream is asked for it, whatever exists there.`
    case 'reserved':
      return `${name} falls under the prefix ${answer.prefix}, which belongs to this index. Nobody uploaded it, and no upstream is asked for it.`
    case 'upstream':
      return `${name} belongs to the upstream ${answer.upstream}, decided at its first download. No other index is asked for it.`
    case 'refused':
      return `Nobody has approved ${name} for this index (${answer.pattern} is denied by default), and no upstream is asked for it.`
    case 'merged':
      return `${name} has two sources, by a recorded decision: it belongs to ${sourceWords(answer.merge.owner)}, and ${sourceWords(answer.merge.extender)} may add to it (${answer.merge.extend}).`
    case 'undecided': {
      const order =
        names.upstreams.length === 0 ? 'no upstream is configured' : `asked in order: ${names.upstreams.join(', ')}`
      return `Nobody claimed ${name}. Its first download decides which upstream it belongs to (${order}).`
    }
  }
}

function sourceWords(source: string): string {
  return source === LOCAL_SOURCE ? 'this index' : `the upstream ${source}`
}

/** What decides which way out there is. */
export interface Situation {
  readonly project: string
  readonly version: string | undefined
  /** Of the name. */
  readonly newest: string | undefined
  readonly rule: DecidingRule
  /** Whether anything is known of what was asked for. */
  readonly isKnown: boolean
  /** When what was asked for is given out by itself: ISO 8601. */
  readonly until: string | undefined
  /** Whether somebody lifted the denial, and the holders of the name's seal have not signed that. */
  readonly waits: boolean
}

/** One sentence of what whoever was refused does next. */
export function nextStep({ project, version, newest, rule, isKnown, until, waits }: Situation): string {
  const ask = requestCommand(project, version)
  const isOther = version !== undefined && newest !== undefined
  const use = isOther ? `Use ${project}==${newest}, the newest that is allowed, or ask for this one: ${ask}` : undefined
  switch (rule.kind) {
    case 'denial': {
      const lift = waits
        ? 'It is lifted once the holders of its seal sign that: waxseal seal'
        : `An administrator can lift it: waxseal lift ${rule.of}`
      return `${use ?? askFor(project, version)}. ${lift}`
    }
    case 'cooldown': {
      const wait = until === undefined ? '' : `Wait until ${until.slice(0, 16).replace('T', ' ')} UTC, or `
      const then = use ?? `ask for it: ${ask}`
      return wait === '' ? (use ?? askFor(project, version)) : `${wait}${then.charAt(0).toLowerCase()}${then.slice(1)}`
    }
    case 'namespace':
      return `Whoever may upload to names under ${rule.of} uploads it, or an administrator claims it: waxseal project claim ${project}`
    case 'claim':
    case 'upstream':
    case 'default':
      if (version !== undefined && !isKnown && use !== undefined) {
        return `Nothing is known of ${project} ${version}. ${use}`
      }
      if (rule.kind === 'claim') return `Whoever may upload to ${project} uploads it. ${askFor(project, version)}`
      return use ?? askFor(project, version)
    case 'status':
    case 'approval':
    case 'merge':
    case 'file':
      return use ?? askFor(project, version)
  }
}
