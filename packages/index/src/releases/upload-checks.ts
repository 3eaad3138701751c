import {
  PackagingError,
  canonicalVersionKey,
  coreMetadataFromForm,
  formatVersion,
  hasLocal,
  isValidProjectName,
  normalizeProjectName,
  parseVersion,
  tryParseVersion,
  validateCoreMetadata,
} from '@waxseal/packaging'
import type { CoreMetadata, Version } from '@waxseal/packaging'
import { refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { fieldValue, sanitizeFields } from './upload-fields.ts'
import type { UploadFields } from './upload-fields.ts'

/** What the administrator configured about uploads. */
export interface UploadPolicy {
  /** Bytes of one file. */
  readonly maxFileSize: number
  /** Bytes of all files of one project. */
  readonly maxProjectSize: number
  /** `linux_*` platform tags are fine: wheels built in-house carry them. */
  readonly linuxTags: boolean
  /** Local version labels are fine, except those that begin with `virtual`. */
  readonly localVersions: boolean
  /** `Private ::` classifiers are fine. */
  readonly privateClassifiers: boolean
  /** Days after which a release takes no further files (attacks.md UPS-OPEN); PyPI's value is 14. Unset: never. */
  readonly releaseWindowDays?: number
}

/** The digests that the client sent, lower-case hex; at least one. */
export interface SentDigests {
  readonly sha256?: string
  readonly blake2b?: string
  readonly md5?: string
}

/** A form that passed every check that needs nothing but the form. */
export interface UploadRequest {
  /** Normal form. */
  readonly project: string
  /** As this upload spells it. */
  readonly displayName: string
  readonly version: Version
  /** {@link canonicalVersionKey}: which release it is. */
  readonly versionKey: string
  readonly kind: 'wheel' | 'sdist'
  readonly filename: string
  readonly pythonVersion: string
  readonly digests: SentDigests
  readonly comment?: string
  /** The JSON text of the field, unchecked. */
  readonly attestations?: string
  readonly metadata: CoreMetadata
}

/**
 * The checks of behaviour.md 1.4 C to F, in PyPI's order and with its sentences: protocol, identification, core metadata, the presence of a
 * file. `action` is the query's `:action`, for clients that do not send it as a field.
 */
export function checkUploadForm(
  rawFields: ReadonlyMap<string, readonly string[]>,
  file: { readonly filename: string } | undefined,
  policy: UploadPolicy,
  action?: string,
): { readonly kind: 'ok'; readonly upload: UploadRequest } | Refusal {
  const fields = sanitizeFields(rawFields)
  if ('kind' in fields) return fields
  const refusal =
    checkAction(fieldValue(fields, ':action') ?? action) ?? checkProtocol(fields) ?? checkIdentification(fields)
  if (refusal !== undefined) return refusal

  const metadata = readMetadata(fields)
  if ('kind' in metadata) return metadata
  const metadataRefusal = checkMetadata(metadata, policy)
  if (metadataRefusal !== undefined) return metadataRefusal
  if (file === undefined || file.filename === '')
    return refuse('upload-no-file', 'Upload payload does not have a file.')

  const displayName = fieldValue(fields, 'name') ?? ''
  const version = parseVersion(fieldValue(fields, 'version') ?? '')
  const kind = fieldValue(fields, 'filetype') === 'sdist' ? 'sdist' : 'wheel'
  const comment = fieldValue(fields, 'comment')
  const attestations = fieldValue(fields, 'attestations')
  return {
    kind: 'ok',
    upload: {
      project: normalizeProjectName(displayName),
      displayName,
      version,
      versionKey: canonicalVersionKey(version),
      kind,
      filename: file.filename,
      pythonVersion: fieldValue(fields, 'pyversion') ?? 'source',
      digests: sentDigests(fields),
      metadata,
      ...(comment !== undefined && { comment }),
      ...(attestations !== undefined && { attestations }),
    },
  }
}

function checkAction(action: string | undefined): Refusal | undefined {
  switch (action) {
    case 'file_upload':
      return undefined
    case 'submit':
    case 'submit_pkg_info':
      return refuse(
        'upload-gone',
        'Project pre-registration is no longer required or supported, upload your files instead.',
      )
    case 'doc_upload':
      return refuse(
        'upload-gone',
        'Uploading documentation is no longer supported, we recommend using https://readthedocs.org/.',
      )
    default:
      return refuse(
        'upload-action-unknown',
        "The field ':action' has to be 'file_upload': this is the URL for uploads.",
      )
  }
}

function checkProtocol(fields: UploadFields): Refusal | undefined {
  if ((fieldValue(fields, 'protocol_version') ?? '1') === '1') return undefined
  return refuse('upload-protocol-version', 'Unknown protocol version.')
}

// `name` first, then by the alphabet, then what concerns several fields: the order in which PyPI reports (behaviour.md 1.4 D).
function checkIdentification(fields: UploadFields): Refusal | undefined {
  const name = fieldValue(fields, 'name')
  if (name === undefined) return refuseName('', 'This field is required.')
  if (!isValidProjectName(name)) {
    return refuseName(
      name,
      "Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'.",
    )
  }
  if (!isDigest(fieldValue(fields, 'blake2_256_digest'))) {
    return refuseField('upload-form-invalid', 'blake2_256_digest', 'Use a valid, hex-encoded, BLAKE2 message digest.')
  }
  const filetype = fieldValue(fields, 'filetype')
  if (filetype === undefined) return refuseField('upload-filetype', 'filetype', 'This field is required.')
  if (filetype !== 'sdist' && filetype !== 'bdist_wheel') {
    return refuseField('upload-filetype', 'filetype', 'Use a known file type.')
  }
  if (!isDigest(fieldValue(fields, 'sha256_digest'))) {
    return refuseField('upload-form-invalid', 'sha256_digest', 'Use a valid, hex-encoded, SHA256 message digest.')
  }
  const pyversion = fieldValue(fields, 'pyversion')
  if (filetype === 'bdist_wheel' && pyversion === undefined) {
    return refuse('upload-pyversion', 'Error: Python version is required for binary distribution uploads.')
  }
  if (filetype === 'sdist' && pyversion !== undefined && pyversion !== 'source') {
    return refuse('upload-pyversion', "Error: Use 'source' as Python version for an sdist.")
  }
  if (!DIGEST_FIELDS.some((field) => fields.has(field))) {
    return refuse('upload-no-digest', 'Error: Include at least one message digest.')
  }
  return undefined
}

function readMetadata(fields: UploadFields): CoreMetadata | Refusal {
  try {
    return coreMetadataFromForm(fields)
  } catch (error) {
    if (!(error instanceof PackagingError)) throw error
    return refuse('upload-metadata-invalid', withSource(error.message))
  }
}

/**
 * The rules of core metadata, and the one label that no upload may carry; for the form and for the file alike. Of a file only the fields in
 * `decisive` count: build tools write others in ways that uploaders repair (License-File before 2.4, say), and nothing follows from them.
 */
export function checkMetadata(
  metadata: CoreMetadata,
  policy: UploadPolicy,
  decisive?: ReadonlySet<string>,
): Refusal | undefined {
  const problem = validateCoreMetadata(metadata, {
    privateClassifiers: policy.privateClassifiers,
    allowLocalVersion: policy.localVersions,
  }).find(({ field }) => decisive?.has(field) ?? true)
  const version = tryParseVersion(metadata.version)
  if (problem !== undefined || version === undefined) {
    const isLocal = problem?.field === 'version' && version !== undefined && hasLocal(version)
    const message = withSource(problem?.message ?? 'The version is not valid.')
    return refuse(isLocal ? 'upload-local-version' : 'upload-metadata-invalid', message)
  }
  const [label] = version.local
  // The label of transitional wheels, which only this index writes (attacks.md PE-11).
  if (typeof label === 'string' && label.startsWith('virtual')) {
    return refuse(
      'upload-local-version',
      `The local version label in '${formatVersion(version)}' is reserved: labels that begin with 'virtual' are not allowed.`,
    )
  }
  return undefined
}

const DIGEST_FIELDS = ['blake2_256_digest', 'md5_digest', 'sha256_digest'] as const
const CORE_METADATA = 'https://packaging.python.org/specifications/core-metadata'
const DIGEST = /^[0-9a-f]{64}$/i

function isDigest(digest: string | undefined): boolean {
  return digest === undefined || DIGEST.test(digest)
}

function sentDigests(fields: UploadFields): SentDigests {
  const [blake2b, md5, sha256] = DIGEST_FIELDS.map((field) => fieldValue(fields, field)?.toLowerCase())
  return {
    ...(sha256 !== undefined && { sha256 }),
    ...(blake2b !== undefined && { blake2b }),
    ...(md5 !== undefined && { md5 }),
  }
}

function refuseName(value: string, reason: string): Refusal {
  const shown = value.length > 60 ? `${value.slice(0, 30)}...${value.slice(-30)}` : value
  return refuse(
    'name-invalid',
    `'${shown}' is an invalid value for Name. Error: ${reason} See ${CORE_METADATA} for more information.`,
  )
}

function refuseField(code: 'upload-form-invalid' | 'upload-filetype', field: string, reason: string): Refusal {
  return refuse(code, `Invalid value for ${field}. Error: ${reason}`)
}

function withSource(message: string): string {
  return `${message.endsWith('.') ? message : `${message}.`} See ${CORE_METADATA} for more information.`
}
