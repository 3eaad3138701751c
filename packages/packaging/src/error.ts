/** What kind of input was refused. Closed: a new kind is added here and to docs/errors.md. */
export type PackagingErrorCode =
  | 'archive-invalid'
  | 'filename-invalid'
  | 'limit-exceeded'
  | 'metadata-invalid'
  | 'name-invalid'
  | 'requirement-invalid'
  | 'simple-page-invalid'
  | 'specifier-invalid'
  | 'version-invalid'

/**
 * The one error of this package: the input breaks a rule of a Python packaging format.
 * `message` is one sentence for people; it never holds more than a bounded excerpt of the input.
 */
export class PackagingError extends Error {
  override readonly name = 'PackagingError'
  readonly code: PackagingErrorCode

  constructor(code: PackagingErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
