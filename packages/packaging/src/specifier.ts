import { trimAsciiWhitespace } from './ascii-whitespace.ts'
import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_SPECIFIER_LENGTH } from './limits.ts'
import { compareVersions, formatVersion, hasLocal, isPrerelease, tryParseVersion } from './version.ts'
import type { Version } from './version.ts'

/** One clause of a specifier set (PEP 440, "Version specifiers"). */
export type Specifier =
  | {
      readonly operator: '~=' | '==' | '!=' | '<=' | '>=' | '<' | '>'
      readonly version: Version
      readonly text: string
    }
  /** `==1.2.*`: `version` holds the release before the star. */
  | { readonly operator: '==*' | '!=*'; readonly version: Version; readonly text: string }
  /** `===`: compares spellings, not versions; `text` may be anything. */
  | { readonly operator: '==='; readonly text: string }

/** Clauses that all have to hold; empty means every version. */
export type SpecifierSet = readonly Specifier[]

// The version is printable ASCII without `)` and `;`, which end a clause inside a requirement.
const OPERATOR = /^(===|~=|==|!=|<=|>=|<|>)[ \t\n\r\f\v]*([!-(*-:<-~]+)$/
const WILDCARD = /^v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*\.\*$/i

/**
 * Reads a comma-separated specifier set, such as the value of Requires-Python. The empty string is the empty set.
 * @throws PackagingError `specifier-invalid`, also above {@link MAX_SPECIFIER_LENGTH} characters (attacks.md REDOS)
 */
export function parseSpecifierSet(text: string): SpecifierSet {
  if (text.length > MAX_SPECIFIER_LENGTH) {
    throw new PackagingError(
      'specifier-invalid',
      `A version specifier may have ${MAX_SPECIFIER_LENGTH} characters at most.`,
    )
  }
  return text
    .split(',')
    .map(trimAsciiWhitespace)
    .filter((clause) => clause !== '')
    .map(parseClause)
}

function parseClause(clause: string): Specifier {
  const [, operator, text] = OPERATOR.exec(clause) ?? []
  if (text !== undefined) {
    switch (operator) {
      case '===':
        return { operator, text }
      case '==':
      case '!=': {
        const wildcard = WILDCARD.test(text)
        const version = tryParseVersion(wildcard ? text.slice(0, -2) : text)
        if (version !== undefined) return { operator: wildcard ? `${operator}*` : operator, version, text }
        break
      }
      case '~=':
      case '<=':
      case '>=':
      case '<':
      case '>': {
        const version = tryParseVersion(text)
        const tooShort = operator === '~=' && version?.release.length === 1
        if (version !== undefined && !hasLocal(version) && !tooShort) return { operator, version, text }
        break
      }
      default:
        break
    }
  }
  throw new PackagingError('specifier-invalid', `${excerpt(clause)} is not a version specifier (PEP 440).`)
}

/** The normal spelling of a set: normalised versions, no white space, clauses sorted and without duplicates. For comparing. */
export function formatSpecifierSet(set: SpecifierSet): string {
  return [...new Set(set.map(formatClause))].sort().join(',')
}

function formatClause(specifier: Specifier): string {
  switch (specifier.operator) {
    case '===':
      return `===${specifier.text}`
    case '==*':
    case '!=*':
      return `${specifier.operator.slice(0, 2)}${formatVersion(specifier.version)}.*`
    default:
      return `${specifier.operator}${formatVersion(specifier.version)}`
  }
}

/**
 * Whether a version satisfies every clause of a set. `prereleases: false` refuses pre-releases; otherwise they satisfy, as
 * Python's `packaging` answers for a single version (whether to prefer a final release is the chooser's business).
 */
export function satisfies(
  version: Version,
  set: SpecifierSet,
  options: { readonly prereleases?: boolean } = {},
): boolean {
  if (options.prereleases === false && isPrerelease(version)) return false
  return set.every((specifier) => satisfiesClause(version, specifier))
}

function satisfiesClause(version: Version, specifier: Specifier): boolean {
  switch (specifier.operator) {
    case '===':
      return formatVersion(version).toLowerCase() === specifier.text.toLowerCase()
    case '==':
      return equals(version, specifier.version)
    case '!=':
      return !equals(version, specifier.version)
    case '==*':
      return hasPrefix(version, specifier.version)
    case '!=*':
      return !hasPrefix(version, specifier.version)
    case '~=':
      return (
        compareVersions(publicPart(version), specifier.version) >= 0 &&
        hasPrefix(version, { ...specifier.version, release: specifier.version.release.slice(0, -1) })
      )
    case '<=':
      return compareVersions(publicPart(version), specifier.version) <= 0
    case '>=':
      return compareVersions(publicPart(version), specifier.version) >= 0
    case '<':
      return isExclusivelyLess(version, specifier.version)
    case '>':
      return isExclusivelyGreater(version, specifier.version)
    default:
      return specifier satisfies never
  }
}

// PEP 440 "Version matching": a specifier without a local label ignores the candidate's.
function equals(version: Version, wanted: Version): boolean {
  return compareVersions(hasLocal(wanted) ? version : publicPart(version), wanted) === 0
}

function hasPrefix(version: Version, prefix: Version): boolean {
  return version.epoch === prefix.epoch && prefix.release.every((segment, i) => (version.release[i] ?? 0n) === segment)
}

// PEP 440: `<V` excludes pre-releases of V itself, unless V is one.
function isExclusivelyLess(version: Version, bound: Version): boolean {
  if (compareVersions(version, bound) >= 0) return false
  const earliestPrerelease: Version = { ...bound, dev: 0n, local: [] }
  return isPrerelease(bound) || !isPrerelease(version) || compareVersions(version, earliestPrerelease) < 0
}

// PEP 440: `>V` excludes post-releases of V, unless V is one, and local versions of V.
function isExclusivelyGreater(version: Version, bound: Version): boolean {
  if (compareVersions(version, bound) <= 0) return false
  const { post, dev: _dev, ...base } = publicPart(version)
  if (bound.post === undefined && post !== undefined && compareVersions(base, bound) === 0) return false
  return !hasLocal(version) || compareVersions(publicPart(version), bound) !== 0
}

function publicPart(version: Version): Version {
  return { ...version, local: [] }
}
