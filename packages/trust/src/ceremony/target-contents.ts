import { hash } from 'node:crypto'
import { wireJson } from '../canonical-json.ts'
import type { JsonValue } from '../json.ts'
import { MAX_TARGET_CONTENT } from '../limits.ts'
import type { TargetFile, Targets } from '../metadata.ts'
import { invalid } from './ceremony-invalid.ts'
import type { CeremonyRequest } from './ceremony-request.ts'

/** What stands in targets of a request, by its sha256: whoever signs has no network to look it up by. */
export type TargetContents = ReadonlyMap<string, Uint8Array>

/**
 * Reads what a request says that stands in targets. Each text is that of a target by its hash and length: nothing can be shown for
 * what it is not.
 * @throws TrustError `ceremony-invalid` for one that nobody in the request lists
 */
export function readContents(values: readonly JsonValue[], roles: Iterable<Targets | undefined>): TargetContents {
  const lengths = new Map<string, Set<number>>()
  for (const role of roles) {
    for (const { hashes, length } of role?.targets.values() ?? []) {
      const sha256 = hashes.get('sha256')
      if (sha256 !== undefined) lengths.set(sha256, (lengths.get(sha256) ?? new Set()).add(length))
    }
  }
  const contents = new Map<string, Uint8Array>()
  for (const value of values) {
    if (typeof value !== 'string') throw invalid('what stands in a target is no text')
    const bytes = Buffer.from(value)
    if (bytes.length > MAX_TARGET_CONTENT) throw invalid(`a target has more than ${MAX_TARGET_CONTENT} bytes`)
    const sha256 = hash('sha256', bytes)
    if (lengths.get(sha256)?.has(bytes.length) !== true) {
      throw invalid(`a text in it, with the sha256 ${sha256}, is that of no target that it lists`)
    }
    if (contents.has(sha256)) throw invalid(`it has the text with the sha256 ${sha256} twice`)
    contents.set(sha256, bytes)
  }
  return contents
}

/** Each content once, as texts. One that is no text comes back as another, and is refused for its hash. */
export function textsOf(contents: readonly Uint8Array[]): readonly string[] {
  return [...new Set(contents.map((bytes) => Buffer.from(bytes).toString()))]
}

/** A target as a role lists it, or listed it before. */
export interface ListedTarget {
  readonly file: TargetFile
  /** What stands in it; `undefined` where the request does not have it. */
  readonly content: Uint8Array | undefined
}

/** A target that a request changes. */
export interface TargetDifference {
  readonly role: string
  readonly path: string
  /** `undefined` where it is listed no more. */
  readonly after: ListedTarget | undefined
  /** `undefined` where it is new. */
  readonly before: ListedTarget | undefined
}

/** The targets that a request changes, of each role those that it lists in their order, and then those that it lists no more. */
export function targetDifferences(request: Pick<CeremonyRequest, 'documents' | 'contents'>): TargetDifference[] {
  return request.documents.flatMap((document) => {
    if (document.kind === 'root') return []
    const { role, signed, before } = document
    const listed = (file: TargetFile | undefined): ListedTarget | undefined =>
      file && { file, content: contentOf(request.contents, file) }
    const gone = [...(before?.targets.keys() ?? [])].filter((path) => !signed.targets.has(path))
    return [...signed.targets.keys(), ...gone].flatMap((path) => {
      const [after, old] = [signed.targets.get(path), before?.targets.get(path)]
      if (after !== undefined && old !== undefined && isSame(after, old)) return []
      return [{ role, path, after: listed(after), before: listed(old) }]
    })
  })
}

function isSame(one: TargetFile, other: TargetFile): boolean {
  return wireJson({ ...one }) === wireJson({ ...other })
}

function contentOf(contents: TargetContents, { hashes, length }: TargetFile): Uint8Array | undefined {
  const bytes = contents.get(hashes.get('sha256') ?? '')
  return bytes?.length === length ? bytes : undefined
}
