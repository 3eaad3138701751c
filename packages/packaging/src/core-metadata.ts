import { METADATA_FIELDS } from './core-metadata-fields.ts'
import type { MetadataField, MultipleField, SingleField } from './core-metadata-fields.ts'
import { parseEmailHeaders } from './email-headers.ts'
import type { EmailHeader } from './email-headers.ts'
import { PackagingError } from './error.ts'
import { excerpt } from './excerpt.ts'
import { MAX_METADATA_BYTES, MAX_METADATA_VALUES } from './limits.ts'

/**
 * Core metadata as written, nothing normalised: the strings of a file or of an upload form. `keywords` is one comma-separated
 * string, a project URL is `Label, URL`. The three required fields are empty strings when absent; judging is
 * `validateCoreMetadata`'s business.
 */
export type CoreMetadata = { readonly [Field in 'metadataVersion' | 'name' | 'version']: string } & {
  readonly [Field in Exclude<SingleField, 'metadataVersion' | 'name' | 'version'>]?: string
} & { readonly [Field in MultipleField]: readonly string[] }

const FIELD_BY_HEADER: ReadonlyMap<string, MetadataField> = new Map(
  METADATA_FIELDS.map((field) => [field.header, field]),
)
const FIELD_BY_FORM_NAME: ReadonlyMap<string, MetadataField> = new Map(
  METADATA_FIELDS.flatMap((field) => field.form.map((name) => [name, field] as const)),
)
// Tab and the line ends are dealt with apart.
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/
const TRANSPARENT_ENCODING = /^(?:7bit|8bit|binary)$/i

/**
 * Reads METADATA or PKG-INFO. The description comes from the body, or from its header in older files. Unknown headers
 * are ignored, and so is `UNKNOWN` as the value of a single-use field.
 * @throws PackagingError `limit-exceeded` above {@link MAX_METADATA_BYTES} or {@link MAX_METADATA_VALUES} (attacks.md MD-HUGE);
 *   `metadata-invalid` for what readers could understand differently (attacks.md MD-INJ): not UTF-8, a single-use field twice, a
 *   folded field that has one line, control characters, headers that are cut off, MIME, encoded words where a value decides what
 *   is installed, a dependency that is empty
 */
export function parseCoreMetadata(bytes: Uint8Array): CoreMetadata {
  if (bytes.length > MAX_METADATA_BYTES) {
    throw new PackagingError('limit-exceeded', `The metadata is larger than ${MAX_METADATA_BYTES} bytes.`)
  }
  const { headers, body, defects } = parseEmailHeaders(bytes)
  if (headers.length > MAX_METADATA_VALUES) {
    throw new PackagingError('limit-exceeded', `The metadata has more than ${MAX_METADATA_VALUES} headers.`)
  }
  const [defect] = defects
  if (defect !== undefined) throw invalid(`The headers of the metadata are malformed: ${defect.replaceAll('-', ' ')}.`)
  if (body.includes('\0')) throw invalid('The description holds a NUL character.')

  const values = new Map<MetadataField, string[]>()
  for (const header of headers) {
    refuseMime(header)
    const field = FIELD_BY_HEADER.get(header.name.toLowerCase())
    if (field === undefined) continue
    refuseUnsafeValue(header, field)
    // distutils wrote it for a missing value. In a repeatable field it is a value like any other: pip would install `UNKNOWN`.
    if (field.multiple || header.value.trim() !== 'UNKNOWN') append(values, field, header.value)
  }
  const description = FIELD_BY_HEADER.get('description')
  if (body !== '' && description !== undefined) append(values, description, body)
  return build(values)
}

/**
 * The metadata in the fields of an upload form (behaviour.md 1.3), keyed by form name; other fields are ignored. Names match in
 * any case and in every spelling that clients send; a single empty string counts as absent, the value `UNKNOWN` is dropped, a NUL
 * becomes the four characters `\x00` (behaviour.md 1.4 A).
 * @throws PackagingError `metadata-invalid` when a single-use field is given twice; `limit-exceeded`
 */
export function coreMetadataFromForm(fields: ReadonlyMap<string, readonly string[]>): CoreMetadata {
  const values = new Map<MetadataField, string[]>()
  let count = 0
  for (const [name, given] of fields) {
    const field = FIELD_BY_FORM_NAME.get(name.toLowerCase())
    if (field === undefined) continue
    count += given.length
    if (count > MAX_METADATA_VALUES) {
      throw new PackagingError('limit-exceeded', `The form has more than ${MAX_METADATA_VALUES} metadata values.`)
    }
    for (const value of given) {
      if (value.trim() !== 'UNKNOWN') append(values, field, value.replaceAll('\0', String.raw`\x00`))
    }
  }
  return build(values)
}

function build(values: ReadonlyMap<MetadataField, readonly string[]>): CoreMetadata {
  const singles: { [Field in SingleField]?: string } = {}
  const multiples = Object.fromEntries(
    METADATA_FIELDS.filter((field) => field.multiple).map((field) => [field.key, []]),
  ) as unknown as { [Field in MultipleField]: readonly string[] }
  for (const [field, given] of values) {
    if (given.every((value) => value === '')) continue
    if (field.multiple) {
      multiples[field.key] = given
    } else {
      if (given.length > 1) throw invalid(`The metadata gives ${field.header} more than once.`)
      singles[field.key] = given[0] ?? ''
    }
  }
  return { metadataVersion: '', name: '', version: '', ...singles, ...multiples }
}

function append(values: Map<MetadataField, string[]>, field: MetadataField, value: string): void {
  const given = values.get(field)
  if (given === undefined) values.set(field, [value])
  else given.push(value)
}

function refuseUnsafeValue({ name, value }: EmailHeader, field: MetadataField): void {
  if (CONTROL.test(value)) throw invalid(`The metadata field ${excerpt(name)} holds a control character.`)
  if (!field.multiline && /[\r\n]/.test(value))
    throw invalid(`The metadata field ${excerpt(name)} spans several lines.`)
  // RFC 2047: pip takes it as it stands, other readers decode it.
  const encoded = field.multiline ? -1 : value.indexOf('=?')
  if (encoded !== -1 && value.includes('?=', encoded + 2))
    throw invalid(`The metadata field ${excerpt(name)} holds an encoded word.`)
  // pip fails at it. An empty Import-Name has a meaning (PEP 794), and other empty fields have none for an installer.
  if (field.key === 'requiresDist' && value.trim() === '')
    throw invalid(`The metadata field ${excerpt(name)} is empty.`)
}

// Python decodes the body by Content-Transfer-Encoding and takes it apart by Content-Type, so what it sees is not what stands here.
function refuseMime({ name, value }: EmailHeader): void {
  const header = name.toLowerCase()
  const container = header === 'content-type' && /^\s*(?:multipart|message)\b/i.test(value)
  const encoded = header === 'content-transfer-encoding' && !TRANSPARENT_ENCODING.test(value.trim())
  if (container || encoded) throw invalid(`The metadata has the MIME header ${excerpt(name)}.`)
}

function invalid(message: string): PackagingError {
  return new PackagingError('metadata-invalid', message)
}
