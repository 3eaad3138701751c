import type { CoreMetadata } from './core-metadata.ts'
import { PackagingError } from './error.ts'
import { normalizeExtra, normalizeProjectName } from './project-name.ts'
import { formatRequirement, parseRequirement } from './requirement.ts'
import { normalizeLicenseExpression } from './spdx.ts'
import { formatSpecifierSet, parseSpecifierSet } from './specifier.ts'
import { canonicalVersionKey, parseVersion } from './version.ts'

type Normalize = (value: string) => string

interface ComparedField {
  readonly header: string
  readonly values: (metadata: CoreMetadata) => readonly string[]
  readonly normalize: Normalize
  /** Whether a form that leaves the field out disagrees with a file that has it. */
  readonly required: boolean
}

const requirement: Normalize = (value) => formatRequirement(parseRequirement(value))
const specifier: Normalize = (value) => formatSpecifierSet(parseSpecifierSet(value))

// Required are the fields by which a resolver decides. Older clients do not send every other one (behaviour.md 1.3).
const COMPARED: readonly ComparedField[] = [
  field('name', (metadata) => [metadata.name], normalizeProjectName, true),
  field(
    'version',
    (metadata) => [metadata.version],
    (value) => canonicalVersionKey(parseVersion(value)),
    true,
  ),
  field('requires-python', (metadata) => optional(metadata.requiresPython), specifier, true),
  field('requires-dist', (metadata) => metadata.requiresDist, requirement, true),
  field('provides-extra', (metadata) => metadata.providesExtra, normalizeExtra, true),
  field('provides-dist', (metadata) => metadata.providesDist, requirement, false),
  field('obsoletes-dist', (metadata) => metadata.obsoletesDist, requirement, false),
  field('requires-external', (metadata) => metadata.requiresExternal, asWritten, false),
  field('requires', (metadata) => metadata.requires, asWritten, false),
  field('provides', (metadata) => metadata.provides, asWritten, false),
  field('obsoletes', (metadata) => metadata.obsoletes, asWritten, false),
  field('license-expression', (metadata) => optional(metadata.licenseExpression), normalizeLicenseExpression, false),
  field('classifier', (metadata) => metadata.classifiers, asWritten, false),
  field('import-name', (metadata) => metadata.importNames, asWritten, false),
  field('import-namespace', (metadata) => metadata.importNamespaces, asWritten, false),
]

/**
 * The fields, by header name, in which an upload form disagrees with the metadata inside the file. Formatting, order and
 * repetition make no difference. Texts for people (summary, description, authors, URLs) are not compared: clients
 * reformat them, and nothing is decided by them.
 */
export function compareMetadata(form: CoreMetadata, file: CoreMetadata): readonly string[] {
  return COMPARED.filter(({ values, normalize, required }) => {
    const [inForm, inFile] = [normalizeAll(values(form), normalize), normalizeAll(values(file), normalize)]
    if (!required && inForm.length === 0) return false
    return inForm.length !== inFile.length || inForm.some((value, i) => value !== inFile[i])
  }).map(({ header }) => header)
}

function normalizeAll(values: readonly string[], normalize: Normalize): readonly string[] {
  return [...new Set(values.map((value) => normalizeOrKeep(value, normalize)))].sort()
}

// A value that breaks its own rules is reported by validateCoreMetadata; here it only has to be the same on both sides.
function normalizeOrKeep(value: string, normalize: Normalize): string {
  try {
    return normalize(value)
  } catch (error) {
    if (error instanceof PackagingError) return asWritten(value)
    throw error
  }
}

function asWritten(value: string): string {
  return value.trim().replaceAll(/\s+/g, ' ')
}

function optional(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value]
}

function field(
  header: string,
  values: (metadata: CoreMetadata) => readonly string[],
  normalize: Normalize,
  required: boolean,
): ComparedField {
  return { header, values, normalize, required }
}
