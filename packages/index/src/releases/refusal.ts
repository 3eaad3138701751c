/** Why an upload or a change of a release is refused; the page of each is in the catalogue that `http/` serves. */
export type UploadRefusalCode =
  | 'bad-request'
  | 'conflict'
  | 'forbidden'
  | 'name-claim-unverified'
  | 'name-claim-limit'
  | 'name-invalid'
  | 'name-look-alike'
  | 'name-not-registered'
  | 'name-namespace'
  | 'name-not-yours'
  | 'name-prohibited'
  | 'name-reserved'
  | 'name-unclaimed'
  | 'name-upstream'
  | 'not-found'
  | 'request-limit'
  | 'token-scope'
  | 'upload-action-unknown'
  | 'upload-archive-invalid'
  | 'upload-attestations-invalid'
  | 'upload-digest-mismatch'
  | 'upload-entry-points'
  | 'upload-file-exists'
  | 'upload-filename-burned'
  | 'upload-filename-invalid'
  | 'upload-filename-mismatch'
  | 'upload-filetype'
  | 'upload-form-invalid'
  | 'upload-gone'
  | 'upload-identical-content'
  | 'upload-incomplete'
  | 'upload-license-file'
  | 'upload-local-version'
  | 'upload-metadata-invalid'
  | 'upload-metadata-mismatch'
  | 'upload-no-digest'
  | 'upload-no-file'
  | 'upload-part-type'
  | 'upload-platform-tag'
  | 'upload-project-archived'
  | 'upload-project-quarantined'
  | 'upload-project-too-large'
  | 'upload-protocol-version'
  | 'upload-pyversion'
  | 'upload-record-mismatch'
  | 'upload-release-closed'
  | 'upload-second-sdist'
  | 'upload-too-large'
  | 'upstream-unavailable'

/** An expected refusal: a value, never an exception (design.md section 11). `message` is what twine and uv print. */
export interface Refusal {
  readonly kind: 'refused'
  readonly code: UploadRefusalCode
  readonly message: string
}

/** Builds a {@link Refusal}; `message` is one or two sentences: what is wrong, and what to do next where that helps. */
export function refuse(code: UploadRefusalCode, message: string): Refusal {
  return { kind: 'refused', code, message }
}

/** A size for a sentence, in the largest unit that keeps it at or above one: `100 MB`, `1.5 GB` (1 MB is 1024 KB, as twine's users know it). */
export function readableSize(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${Number(value.toFixed(1))} ${units[unit]}`
}
