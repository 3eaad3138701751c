import { finishCeremony, importSignatures, redateServerRoles, signRequest, TrustError } from '@waxseal/trust'
import type { CeremonyRequest, CeremonyResult, CeremonySignature } from '@waxseal/trust'
import type { Transaction } from 'kysely'
import { OPERATOR } from '../access/actor.ts'
import { isoTime } from '../clock.ts'
import { IndexError } from '../error.ts'
import { PUBLISH_FENCED_RETRIES } from '../limits.ts'
import { refuseBesideServer } from '../store/running-nodes.ts'
import type { Database } from '../store/schema.ts'
import { recordAction } from '../telemetry/events.ts'
import type { PendingCeremony } from './ceremony-folder.ts'
import type { CeremonyParts } from './ceremony-parts.ts'
import { progressOf } from './ceremony-progress.ts'
import { firstKeys, firstSettings, wishesOf } from './first-ceremony.ts'
import { signIndex } from './initialise-signing.ts'
import { makeOnlineKeys } from './online-keys.ts'
import { isOvertaken, overtaken } from './overtaken-ceremony.ts'
import type { SignedRepository } from './signed-repository.ts'

/**
 * Publishes a ceremony on a signed index, all of it in one snapshot.
 * @throws TrustError `threshold-not-met`, `expired`; IndexError `conflict` where another overtook it
 */
export async function publishNext(
  parts: CeremonyParts,
  signed: SignedRepository,
  { request, signatures }: PendingCeremony,
): Promise<void> {
  const { clock, publisher } = parts
  const now = clock.now()
  for (let tried = 1; ; tried += 1) {
    const state = await signed.state()
    if (isOvertaken(state, request)) throw overtaken()
    try {
      const dated = await redateServerRoles(request, state, { now, load: signed.load })
      const all = await withServer(signed, dated, signatures)
      const result = finishCeremony(dated, all, now)
      const versions = new Map(dated.documents.map(({ role, signed: { version } }) => [role, version]))
      const renumber = (role: string): number | undefined => versions.get(role)
      await publisher.bringOut({ ...result, renumber }, (tx, snapshot) => record(tx, parts, request, all, snapshot))
      return
    } catch (error) {
      const code = error instanceof TrustError || error instanceof IndexError ? error.code : undefined
      // A server beside this has just renewed a role of its own.
      if (code === 'publish-fenced' && tried < PUBLISH_FENCED_RETRIES) continue
      throw code === 'version-mismatch' ? overtaken(error) : error
    }
  }
}

/** Publishes the first ceremony of an index. @throws TrustError `threshold-not-met`, `expired` */
export async function publishFirst(parts: CeremonyParts, { request, signatures }: PendingCeremony): Promise<void> {
  const { store, blobs, clock, dataDir, keys, context, by } = parts
  const result = finishCeremony(request, signatures, clock.now())
  // One that runs would go on to publish what nobody signs.
  await refuseBesideServer(store.db, clock)
  const wishes = wishesOf(request)
  const first = firstKeys(wishes, await makeOnlineKeys(dataDir, keys, context))
  const signed = filesOf(result)
  await signIndex({ store, blobs, clock, publisher: by }, firstSettings(wishes), { ...first, signed }, (tx, snapshot) =>
    record(tx, parts, request, signatures, snapshot),
  )
}

async function record(
  tx: Transaction<Database>,
  parts: CeremonyParts,
  request: CeremonyRequest,
  signatures: readonly CeremonySignature[],
  snapshot: number,
): Promise<void> {
  const { documents, root } = request
  const at = isoTime(parts.clock)
  const next = documents.find(({ kind }) => kind === 'root')?.signed.version
  const detail = {
    root: next ?? root?.signed.version ?? 0,
    snapshot,
    roles: documents.map(({ role }) => role),
    signed: [...new Set(signatures.map(({ keyid }) => keyid))],
  }
  await recordAction(tx, {
    kind: 'ceremony-published',
    at,
    by: OPERATOR,
    project: null,
    before: root === undefined ? null : { root: root.signed.version },
    after: detail,
    detail,
  })
  await parts.record?.(tx, { request, snapshot, at })
}

/** With the signatures of those roles that a server signs, and that say who signs others: `select` of its shards. */
async function withServer(
  signed: SignedRepository,
  request: CeremonyRequest,
  signatures: readonly CeremonySignature[],
): Promise<readonly CeremonySignature[]> {
  const progress = await progressOf(signed, { request, signatures })
  const open = progress.flatMap((one) => (one.server ? one.open : []))
  if (open.length === 0) return signatures
  const signers = await signed.signers()
  let all = signatures
  for (const keyid of new Set(open)) {
    const signer = signers.get(keyid)
    if (signer !== undefined) all = importSignatures(request, all, await signRequest(request, signer))
  }
  return all
}

function filesOf({ root, signed }: CeremonyResult): ReadonlyMap<string, Uint8Array> {
  const files = new Map(signed.map(({ role, bytes }) => [role, bytes]))
  return root === undefined ? files : files.set('root', root)
}
