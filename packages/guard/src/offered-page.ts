import { findSimpleFile, parseSimpleJson, renderSimpleHtml } from '@waxseal/packaging'
import type { SimpleFile } from '@waxseal/packaging'
import type { OfferedFile } from './page-rules.ts'
import type { VerifiedFile, VerifiedPage, WithheldFile } from './verified-page.ts'

export interface OfferedPageParts {
  readonly project: string
  /** As programs get it, written by `rewriteSimpleJson`: signed, allowed, with links of our own. */
  readonly json: Uint8Array
  readonly snapshot: number
  readonly issued: number
  readonly sealed: boolean
  readonly withheld: readonly WithheldFile[]
  /** How far a file of the page is vouched for; looked up when somebody wants to know. */
  readonly trustOf: (file: { readonly filename: string; readonly sha256: string }) => Omit<OfferedFile, 'file'>
}

/** A page that is handed on, and what stands behind each of its files. */
export class OfferedPage {
  readonly #parts: OfferedPageParts

  constructor(parts: OfferedPageParts) {
    this.#parts = parts
  }

  get snapshot(): number {
    return this.#parts.snapshot
  }

  get json(): Uint8Array {
    return this.#parts.json
  }

  get html(): string {
    return renderSimpleHtml(parseSimpleJson(this.#parts.json))
  }

  find(filename: string): OfferedFile | undefined {
    const file = findSimpleFile(this.#parts.json, filename)
    return file?.sha256 === undefined ? undefined : this.#offered({ ...file, sha256: file.sha256 })
  }

  get allWithheld(): readonly WithheldFile[] {
    return this.#parts.withheld
  }

  withheld(filename: string): WithheldFile | undefined {
    return this.#parts.withheld.find((file) => file.filename === filename)
  }

  /** All of it, for those who explain and compare. */
  verified(): VerifiedPage {
    const { project, snapshot, issued, sealed, withheld } = this.#parts
    const { files, status } = parseSimpleJson(this.#parts.json)
    return {
      project,
      snapshot,
      issued,
      status: status?.status ?? 'active',
      ...(status?.reason === undefined ? {} : { statusReason: status.reason }),
      sealed,
      files: files.flatMap((file) =>
        file.sha256 === undefined ? [] : [verifiedFile(this.#offered({ ...file, sha256: file.sha256 }))],
      ),
      withheld,
    }
  }

  #offered(file: SimpleFile & { readonly sha256: string }): OfferedFile {
    return { file, ...this.#parts.trustOf(file) }
  }
}

function verifiedFile({ file, trust, since }: OfferedFile): VerifiedFile {
  const { filename, sha256, size, yanked, coreMetadata } = file
  return {
    filename,
    sha256,
    ...(size === undefined ? {} : { size }),
    yanked,
    trust,
    ...(since === undefined ? {} : { pinnedSince: new Date(since * 1000).toISOString() }),
    ...(typeof coreMetadata === 'object' ? { metadataSha256: coreMetadata.sha256 } : {}),
  }
}
