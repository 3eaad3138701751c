import { readHandedOn, TrustError } from '@waxseal/trust/client'
import type { HandedOn } from '@waxseal/trust/client'
import { DocumentReader, parseJson, wireJson } from '@waxseal/trust/documents'
import { GuardError } from './error.ts'
import { MAX_HANDED_ROOTS, MAX_HANDED_SEALS, MAX_TRUST_FILE_BYTES } from './limits.ts'
import type { SeenSeals } from './pins.ts'

/** What a guard trusts of an index, in one file for others to begin with: nothing secret, and nothing that is not verified again. */
export interface TrustFile {
  /** Where it was had from; another guard may reach the index elsewhere. */
  readonly url: string
  /** When, in ISO 8601. */
  readonly made: string
  readonly metadata: HandedOn
  /** Of the names that this guard was asked for. */
  readonly seals: SeenSeals
}

/** A trust file that was verified. */
export interface VerifiedTrustFile extends TrustFile {
  /** Version of the snapshot that it knows. */
  readonly snapshot: number
}

const TYPE = 'waxseal-trust'
const VERSION = 1
const MEMBERS = ['_type', 'version', 'url', 'made', 'roots', 'timestamp', 'snapshot', 'sealed', 'decided']
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const MAX_URL = 2000
const MAX_TIME = 32
const MAX_NAME = 255
const MAX_PATH = 200

export function writeTrustFile({ url, made, metadata, seals }: TrustFile): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
  return wireJson({
    _type: TYPE,
    version: VERSION,
    url,
    made,
    roots: metadata.roots.map(text),
    timestamp: text(metadata.timestamp),
    snapshot: text(metadata.snapshot),
    sealed: seals.sealed,
    decided: seals.decided,
  })
}

/**
 * What a file holds that came by a way that is trusted: a trust file, verified as a whole, or a root, by which only the index itself
 * can be verified: undefined.
 * @throws GuardError `page-unverified` for a trust file of which anything does not hold, and for what is neither of the two
 */
export function readTrustFile(bytes: Uint8Array): VerifiedTrustFile | undefined {
  try {
    if (bytes.length > MAX_TRUST_FILE_BYTES) {
      throw new TrustError('limit-exceeded', `It has more than ${MAX_TRUST_FILE_BYTES} bytes.`)
    }
    const reader = new DocumentReader(parseJson(bytes).value, 'trust file')
    return reader.has('signed') ? undefined : verified(read(reader))
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new GuardError(
      'page-unverified',
      `The file cannot be verified (${cause.code}): ${cause.message} Nothing of it is trusted. It is neither a root nor as "waxseal trust export" wrote it: get it anew from whoever made it, by a way that you trust.`,
      { cause, data: { trust: cause.code } },
    )
  }
}

function verified(file: TrustFile): VerifiedTrustFile {
  const { snapshot } = readHandedOn(file.metadata)
  return { ...file, snapshot: snapshot.signed.version }
}

function read(reader: DocumentReader): TrustFile {
  reader.onlyHas(MEMBERS)
  if (reader.text('_type', MAX_NAME) !== TYPE || reader.number('version', 1) !== VERSION) {
    throw reader.invalid(`it is no ${TYPE} of version ${VERSION}`)
  }
  const file = (name: string): Uint8Array => Buffer.from(reader.text(name, MAX_TRUST_FILE_BYTES))
  const made = reader.text('made', MAX_TIME)
  if (Number.isNaN(Date.parse(made))) throw reader.invalid('made is no time')
  return {
    url: reader.text('url', MAX_URL),
    made,
    metadata: { roots: rootsIn(reader), timestamp: file('timestamp'), snapshot: file('snapshot') },
    seals: {
      sealed: reader.list('sealed', MAX_HANDED_SEALS).map((item) => {
        const one = new DocumentReader(item, 'trust file sealed')
        one.onlyHas(['project', 'rev', 'shard', 'sealed'])
        const project = one.text('project', MAX_NAME)
        if (!NAME.test(project)) throw one.invalid('project is no name in normal form')
        return { project, rev: one.number('rev', 0), shard: one.number('shard', 1), sealed: one.flag('sealed') }
      }),
      decided: reader.list('decided', MAX_HANDED_SEALS).map((item) => {
        const one = new DocumentReader(item, 'trust file decided')
        one.onlyHas(['path', 'rev'])
        return { path: one.text('path', MAX_PATH), rev: one.number('rev', 1) }
      }),
    },
  }
}

function rootsIn(reader: DocumentReader): HandedOn['roots'] {
  const [first, ...later] = reader.texts('roots', MAX_HANDED_ROOTS).map((text) => Buffer.from(text))
  if (first === undefined) throw reader.invalid('roots is empty')
  return [first, ...later]
}
