import { hash } from 'node:crypto'
import { canonicalJson, wireJson } from '../canonical-json.ts'
import { DocumentReader } from '../document-reader.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import {
  MAX_CEREMONY_CONTENTS,
  MAX_CEREMONY_DOCUMENTS,
  MAX_CEREMONY_REQUEST,
  MAX_ROLE_NAME,
  MAX_SIGNED_FILE,
} from '../limits.ts'
import type { Metadata, Root, Targets } from '../metadata.ts'
import { parseJson } from '../parse-json.ts'
import { readMetadata } from '../read-metadata.ts'
import { delegatedTrust, topTrust } from '../repository/repository-state.ts'
import { checkRoleName } from '../repository/role-name.ts'
import { checkWritablePath } from '../target-path.ts'
import type { RoleTrust } from '../threshold.ts'
import { verifyThreshold } from '../threshold.ts'
import { invalid } from './ceremony-invalid.ts'
import { checkDescribable } from './describable.ts'
import type { TargetContents } from './target-contents.ts'
import { readContents, textsOf } from './target-contents.ts'

const FORMAT = 'waxseal-ceremony-1'
/** Has what stands in targets, too: what knows the first alone would have it signed without showing it. */
const FORMAT_WITH_CONTENTS = 'waxseal-ceremony-2'

/** Keys of which a threshold has to sign a document. */
export interface SigningGroup {
  /** `root, by its old keys`. */
  readonly words: string
  readonly trust: RoleTrust
}

interface DocumentCommon {
  readonly role: string
  readonly document: JsonObject
  readonly signedBytes: Uint8Array
  /** All of them have to be met. */
  readonly groups: readonly SigningGroup[]
}

/** A document to be signed. */
export type CeremonyDocument = DocumentCommon &
  (
    | { readonly kind: 'root'; readonly signed: Root; readonly before: Root | undefined }
    | {
        readonly kind: 'targets'
        readonly signed: Targets
        readonly before: Targets | undefined
        readonly delegator: string | undefined
      }
  )

/** What is carried to those who sign: everything that they have to see is in it, and checked by the keys of the root in it. */
export interface CeremonyRequest {
  readonly bytes: Uint8Array
  /** Of these bytes: partial signatures name it. */
  readonly sha256: string
  /** The root that it starts from; `undefined` where a repository begins. Whoever signs compares it with their own. */
  readonly root: Metadata<Root> | undefined
  /** Files as they are, of roles to be signed and of those that say who signs: each verified. */
  readonly current: ReadonlyMap<string, Metadata<Targets>>
  readonly documents: readonly CeremonyDocument[]
  /** What stands in targets that the documents list, or listed before; as far as whoever made the request put it in. */
  readonly contents: TargetContents
}

/** What a request is written from. */
export interface RequestParts {
  readonly root: Uint8Array | undefined
  /** The current files of the roles to be signed and of those that delegate to them; delegators come first. */
  readonly current: readonly RequestFile[]
  readonly documents: readonly {
    readonly role: string
    readonly delegator: string | undefined
    readonly document: JsonObject
  }[]
  /** What stands in targets that the documents list, or listed before. */
  readonly contents?: readonly Uint8Array[] | undefined
}

export interface RequestFile {
  readonly role: string
  readonly delegator: string | undefined
  readonly bytes: Uint8Array
}

/** Writes a request, and reads it as whoever signs will. @throws TrustError as `readRequest` */
export function writeRequest({ root, current, documents, contents = [] }: RequestParts): CeremonyRequest {
  const bytes = Buffer.from(
    wireJson({
      format: contents.length === 0 ? FORMAT : FORMAT_WITH_CONTENTS,
      root: root && Buffer.from(root).toString(),
      current: current.map(({ role, delegator, bytes }) => ({ role, delegator, file: Buffer.from(bytes).toString() })),
      documents: documents.map(({ role, delegator, document }) => ({ role, delegator, signed: wireJson(document) })),
      contents: contents.length === 0 ? undefined : textsOf(contents),
    }),
  )
  return readRequest(bytes)
}

/**
 * Reads a request and checks it by itself: what it says was before is signed by those who could, versions go up, and nothing
 * is to be signed that `describeRequest` does not put into words; what stands in targets is held against their hashes.
 * @throws TrustError `ceremony-invalid`, or as reading metadata
 */
export function readRequest(bytes: Uint8Array): CeremonyRequest {
  if (bytes.length > MAX_CEREMONY_REQUEST) throw invalid(`it has more than ${MAX_CEREMONY_REQUEST} bytes`)
  const reader = new DocumentReader(parseJson(bytes).value, 'request')
  const format = reader.text('format', 64)
  if (format !== FORMAT && format !== FORMAT_WITH_CONTENTS) {
    throw invalid('the file is no request for a ceremony of this version')
  }
  if (reader.has('contents') !== (format === FORMAT_WITH_CONTENTS)) throw invalid('its format is that of another one')
  const root = reader.has('root') ? readMetadata('root', Buffer.from(reader.text('root', MAX_SIGNED_FILE))) : undefined
  if (root !== undefined) verifyThreshold('The root that it starts from', root, topTrust(root.signed, 'root'))
  const given = reader.list('documents', MAX_CEREMONY_DOCUMENTS).map((value) => readUnsigned(value))
  const roles = new Set(given.map(({ role }) => role))
  if (given.length === 0 || roles.size !== given.length) throw invalid('it has no documents, or one twice')
  const current = readCurrent(reader.list('current', MAX_CEREMONY_DOCUMENTS), root)
  const next = new Map(given.map((one) => [one.role, one]))
  const documents = given.map((one) => completed(one, root, current, next))
  const texts = format === FORMAT ? [] : reader.list('contents', MAX_CEREMONY_CONTENTS)
  const contents = readContents(texts, documents.flatMap(listsOf))
  return { bytes, sha256: hash('sha256', bytes), root, current, documents, contents }
}

type Unsigned = { readonly role: string; readonly delegator: string | undefined } & (
  | { readonly kind: 'root'; readonly metadata: Metadata<Root> }
  | { readonly kind: 'targets'; readonly metadata: Metadata<Targets> }
)

function readUnsigned(value: JsonValue): Unsigned {
  const { role, delegator, reader } = readNamed(value)
  const text = reader.text('signed', MAX_SIGNED_FILE)
  const bytes = Buffer.from(`{"signatures":[],"signed":${text}}`)
  if (role === 'root') {
    const metadata = readMetadata('root', bytes)
    checkDescribable(metadata)
    return { role, delegator, kind: 'root', metadata }
  }
  const metadata = readMetadata('targets', bytes)
  checkDescribable(metadata)
  for (const path of metadata.signed.targets.keys()) checkWritablePath(path, 'target')
  for (const { name, paths } of metadata.signed.delegations?.roles ?? []) {
    checkRoleName(name)
    for (const path of paths ?? []) checkWritablePath(path, 'pattern')
  }
  const prefix = metadata.signed.delegations?.succinct?.namePrefix
  if (prefix !== undefined) checkRoleName(prefix)
  return { role, delegator, kind: 'targets', metadata }
}

/** Each file signed by those who could when it was made: nobody can be shown a change from what never was. */
function readCurrent(
  values: readonly JsonValue[],
  root: Metadata<Root> | undefined,
): ReadonlyMap<string, Metadata<Targets>> {
  const current = new Map<string, Metadata<Targets>>()
  for (const value of values) {
    const { role, delegator, reader } = readNamed(value)
    const metadata = readMetadata('targets', Buffer.from(reader.text('file', MAX_SIGNED_FILE)))
    if (root === undefined || current.has(role)) throw invalid(`it cannot have a current file of ${role}`)
    const trust =
      delegator === undefined
        ? topTrust(root.signed, 'targets')
        : delegatedTrust(current.get(delegator)?.signed.delegations, role)
    if (trust === undefined) throw invalid(`nobody in it delegates to the current ${role}`)
    verifyThreshold(`The current ${role}`, metadata, trust)
    current.set(role, metadata)
  }
  return current
}

function completed(
  one: Unsigned,
  root: Metadata<Root> | undefined,
  current: ReadonlyMap<string, Metadata<Targets>>,
  next: ReadonlyMap<string, Unsigned>,
): CeremonyDocument {
  const { role, delegator } = one
  const { document, signedBytes } = one.metadata
  if (one.kind === 'root') {
    const { signed } = one.metadata
    const before = root?.signed
    if (signed.version !== (before?.version ?? 0) + 1) throw invalid('the version of root is not the next one')
    const groups = [
      ...(before === undefined ? [] : [{ words: 'root, by its old keys', trust: topTrust(before, 'root') }]),
      { words: before === undefined ? 'root' : 'root, by its new keys', trust: topTrust(signed, 'root') },
    ]
    return { role, kind: 'root', signed, before, document, signedBytes, groups }
  }
  const { signed } = one.metadata
  const before = current.get(role)?.signed
  if (before === undefined ? signed.version !== 1 : signed.version <= before.version) {
    throw invalid(`the version of ${role} does not go up, or what was before is missing`)
  }
  const groups = [{ words: role, trust: trustOf(role, delegator, root, current, next) }]
  return { role, kind: 'targets', signed, before, delegator, document, signedBytes, groups }
}

/** Who will have to have signed a role, once all of the ceremony is out. */
function trustOf(
  role: string,
  delegator: string | undefined,
  root: Metadata<Root> | undefined,
  current: ReadonlyMap<string, Metadata<Targets>>,
  next: ReadonlyMap<string, Unsigned>,
): RoleTrust {
  if (delegator === undefined) {
    const newRoot = next.get('root')
    const signed = newRoot?.kind === 'root' ? newRoot.metadata.signed : root?.signed
    if (signed === undefined) throw invalid('it has no root')
    return topTrust(signed, 'targets')
  }
  const above = next.get(delegator)
  const signed = above?.kind === 'targets' ? above.metadata.signed : current.get(delegator)?.signed
  const trust = delegatedTrust(signed?.delegations, role)
  if (trust === undefined) throw invalid(`nobody in it delegates to ${role}`)
  return trust
}

function readNamed(value: JsonValue): {
  readonly role: string
  readonly delegator: string | undefined
  readonly reader: DocumentReader
} {
  if (!isJsonObject(value)) throw invalid('one of its documents is none')
  const reader = new DocumentReader(value, 'request')
  const role = reader.text('role', MAX_ROLE_NAME)
  const top = role === 'root' || role === 'targets'
  if (!top) checkRoleName(role)
  if (reader.has('delegator') === top) throw invalid(`it says the wrong thing about who delegates to ${role}`)
  return { role, delegator: top ? undefined : reader.text('delegator', MAX_ROLE_NAME), reader }
}

function listsOf(document: CeremonyDocument): readonly (Targets | undefined)[] {
  return document.kind === 'targets' ? [document.signed, document.before] : []
}

/** The canonical form of a document, for people who compare by eye or by hash. */
export function documentSha256({ document }: Pick<CeremonyDocument, 'document'>): string {
  return hash('sha256', canonicalJson(document))
}
