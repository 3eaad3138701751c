import { timingSafeEqual } from 'node:crypto'
import { compareMetadata, formatVersion, parseVersion } from '@waxseal/packaging'
import type { CoreMetadata } from '@waxseal/packaging'
import { readableSize, refuse } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { checkMetadata } from './upload-checks.ts'
import type { SentDigests, UploadPolicy, UploadRequest } from './upload-checks.ts'
import type { UploadedFile } from './upload-form.ts'

/** The part's content type and size (behaviour.md 1.4 N and O). */
export function checkPayload(project: string, file: UploadedFile, policy: UploadPolicy): Refusal | undefined {
  if (/^(?:image|multipart)\//i.test(file.contentType)) {
    return refuse('upload-part-type', 'Invalid distribution file.')
  }
  if (file.spooled.size <= policy.maxFileSize) return undefined
  return refuse(
    'upload-too-large',
    `File too large. Limit for project '${project}' is ${readableSize(policy.maxFileSize)}.`,
  )
}

/** Every digest that was sent is that of the bytes that came (behaviour.md 1.4 P). */
export function checkDigests(
  sent: SentDigests,
  computed: { readonly sha256: string; readonly blake2b: string; readonly md5: string },
): Refusal | undefined {
  const equal =
    isSameDigest(sent.sha256, computed.sha256) &&
    isSameDigest(sent.blake2b, computed.blake2b) &&
    isSameDigest(sent.md5, computed.md5)
  if (equal) return undefined
  return refuse(
    'upload-digest-mismatch',
    'The digest supplied does not match a digest calculated from the uploaded file.',
  )
}

/** What installers and resolvers decide by. */
const DECISIVE: ReadonlySet<string> = new Set([
  'metadata-version',
  'name',
  'obsoletes-dist',
  'provides-dist',
  'provides-extra',
  'requires-dist',
  'requires-python',
  'version',
])

/**
 * The file's own metadata is valid and says what the form says, so that everybody who reads either reads the same (attacks.md EXD-3,
 * WSI-2). What nothing is installed by may differ, because clients differ in what they send (flit adds Provides, Poetry 1 leaves
 * Provides-Extra out); it is taken from the file in any case.
 */
export function checkFileMetadata(
  upload: UploadRequest,
  file: CoreMetadata,
  policy: UploadPolicy,
): Refusal | undefined {
  const refusal = checkMetadata(file, policy, DECISIVE)
  if (refusal !== undefined) {
    return { ...refusal, message: `Invalid distribution file. The metadata in it is not valid: ${refusal.message}` }
  }
  const differences = compareMetadata(upload.metadata, file).filter(
    (header) => DECISIVE.has(header) && !(header === 'provides-extra' && upload.metadata.providesExtra.length === 0),
  )
  if (differences.length > 0) {
    return refuse(
      'upload-metadata-mismatch',
      `Invalid distribution file. The metadata in the file and the upload form disagree about: ${differences.join(', ')}.`,
    )
  }
  // Equal is not enough: the file name has this spelling too (attacks.md FN-AMB).
  const [wanted, found] = [formatVersion(upload.version), formatVersion(parseVersion(file.version))]
  if (wanted === found) return undefined
  return refuse(
    'upload-metadata-mismatch',
    `Invalid distribution file. The version in its metadata should be '${wanted}' not '${found}'.`,
  )
}

function isSameDigest(sent: string | undefined, computed: string): boolean {
  if (sent === undefined) return true
  return (
    sent.length === computed.length && timingSafeEqual(Buffer.from(sent, 'latin1'), Buffer.from(computed, 'latin1'))
  )
}
