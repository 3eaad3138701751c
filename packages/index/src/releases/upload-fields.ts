import { withoutControlCharacters } from '@waxseal/packaging'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** Form fields after {@link sanitizeFields}: lower-case names, aliases resolved, nothing empty. */
export type UploadFields = ReadonlyMap<string, readonly string[]>

// What clients send under another name than PyPI's (behaviour.md 1.3).
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['import_names', 'import_name'],
  ['import_namespaces', 'import_namespace'],
  ['license_files', 'license_file'],
  ['platforms', 'platform'],
  ['provides_extras', 'provides_extra'],
  ['supported_platforms', 'supported_platform'],
])

/** Fields that say what is uploaded: two different values would let two readers see two uploads (attacks.md MD-INJ). */
const SINGLE_FIELDS: readonly string[] = [
  ':action',
  'attestations',
  'blake2_256_digest',
  'filetype',
  'md5_digest',
  'metadata_version',
  'name',
  'protocol_version',
  'pyversion',
  'requires_python',
  'sha256_digest',
  'version',
]

/** Fields that are kept and shown as they were sent, and have no rule of their own. */
const LINE_FIELDS: ReadonlySet<string> = new Set(['comment', 'pyversion'])

/**
 * Brings fields into one form (behaviour.md 1.3 and 1.4 A): the value `UNKNOWN` and empty values count as absent, NUL is spelt out, aliases
 * get their proper name, a comment becomes one line (attacks.md LOG). Refuses a field with one value that was sent with several.
 */
export function sanitizeFields(fields: ReadonlyMap<string, readonly string[]>): UploadFields | Refusal {
  const sanitized = new Map<string, string[]>()
  for (const [rawName, rawValues] of fields) {
    const lowerCase = rawName.toLowerCase()
    const name = ALIASES.get(lowerCase) ?? lowerCase
    const values = rawValues
      .map((value) => value.replaceAll('\0', String.raw`\x00`))
      .map((value) => (LINE_FIELDS.has(name) ? withoutControlCharacters(value) : value))
      .filter((value) => value !== '' && value.trim() !== 'UNKNOWN')
    if (values.length > 0) sanitized.set(name, [...(sanitized.get(name) ?? []), ...values])
  }
  for (const name of SINGLE_FIELDS) {
    if (new Set(sanitized.get(name)).size > 1)
      return refuse('upload-form-invalid', `The field '${name}' was sent more than once.`)
  }
  return sanitized
}

/** The only value of a field, or `undefined`. */
export function fieldValue(fields: UploadFields, name: string): string | undefined {
  return fields.get(name)?.[0]
}
