import { DocumentReader } from '@waxseal/trust/documents'
import { openDocument, readOneOf, writeDocument } from './read-document.ts'

/** What holds for a name that nobody has claimed: upstreams answer, files need an approval each, or nobody answers. */
export type Unclaimed = 'open' | 'approve' | 'deny'

export const UNCLAIMED_MODES: readonly Unclaimed[] = ['open', 'approve', 'deny']

export interface UnclaimedRule {
  /** A name, `prefix-*`, or `*` for all. */
  readonly pattern: string
  readonly mode: Unclaimed
}

/** The one default for names that nobody claimed (design.md section 8). */
export interface DefaultPolicy {
  /** The first that matches decides; a name that none matches is open. */
  readonly unclaimed: readonly UnclaimedRule[]
  /** How old an upstream's file has to be, in seconds; 0: it need not be. */
  readonly cooldown: number
  /** How many people have to approve a file where approvals are asked for. */
  readonly approvals: number
}

/** As holders sign it. */
export interface SignedDefault extends DefaultPolicy {
  readonly rev: number
}

/** What is shipped: whatever upstreams have is passed on. */
export const OPEN_DEFAULT: DefaultPolicy = { unclaimed: [], cooldown: 0, approvals: 1 }

const MAX_RULES = 1000
const MAX_PATTERN = 257
const PATTERN = /^(\*|[a-z0-9]+(-[a-z0-9]+)*(-\*)?)$/
const MAX_COOLDOWN = 366 * 86_400
const MAX_APPROVALS = 10

/** Whether a text is a pattern of names. */
export function isNamePattern(text: string): boolean {
  return text.length <= MAX_PATTERN && PATTERN.test(text)
}

/** The rule that decides about an unclaimed name; undefined: none, and it is open. */
export function ruleFor(name: string, { unclaimed }: DefaultPolicy): UnclaimedRule | undefined {
  return unclaimed.find(({ pattern }) => matches(name, pattern))
}

function matches(name: string, pattern: string): boolean {
  if (pattern === '*') return true
  return pattern.endsWith('-*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** @throws TrustError where it is no default policy, or says more than is known here */
export function readDefaultPolicy(bytes: Uint8Array): SignedDefault {
  const reader = openDocument(bytes, 'default', ['rev', 'unclaimed', 'cooldown', 'approvals'])
  const unclaimed = reader.list('unclaimed', MAX_RULES).map((value) => {
    const one = new DocumentReader(value, 'rule')
    one.onlyHas(['pattern', 'mode'])
    const pattern = one.text('pattern', MAX_PATTERN)
    if (!isNamePattern(pattern)) throw one.invalid('pattern is neither a name, nor a prefix with "-*", nor "*"')
    return { pattern, mode: readOneOf(one, 'mode', UNCLAIMED_MODES) }
  })
  const policy = {
    rev: reader.number('rev', 1),
    unclaimed,
    cooldown: reader.number('cooldown', 0),
    approvals: reader.number('approvals', 1),
  }
  if (policy.cooldown > MAX_COOLDOWN || policy.approvals > MAX_APPROVALS) throw reader.invalid('a number is too large')
  return policy
}

/** The bytes that are signed. */
export function writeDefaultPolicy({ rev, unclaimed, cooldown, approvals }: SignedDefault): Buffer {
  return writeDocument({
    rev,
    unclaimed: unclaimed.map(({ pattern, mode }) => ({ pattern, mode })),
    cooldown,
    approvals,
  })
}
