import { join } from 'node:path'
import { DirectoryState, readHandedOn, TrustClient, TrustError, trustedIn } from '@waxseal/trust/client'
import type { HandedOn } from '@waxseal/trust/client'
import { fingerprintOf, unverifiedIndex } from './add-trust.ts'
import { authorizationOf } from './credentials.ts'
import { MAX_HANDED_ROOTS, MAX_ROOT_BYTES, PAGE_DEADLINE_MS } from './limits.ts'
import { Origin } from './origin.ts'
import { Pins } from './pins.ts'
import type { VerifiedTrustFile } from './trust-file.ts'
import type { StoredIndex } from './trusted-indexes.ts'

/**
 * What this guard trusts of an index, brought up to date, for other guards to begin with.
 * @throws GuardError `page-unverified`, `index-unreachable`, `credentials-unusable`
 */
export async function exportTrust(
  trusted: StoredIndex,
  { env, now }: { readonly env: NodeJS.ProcessEnv; readonly now: () => number },
): Promise<VerifiedTrustFile> {
  const { folder, url, token } = trusted
  using origin = new Origin({ url, authorization: await authorizationOf(folder, url, token), env })
  const state = await DirectoryState.open(join(folder, 'state'))
  using pins = new Pins(join(folder, 'pins.sqlite'))
  try {
    await (await TrustClient.open({ state, remote: origin.remote, now })).refresh()
    const metadata = await gather(state, origin, trusted.root)
    const { snapshot } = readHandedOn(metadata)
    const made = new Date(now()).toISOString()
    return { url, made, metadata, seals: pins.seals(), snapshot: snapshot.signed.version }
  } catch (error) {
    throw unverifiedIndex(url, error)
  }
}

/** The state keeps its newest root alone: those before it are the index's to show, back to the one that the trust began with. */
async function gather(state: DirectoryState, origin: Origin, fingerprint: string): Promise<HandedOn> {
  const { rootVersion, ...trusted } = await trustedIn(state)
  let { roots } = trusted
  for (let version = rootVersion; fingerprintOf(roots[0]) !== fingerprint;) {
    version -= 1
    if (version === 0 || roots.length === MAX_HANDED_ROOTS) {
      throw new TrustError('missing-role', 'The root that the trust began with is not before the one of now.')
    }
    const limits = { maxBytes: MAX_ROOT_BYTES, deadlineMs: PAGE_DEADLINE_MS }
    const bytes = await origin.remote.metadata(`${version}.root.json`, limits)
    if (bytes === undefined) throw new TrustError('missing-role', `The index does not have ${version}.root.json.`)
    roots = [bytes, ...roots]
  }
  return { ...trusted, roots }
}
