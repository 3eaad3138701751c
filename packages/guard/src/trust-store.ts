import { hash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DirectoryState,
  initialiseState,
  limitedFetch,
  readIfThere,
  TrustClient,
  TrustError,
  writeWhole,
} from '@waxseal/trust/client'
import type { CredentialPlace } from './credentials.ts'
import { removeToken } from './credentials.ts'
import { GuardError } from './error.ts'
import { unreachable, unverified } from './failures.ts'
import type { GuardHome } from './guard-home.ts'
import { MAX_ROOT_BYTES, PAGE_DEADLINE_MS } from './limits.ts'
import { agentsFor, Origin } from './origin.ts'
import { ownFolder } from './own-folder.ts'

/** An index whose root is pinned on this machine. */
export interface TrustedIndex {
  /** Base URL, without a slash at the end. */
  readonly url: string
  /** sha256 of the root that the trust began with: what people compare. */
  readonly root: string
  /** ISO 8601. */
  readonly addedAt: string
  /** Whether the root came from the index itself (trust on first use), or was vouched for by another way. */
  readonly rootFrom: 'index' | 'elsewhere'
  readonly token?: CredentialPlace
}

/** Everything of one trusted index lies in one folder. */
export interface StoredIndex extends TrustedIndex {
  readonly folder: string
}

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
 * Looks whether an index is what a root says, and trusts it from then on. Nothing is kept where it does not verify.
 * @throws GuardError `trust-exists`, `page-unverified`, `index-unreachable`
 */
export async function addTrust(
  home: GuardHome,
  index: Omit<TrustedIndex, 'root'>,
  root: Uint8Array,
  {
    authorization,
    env,
    now,
  }: { readonly authorization: string | undefined; readonly env: NodeJS.ProcessEnv; readonly now: () => number },
): Promise<StoredIndex> {
  await ownFolder(home.trust, 'trust-unusable')
  const folder = folderOf(home, index.url)
  const existing = await readStored(folder)
  const fingerprint = fingerprintOf(root)
  if (existing !== undefined && existing.root !== fingerprint) {
    throw new GuardError(
      'root-differs',
      `${index.url} is trusted already, with another root (sha256 ${existing.root}; this one has ${fingerprint}). If its owner has begun anew: waxseal trust remove ${index.url}, and add it again.`,
    )
  }
  if (existing !== undefined) throw new GuardError('trust-exists', `${index.url} is trusted already, with this root.`)
  await ownFolder(folder, 'trust-unusable')
  try {
    const state = await DirectoryState.open(join(folder, 'state'))
    await initialiseState(state, root)
    using origin = new Origin({ url: index.url, authorization, env })
    await (await TrustClient.open({ state, remote: origin.remote, now })).refresh()
    const stored: TrustedIndex = { ...index, root: fingerprint }
    await writeStored(folder, stored)
    return { ...stored, folder }
  } catch (error) {
    // Not what another "trust add" has finished meanwhile.
    if ((await readStored(folder)) === undefined) await rm(folder, { recursive: true, force: true })
    if (!(error instanceof TrustError)) throw error
    if (error.code === 'fetch-failed') throw unreachable(index.url, error.message, error)
    throw unverified(index.url, error)
  }
}

/** All indexes that are trusted, by URL. */
export async function listTrust(home: GuardHome): Promise<readonly StoredIndex[]> {
  const names = await readdir(home.trust).catch(() => [])
  if (names.length === 0) return []
  await ownFolder(home.trust, 'trust-unusable')
  const found: StoredIndex[] = []
  for (const name of names) {
    const folder = join(home.trust, name)
    const stored = await readStored(folder)
    if (stored !== undefined) found.push({ ...stored, folder })
  }
  return found.sort((a, b) => (a.url < b.url ? -1 : 1))
}

/** The index that is meant: the one with this URL, or the only one. @throws GuardError `not-trusted` */
export async function findTrust(home: GuardHome, url: string | undefined): Promise<StoredIndex> {
  const all = await listTrust(home)
  const [only] = all
  if (url === undefined) {
    if (only !== undefined && all.length === 1) return only
    const which = all.map((index) => `--trust ${index.url}`).join(', ')
    const message =
      only === undefined
        ? 'No index is trusted on this machine yet: waxseal trust add URL'
        : `Several indexes are trusted; say which: ${which}`
    throw new GuardError('not-trusted', message)
  }
  const found = all.find((index) => index.url === url)
  if (found === undefined)
    throw new GuardError('not-trusted', `${url} is not trusted on this machine: waxseal trust add ${url}`)
  return found
}

/** Changes what is kept about a trusted index. */
export async function updateTrust(index: StoredIndex, change: Pick<TrustedIndex, 'token'>): Promise<void> {
  const { folder, ...stored } = index
  await writeStored(folder, { ...stored, ...change })
}

/** Forgets an index: its root, all that was seen of it, and its token. */
export async function removeTrust(index: StoredIndex): Promise<void> {
  await removeToken(index.folder, index.url, index.token)
  await rm(index.folder, { recursive: true, force: true })
}

/** A readable name for the folder, and one that no two URLs share. */
function folderOf(home: GuardHome, url: string): string {
  const { host } = new URL(url)
  return join(home.trust, `${host.replaceAll(/[^a-z0-9.-]/gi, '_').slice(0, 60)}-${hash('sha256', url).slice(0, 12)}`)
}

async function readStored(folder: string): Promise<TrustedIndex | undefined> {
  const bytes = await readIfThere(join(folder, 'index.json')).catch(() => undefined)
  if (bytes === undefined) return undefined
  try {
    const { url, root, addedAt, rootFrom, token } = JSON.parse(Buffer.from(bytes).toString('utf8')) as TrustedIndex
    if (typeof url === 'string' && /^[0-9a-f]{64}$/.test(root)) {
      return { url, root, addedAt, rootFrom, ...(token === undefined ? {} : { token }) }
    }
  } catch {
    // Told below.
  }
  throw new GuardError(
    'trust-unusable',
    `${join(folder, 'index.json')} is damaged: remove the folder, and add the index again.`,
  )
}

async function writeStored(folder: string, index: TrustedIndex): Promise<void> {
  await writeWhole(join(folder, 'index.json'), Buffer.from(`${JSON.stringify(index, undefined, 2)}\n`), { mode: 0o600 })
}
