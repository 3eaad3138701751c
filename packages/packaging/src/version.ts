import { trimAsciiWhitespace } from './ascii-whitespace.ts'
import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_VERSION_DIGITS, MAX_VERSION_LENGTH } from './limits.ts'

/** The three pre-release phases in their normal spelling. */
export type PrereleasePhase = 'a' | 'b' | 'rc'

/** A version as PEP 440 defines it, already normalised. Integers are bigint: sixteen digits do not fit a double. */
export interface Version {
  readonly epoch: bigint
  /** At least one integer; trailing zeros are kept, because `1.0` and `1.0.0` are spelt differently. */
  readonly release: readonly bigint[]
  readonly pre?: { readonly phase: PrereleasePhase; readonly number: bigint }
  readonly post?: bigint
  readonly dev?: bigint
  /** The segments after `+`; empty when there is no local label. */
  readonly local: readonly (bigint | string)[]
}

// Every quantifier is followed by a character it cannot match, so there is one way to match and the time is linear.
const VERSION =
  /^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]+)?)?(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?(?:[-_.]?(dev)[-_.]?([0-9]+)?)?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/

const PHASES: ReadonlyMap<string, PrereleasePhase> = new Map([
  ['a', 'a'],
  ['alpha', 'a'],
  ['b', 'b'],
  ['beta', 'b'],
  ['c', 'rc'],
  ['rc', 'rc'],
  ['pre', 'rc'],
  ['preview', 'rc'],
])

const DIGITS = /^[0-9]+$/

/**
 * Reads a version as PEP 440 allows it to be written, surrounding ASCII white space and a leading `v` included.
 * @throws PackagingError `version-invalid`, also above {@link MAX_VERSION_LENGTH} characters or {@link MAX_VERSION_DIGITS}
 *   digits in one integer (attacks.md REDOS, BIGINT)
 */
export function parseVersion(text: string): Version {
  const version = tryParseVersion(text)
  if (version === undefined) {
    throw new PackagingError('version-invalid', `${excerpt(text)} is not a version (PEP 440).`)
  }
  return version
}

/** {@link parseVersion}, with `undefined` where it would throw. */
export function tryParseVersion(text: string): Version | undefined {
  if (text.length > MAX_VERSION_LENGTH) return undefined
  const match = VERSION.exec(trimAsciiWhitespace(text).toLowerCase())
  // Lower-casing the Kelvin sign gives an ASCII letter, so the input itself has to be ASCII.
  if (match === null || !isAscii(text)) return undefined
  const [, epoch, release = '', preLetter, preNumber, postImplicit, postLetter, postNumber, dev, devNumber, local] =
    match
  const localSegments = local === undefined ? [] : local.split(/[-_.]/)
  const releaseSegments = release.split('.')
  const integers = [
    epoch,
    preNumber,
    postImplicit,
    postNumber,
    devNumber,
    ...releaseSegments,
    ...localSegments.filter(isInteger),
  ]
  if (integers.some((digits) => digits !== undefined && digits.length > MAX_VERSION_DIGITS)) return undefined

  const phase = preLetter === undefined ? undefined : PHASES.get(preLetter)
  return {
    epoch: BigInt(epoch ?? 0),
    release: releaseSegments.map(BigInt),
    ...(phase !== undefined && { pre: { phase, number: BigInt(preNumber ?? 0) } }),
    ...((postLetter ?? postImplicit) !== undefined && { post: BigInt(postImplicit ?? postNumber ?? 0) }),
    ...(dev !== undefined && { dev: BigInt(devNumber ?? 0) }),
    local: localSegments.map((segment) => (isInteger(segment) ? BigInt(segment) : segment)),
  }
}

/** The normal spelling of a version (PEP 440, "Normalization"). `1.0` and `1.0.0` stay different. */
export function formatVersion(version: Version): string {
  const epoch = version.epoch === 0n ? '' : `${version.epoch}!`
  const pre = version.pre === undefined ? '' : `${version.pre.phase}${version.pre.number}`
  const post = version.post === undefined ? '' : `.post${version.post}`
  const dev = version.dev === undefined ? '' : `.dev${version.dev}`
  const local = version.local.length === 0 ? '' : `+${version.local.join('.')}`
  return `${epoch}${version.release.join('.')}${pre}${post}${dev}${local}`
}

/** A string that is equal for two versions exactly if {@link compareVersions} says 0: `1.0`, `1.0.0` and `v1` share one. */
export function canonicalVersionKey(version: Version): string {
  return formatVersion({ ...version, release: withoutTrailingZeros(version.release) })
}

/** Whether a version is a pre-release or a development release, which installers take only when asked to (PEP 440). */
export function isPrerelease(version: Version): boolean {
  return version.pre !== undefined || version.dev !== undefined
}

/** Whether a version carries a local label (`+…`), which a public index refuses (PEP 440). */
export function hasLocal(version: Version): boolean {
  return version.local.length > 0
}

/** The order of PEP 440: a total order in which `1.0` and `1.0.0` are equal. */
export function compareVersions(a: Version, b: Version): -1 | 0 | 1 {
  return (
    compare(a.epoch, b.epoch) ||
    compareReleases(a.release, b.release) ||
    compare(preRank(a), preRank(b)) ||
    compare(a.pre?.number ?? 0n, b.pre?.number ?? 0n) ||
    compare(a.post ?? -1n, b.post ?? -1n) ||
    compareDevelopment(a.dev, b.dev) ||
    compareLocals(a.local, b.local)
  )
}

// A development release of the final version comes before every pre-release: 1.0.dev1 < 1.0a1.
function preRank(version: Version): number {
  if (version.pre !== undefined) return { a: 1, b: 2, rc: 3 }[version.pre.phase]
  return version.post === undefined && version.dev !== undefined ? 0 : 4
}

function compareDevelopment(a: bigint | undefined, b: bigint | undefined): -1 | 0 | 1 {
  if (a === undefined || b === undefined) return compare(a === undefined ? 1 : 0, b === undefined ? 1 : 0)
  return compare(a, b)
}

function compareReleases(a: readonly bigint[], b: readonly bigint[]): -1 | 0 | 1 {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compare(a[i] ?? 0n, b[i] ?? 0n)
    if (order !== 0) return order
  }
  return 0
}

function compareLocals(a: readonly (bigint | string)[], b: readonly (bigint | string)[]): -1 | 0 | 1 {
  for (const [i, left] of a.entries()) {
    const right = b[i]
    if (right === undefined) return 1
    const order = compareLocalSegments(left, right)
    if (order !== 0) return order
  }
  return compare(a.length, b.length)
}

function compareLocalSegments(a: bigint | string, b: bigint | string): -1 | 0 | 1 {
  if (typeof a === 'bigint') return typeof b === 'bigint' ? compare(a, b) : 1
  return typeof b === 'bigint' ? -1 : compare(a, b)
}

function compare<T extends bigint | number | string>(a: T, b: T): -1 | 0 | 1 {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function withoutTrailingZeros(release: readonly bigint[]): readonly bigint[] {
  const last = release.findLastIndex((segment) => segment !== 0n)
  return release.slice(0, Math.max(1, last + 1))
}

function isInteger(text: string): boolean {
  return DIGITS.test(text)
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}
