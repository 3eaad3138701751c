import { METADATA_FIELDS, METADATA_VERSIONS } from './core-metadata-fields.ts'
import type { CoreMetadata } from './core-metadata.ts'
import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_SUMMARY_LENGTH, MAX_URL_LABEL_LENGTH } from './limits.ts'
import {
  contentTypeProblem,
  importNameProblem,
  isAcceptableAddress,
  isWebUrl,
  licenseFileProblem,
  splitProjectUrl,
} from './metadata-values.ts'
import { isValidProjectName } from './project-name.ts'
import { parseRequirement } from './requirement.ts'
import type { Requirement } from './requirement.ts'
import { normalizeLicenseExpression } from './spdx.ts'
import { parseSpecifierSet } from './specifier.ts'
import { hasLocal, tryParseVersion } from './version.ts'

/** One broken rule: a refusal to show to the uploader, not an exception. */
export interface MetadataProblem {
  /** The field as its header spells it in lower case, such as `requires-dist`. */
  readonly field: string
  /** One sentence in Warehouse's words. */
  readonly message: string
}

/** Where an index may differ from PyPI. */
export interface MetadataRules {
  /** Accept classifiers that begin with `Private ::`, which PyPI refuses in order to keep such packages out. */
  readonly privateClassifiers: boolean
  /** Accept versions with a local label (`1.0+corp.1`). */
  readonly allowLocalVersion: boolean
  /** The only other classifiers to accept. This package ships no list: without one, any classifier is accepted. */
  readonly knownClassifiers?: ReadonlySet<string>
}

const FIRST_REPORTED: readonly string[] = ['metadata-version', 'name', 'version']
const NEVER_DYNAMIC: ReadonlySet<string> = new Set(FIRST_REPORTED)
// setuptools and wheel wrote License-File for years before 2.4 defined it.
const USED_EARLY: ReadonlySet<string> = new Set(['license-file'])
const HEADERS: ReadonlySet<string> = new Set(METADATA_FIELDS.map((field) => field.header))

/**
 * Every rule that Warehouse applies to metadata (behaviour.md 1.4 D and E), the most telling first: metadata version, name and
 * version, then by field. Metadata 2.6 is accepted too, and License-File in any. Addresses are judged more kindly than on PyPI, because in-house domains
 * need not be public. Empty means accepted.
 */
export function validateCoreMetadata(metadata: CoreMetadata, rules: MetadataRules): readonly MetadataProblem[] {
  const problems = [
    ...identityProblems(metadata, rules),
    ...versionedFieldProblems(metadata),
    ...textProblems(metadata),
    ...classifierProblems(metadata, rules),
    ...urlProblems(metadata),
    ...dependencyProblems(metadata),
    ...licenseProblems(metadata),
    ...dynamicProblems(metadata),
  ]
  const rank = ({ field }: MetadataProblem): string => {
    const first = FIRST_REPORTED.indexOf(field)
    return first === -1 ? `~${field}` : String(first)
  }
  return problems.sort((a, b) => (rank(a) < rank(b) ? -1 : Number(rank(a) > rank(b))))
}

function identityProblems(metadata: CoreMetadata, rules: MetadataRules): readonly MetadataProblem[] {
  const problems: MetadataProblem[] = []
  if (!METADATA_VERSIONS.includes(metadata.metadataVersion)) {
    const message = `${excerpt(metadata.metadataVersion)} is not a valid metadata version`
    problems.push({ field: 'metadata-version', message })
  }
  if (metadata.name === '') problems.push({ field: 'name', message: "'name' is a required field" })
  else if (!isValidProjectName(metadata.name)) problems.push(invalidFor('name', metadata.name))
  const version = tryParseVersion(metadata.version)
  if (metadata.version === '') {
    problems.push({ field: 'version', message: "'version' is a required field" })
  } else if (version === undefined) {
    problems.push(invalidFor('version', metadata.version))
  } else if (hasLocal(version) && !rules.allowLocalVersion) {
    const message = `The use of local versions in ${excerpt(metadata.version)} is not allowed.`
    problems.push({ field: 'version', message })
  }
  return problems
}

function versionedFieldProblems(metadata: CoreMetadata): readonly MetadataProblem[] {
  const age = METADATA_VERSIONS.indexOf(metadata.metadataVersion)
  if (age === -1) return []
  return METADATA_FIELDS.filter(
    (field) =>
      !USED_EARLY.has(field.header) &&
      METADATA_VERSIONS.indexOf(field.added) > age &&
      (field.multiple ? metadata[field.key].length > 0 : metadata[field.key] !== undefined),
  ).map(({ header, added }) => ({
    field: header,
    message: `${header} introduced in metadata version ${added}, not ${metadata.metadataVersion}`,
  }))
}

function textProblems(metadata: CoreMetadata): readonly MetadataProblem[] {
  const problems: MetadataProblem[] = []
  const summary = metadata.summary ?? ''
  if (/[\r\n]/.test(summary)) problems.push({ field: 'summary', message: "'summary' must be a single line" })
  if (summary.length > MAX_SUMMARY_LENGTH) {
    problems.push({ field: 'summary', message: `'summary' field must be ${MAX_SUMMARY_LENGTH} characters or less.` })
  }
  const contentType = metadata.descriptionContentType
  const contentTypeReason = contentType === undefined ? undefined : contentTypeProblem(contentType)
  if (contentType !== undefined && contentTypeReason !== undefined) {
    const message = `'description-content-type' ${contentTypeReason}, not ${excerpt(contentType)}`
    problems.push({ field: 'description-content-type', message })
  }
  for (const [field, value] of [
    ['author-email', metadata.authorEmail],
    ['maintainer-email', metadata.maintainerEmail],
  ] as const) {
    if (value !== undefined && !isAcceptableAddress(value)) {
      problems.push({ field, message: `${excerpt(value)} is not a valid email address` })
    }
  }
  for (const [field, values] of [
    ['import-name', metadata.importNames],
    ['import-namespace', metadata.importNamespaces],
  ] as const) {
    problems.push(...refusedValues(field, values, importNameProblem))
  }
  return problems
}

function classifierProblems(metadata: CoreMetadata, rules: MetadataRules): readonly MetadataProblem[] {
  return [...new Set(metadata.classifiers)]
    .filter((classifier) =>
      classifier.startsWith('Private ::')
        ? !rules.privateClassifiers
        : rules.knownClassifiers?.has(classifier) === false,
    )
    .sort()
    .map((classifier) => ({ field: 'classifier', message: `${excerpt(classifier)} is not a valid classifier.` }))
}

function urlProblems(metadata: CoreMetadata): readonly MetadataProblem[] {
  const problems: MetadataProblem[] = []
  for (const [field, value] of [
    ['download-url', metadata.downloadUrl],
    ['home-page', metadata.homePage],
  ] as const) {
    if (value !== undefined && !isWebUrl(value))
      problems.push({ field, message: `${excerpt(value)} is not a valid url.` })
  }
  const labels = new Set<string>()
  for (const value of metadata.projectUrls) {
    const { label, url } = splitProjectUrl(value)
    const message = labels.has(label) ? "'project_urls' has invalid data" : projectUrlProblem(label, url)
    if (message !== undefined) problems.push({ field: 'project-url', message })
    labels.add(label)
  }
  return problems
}

function projectUrlProblem(label: string, url: string): string | undefined {
  if (label === '') return 'Must have a label'
  if (label.length > MAX_URL_LABEL_LENGTH)
    return `${excerpt(label)} must be ${MAX_URL_LABEL_LENGTH} characters or less.`
  if (url === '') return 'Must have a URL'
  return isWebUrl(url) ? undefined : `${excerpt(url)} is not a valid url`
}

function dependencyProblems(metadata: CoreMetadata): readonly MetadataProblem[] {
  const problems: MetadataProblem[] = []
  for (const [field, values] of [
    ['requires-dist', metadata.requiresDist],
    ['provides-dist', metadata.providesDist],
    ['obsoletes-dist', metadata.obsoletesDist],
  ] as const) {
    for (const value of values) {
      const requirement = attempt((): Requirement => parseRequirement(value))
      if (requirement === undefined) problems.push(invalidFor(field, value))
      else if (requirement.url !== undefined)
        problems.push({ field, message: `Can't have direct dependency: ${excerpt(value)}` })
    }
  }
  const python = metadata.requiresPython
  // Without a clause it says nothing, and clients differ in whether they can read a lone comma.
  if (python !== undefined && (attempt(() => parseSpecifierSet(python)) ?? []).length === 0) {
    problems.push(invalidFor('requires-python', python))
  }
  for (const extra of metadata.providesExtra) {
    if (!isValidProjectName(extra)) problems.push(invalidFor('provides-extra', extra))
  }
  return problems
}

function licenseProblems(metadata: CoreMetadata): readonly MetadataProblem[] {
  const problems: MetadataProblem[] = []
  const expression = metadata.licenseExpression
  if (expression !== undefined) {
    if (attempt(() => normalizeLicenseExpression(expression)) === undefined) {
      problems.push(invalidFor('license-expression', expression))
    }
    if (metadata.license !== undefined) {
      const message =
        'License is deprecated when License-Expression is present. Only License-Expression should be present.'
      problems.push({ field: 'license', message })
    }
  }
  return [...problems, ...refusedValues('license-file', metadata.licenseFiles, licenseFileProblem)]
}

function dynamicProblems(metadata: CoreMetadata): readonly MetadataProblem[] {
  const problems: MetadataProblem[] = []
  for (const value of metadata.dynamic) {
    const header = value.toLowerCase()
    const reason = NEVER_DYNAMIC.has(header) ? 'is not allowed as a dynamic field' : 'is not a valid dynamic field'
    if (NEVER_DYNAMIC.has(header) || !HEADERS.has(header)) {
      problems.push({ field: 'dynamic', message: `${excerpt(value)} ${reason}` })
    }
  }
  return problems
}

function refusedValues(
  field: string,
  values: readonly string[],
  problem: (value: string) => string | undefined,
): readonly MetadataProblem[] {
  return values.flatMap((value) => {
    const reason = problem(value)
    return reason === undefined ? [] : [{ field, message: `${invalidFor(field, value).message}, ${reason}` }]
  })
}

function invalidFor(field: string, value: string): MetadataProblem {
  return { field, message: `${excerpt(value)} is invalid for '${field}'` }
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof PackagingError) return undefined
    throw error
  }
}
