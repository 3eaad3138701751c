import { hash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere, writeWhole } from '@waxseal/trust/durable'
import type { CredentialPlace } from './credentials.ts'
import { removeToken } from './credentials.ts'
import { GuardError } from './error.ts'
import type { GuardHome } from './guard-home.ts'
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
export function folderOf(home: GuardHome, url: string): string {
  const { host } = new URL(url)
  return join(home.trust, `${host.replaceAll(/[^a-z0-9.-]/gi, '_').slice(0, 60)}-${hash('sha256', url).slice(0, 12)}`)
}

export async function readStored(folder: string): Promise<TrustedIndex | undefined> {
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

export async function writeStored(folder: string, index: TrustedIndex): Promise<void> {
  await writeWhole(join(folder, 'index.json'), Buffer.from(`${JSON.stringify(index, undefined, 2)}\n`), { mode: 0o600 })
}
