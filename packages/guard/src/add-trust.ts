import { hash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DirectoryState,
  initialiseState,
  limitedFetch,
  raiseState,
  TrustClient,
  TrustError,
} from '@waxseal/trust/client'
import { GuardError } from './error.ts'
import { unreachable, unverified } from './failures.ts'
import type { GuardHome } from './guard-home.ts'
import { MAX_ROOT_BYTES, PAGE_DEADLINE_MS } from './limits.ts'
import { agentsFor, Origin } from './origin.ts'
import { ownFolder } from './own-folder.ts'
import { Pins } from './pins.ts'
import type { TrustFile } from './trust-file.ts'
import { folderOf, readStored, writeStored } from './trusted-indexes.ts'
import type { StoredIndex, TrustedIndex } from './trusted-indexes.ts'

/** The sha256 of a root, as it is shown, and compared. */
export function fingerprintOf(root: Uint8Array): string {
  return hash('sha256', root)
}

/** The first root of an index, from itself: nobody has vouched for it. @throws GuardError `index-unreachable`, `not-trusted`, `credentials-unusable` */
export async function fetchRoot(url: string, env: NodeJS.ProcessEnv, authorization?: string): Promise<Uint8Array> {
  const headers = authorization === undefined ? {} : { authorization }
  const limits = { maxBytes: MAX_ROOT_BYTES, deadlineMs: PAGE_DEADLINE_MS }
  try {
    const response = await limitedFetch(new URL(`${url}/tuf/1.root.json`), '1.root.json', limits, {
      headers,
      agents: agentsFor(url, env),
    })
    if (response.status === 200) {
      const pieces: Uint8Array[] = []
      for await (const piece of response.pieces) pieces.push(piece)
      return Buffer.concat(pieces)
    }
    response.discard()
    if (response.status === 401 || response.status === 403) {
      const what = authorization === undefined ? 'a token for reading (--token-file)' : 'another token than this one'
      throw new GuardError('credentials-unusable', `${url} wants ${what}.`)
    }
  } catch (error) {
    if (error instanceof TrustError) throw unreachable(url, error.message, error)
    throw error
  }
  throw new GuardError(
    'not-trusted',
    `${url} shows no signatures (${url}/tuf/1.root.json): it is no Waxseal index, or it signs nothing yet ("waxseal init", there).`,
  )
}

/**
 * Looks whether an index is what a root says, and trusts it from then on. Nothing is kept where it does not verify. With all that
 * another guard hands on it begins there; where the index is trusted already, that is taken beside what was seen here.
 * @throws GuardError `trust-exists`, `root-differs`, `page-unverified`, `index-unreachable`
 */
export async function addTrust(
  home: GuardHome,
  index: Omit<TrustedIndex, 'root'>,
  from: Uint8Array | TrustFile,
  {
    authorization,
    env,
    now,
  }: { readonly authorization: string | undefined; readonly env: NodeJS.ProcessEnv; readonly now: () => number },
): Promise<StoredIndex> {
  await ownFolder(home.trust, 'trust-unusable')
  const folder = folderOf(home, index.url)
  const existing = await readStored(folder)
  const fingerprint = fingerprintOf(from instanceof Uint8Array ? from : from.metadata.roots[0])
  if (existing !== undefined && existing.root !== fingerprint) {
    throw new GuardError(
      'root-differs',
      `${index.url} is trusted already, with another root (sha256 ${existing.root}; this one has ${fingerprint}). If its owner has begun anew: waxseal trust remove ${index.url}, and add it again.`,
    )
  }
  if (existing !== undefined) {
    if (!(from instanceof Uint8Array)) await joinHistories(index.url, folder, from)
    throw new GuardError('trust-exists', `${index.url} is trusted already, with this root.`)
  }
  await ownFolder(folder, 'trust-unusable')
  try {
    const state = await beginWith(folder, from)
    using origin = new Origin({ url: index.url, authorization, env })
    await (await TrustClient.open({ state, remote: origin.remote, now })).refresh()
    const stored: TrustedIndex = { ...index, root: fingerprint }
    await writeStored(folder, stored)
    return { ...stored, folder }
  } catch (error) {
    // Not what another "trust add" has finished meanwhile.
    if ((await readStored(folder)) === undefined) await rm(folder, { recursive: true, force: true })
    throw unverifiedIndex(index.url, error)
  }
}

/** What is thrown where an index could not be verified. */
export function unverifiedIndex(url: string, error: unknown): unknown {
  if (!(error instanceof TrustError)) return error
  return error.code === 'fetch-failed' ? unreachable(url, error.message, error) : unverified(url, error)
}

/** The state of an index, from what it is trusted by. @throws TrustError */
async function beginWith(folder: string, from: Uint8Array | TrustFile): Promise<DirectoryState> {
  const state = await DirectoryState.open(join(folder, 'state'))
  if (from instanceof Uint8Array) {
    await initialiseState(state, from)
    return state
  }
  await raiseState(state, from.metadata)
  using pins = new Pins(join(folder, 'pins.sqlite'))
  pins.noteSeals(from.seals)
  return state
}

async function joinHistories(url: string, folder: string, file: TrustFile): Promise<void> {
  try {
    await beginWith(folder, file)
  } catch (error) {
    if (!(error instanceof TrustError) || (error.code !== 'rollback' && error.code !== 'equivocation')) {
      throw unverifiedIndex(url, error)
    }
    throw new GuardError(
      'page-unverified',
      `What this machine has seen of ${url} and what the file knows are not one history (${error.code}): ${error.message} Somebody with the keys of the server has shown one of the two something else. Ask whoever runs the index; where the file is right: waxseal trust remove ${url}, and add it again.`,
      { cause: error, data: { trust: error.code } },
    )
  }
}
