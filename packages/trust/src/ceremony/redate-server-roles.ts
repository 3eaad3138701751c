import { TrustError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { canonicalJson } from '../canonical-json.ts'
import { readMetadata } from '../read-metadata.ts'
import { expiryOf } from '../repository/renewals.ts'
import type { RepositoryState } from '../repository/repository-state.ts'
import { dated } from '../repository/role-document.ts'
import { rowOf } from '../repository/role-layout.ts'
import { assembleMetadata } from '../write-metadata.ts'
import type { CeremonyDocument, CeremonyRequest } from './ceremony-request.ts'
import type { DraftEffects } from './draft-ceremony.ts'

/**
 * The request, with the documents that a server signs under the versions and dates that they have to have by now: while people
 * gathered signatures the server may have renewed those roles. To be signed at once, and published.
 * @throws TrustError `version-mismatch` where such a role says something else than when the ceremony began
 */
export async function redateServerRoles(
  request: CeremonyRequest,
  state: RepositoryState,
  effects: DraftEffects,
): Promise<CeremonyRequest> {
  const documents: CeremonyDocument[] = []
  for (const one of request.documents) documents.push(await redated(one, request, state, effects))
  return { ...request, documents }
}

async function redated(
  one: CeremonyDocument,
  { current }: CeremonyRequest,
  state: RepositoryState,
  { now, load }: DraftEffects,
): Promise<CeremonyDocument> {
  const { role, kind } = one
  if (kind === 'root' || rowOf(state.layout, role)?.online !== true) return one
  const version = state.entries.get(role)?.version ?? 0
  const stored = await load(role, version)
  const said = stored && readMetadata('targets', stored).document
  if (contentOf(said) !== contentOf(current.get(role)?.document)) {
    throw new TrustError('version-mismatch', `${role} says something else than when the ceremony began.`)
  }
  const next = dated(one.document, version + 1, expiryOf(state.layout, role, now))
  const { document, signed, signedBytes } = readMetadata('targets', assembleMetadata(next, []))
  return { ...one, document, signed, signedBytes }
}

/** All that a renewal leaves as it is. */
function contentOf(document: JsonObject | undefined): string | undefined {
  return document && Buffer.from(canonicalJson(dated(document, 1, 0))).toString()
}
