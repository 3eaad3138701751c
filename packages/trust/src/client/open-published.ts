import { MAX_METADATA_BYTES, METADATA_DEADLINE_MS } from '../limits.ts'
import type { MetaFile, Metadata, Root, Timestamp } from '../metadata.ts'
import { roleFile } from '../role-file.ts'
import type { RoleTrust } from '../threshold.ts'
import { TrustError } from '../error.ts'
import { checkMetaFile } from './check-file.ts'
import { delegatorOf, missing, newEdges } from './delegators.ts'
import type { Delegator } from './delegators.ts'
import { checkFresh } from './fresh.ts'
import { readPlainSnapshot } from './plain-snapshot.ts'
import { nextRoot, trustedRoot, trustOf } from './root.ts'
import { checkSnapshot, signedSnapshot } from './snapshot.ts'
import { verifiedTargets } from './targets.ts'
import { signedTimestamp } from './timestamp.ts'
import type { FetchLimits, TrustRemote } from './trust-io.ts'

/** A snapshot as a publisher remembers it. */
export interface KnownSnapshot {
  readonly version: number
  readonly expires: number
  readonly specVersion: string
  readonly bytes: Uint8Array
  /** Whether `bytes` is in the form whose next version can be read by its changes. */
  readonly plain: boolean
}

/** What is published, as far as something is kept of it. */
export interface Opened {
  readonly root: Metadata<Root>
  readonly timestamp: Metadata<Timestamp>
  readonly snapshot: KnownSnapshot
  readonly versions: ReadonlyMap<string, MetaFile>
  readonly delegators: Map<string, Delegator>
}

const LIMITS: FetchLimits = { maxBytes: MAX_METADATA_BYTES, deadlineMs: METADATA_DEADLINE_MS }

/** From the root to the last role that is delegated to, each under everyone who delegates to it. */
export async function openPublished(options: {
  readonly root: Uint8Array
  readonly remote: TrustRemote
  readonly now: number
  readonly whole: boolean
}): Promise<Opened> {
  const { remote, now, whole } = options
  const fetch = async (name: string) => {
    const bytes = await remote.metadata(name, LIMITS)
    if (bytes === undefined) throw new TrustError('missing-role', `${name} is not there.`)
    return bytes
  }
  const root = whole ? await newestRoot(options) : trustedRoot(options.root)
  checkFresh('root', root.signed, now)
  const timestamp = signedTimestamp(root, await fetch(roleFile('timestamp')))
  checkFresh('timestamp', timestamp.signed, now)
  const wanted = timestamp.signed.snapshot
  const bytes = await fetch(roleFile('snapshot', wanted.version))
  checkMetaFile('snapshot', wanted, bytes)
  const snapshot = signedSnapshot(root, bytes)
  checkSnapshot(timestamp, snapshot.signed, now)
  const { meta, version, expires, specVersion } = snapshot.signed
  const delegators = new Map<string, Delegator>()
  const ahead: [string, RoleTrust][] = [['targets', trustOf(root.signed, 'targets')]]
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    const [role, trust] = next
    const listed = meta.get(role)
    if (listed === undefined) throw missing(role, 'it is delegated to')
    const file = await fetch(roleFile(role, listed.version))
    if (!whole && !mayDelegate(file)) continue
    const delegator = delegatorOf(verifiedTargets(role, trust, listed, file, now))
    if (delegator === undefined || delegators.has(role)) continue
    delegators.set(role, delegator)
    if (delegator.delegations.succinct === undefined || whole) ahead.push(...newEdges(undefined, delegator))
  }
  const known = { version, expires, specVersion, bytes, plain: readPlainSnapshot(bytes) !== undefined }
  return { root, timestamp, snapshot: known, versions: meta, delegators }
}

/** All that there are: a publisher has no reason to stop after some. */
async function newestRoot(options: {
  readonly root: Uint8Array
  readonly remote: TrustRemote
}): Promise<Metadata<Root>> {
  for (let root = trustedRoot(options.root); ;) {
    const bytes = await options.remote.metadata(roleFile('root', root.signed.version + 1), LIMITS)
    if (bytes === undefined) return root
    root = nextRoot(root, bytes)
  }
}

/** Told without reading it, of hundreds that do not: the name stands in the text, unless it was written with an escape. */
function mayDelegate(file: Uint8Array): boolean {
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  return text.includes('"delegations"') || text.includes('\\')
}
