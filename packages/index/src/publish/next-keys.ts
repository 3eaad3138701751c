import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { openKeyFile, signersById } from '@waxseal/trust'
import type { PublicKey, SignerConfig, SignerContext, Signers } from '@waxseal/trust'
import { onDisk, syncFolder } from '../blobs/durable.ts'
import { IndexError } from '../error.ts'
import { makeKeyFile, openOnlineSigners } from './online-keys.ts'
import type { SigningKeys } from './online-keys.ts'
import { ONLINE_KEYS } from './role-table.ts'
import type { OnlineKey } from './role-table.ts'

/** The file that a key is in, in clear; undefined for one in a token or service, or under a passphrase. */
function fileOf(keys: SigningKeys, name: OnlineKey): string | undefined {
  const place = keys[name]
  return place.kind === 'file' && place.passphrase === undefined ? place.path : undefined
}

/** Where a key is looked for: its place, and that of its successor, if there is one. */
export function placesOf(keys: SigningKeys, name: OnlineKey): readonly SignerConfig[] {
  const path = fileOf(keys, name)
  if (path === undefined || !existsSync(nextPath(path))) return [keys[name]]
  return [keys[name], { kind: 'file', path: nextPath(path) }]
}

/** Where the key lies that will take the place of the one in `path`. */
function nextPath(path: string): string {
  return `${path}.next`
}

/**
 * Makes a new key beside the one that has this name. Nothing is signed with it before root or the roles above name it.
 * @throws IndexError `config-invalid` where the key is in no file that could be made
 */
export async function makeNextKey(keys: SigningKeys, name: OnlineKey): Promise<PublicKey> {
  const path = fileOf(keys, name)
  if (path === undefined) {
    throw new IndexError(
      'config-invalid',
      `The key ${name} is in no file, or under a passphrase: make a new one where it is, and say --online ${name}=FILE.pub with its public half.`,
    )
  }
  const next = nextPath(path)
  await onDisk(() => makeKeyFile(next))
  return (await openKeyFile(next)).key
}

/**
 * Opens the keys of a server, and those that will take their place: which of them sign is for the published root to say, so that
 * no moment of a change is one without the right key. A key that is gone is not missed where its successor is there.
 * @throws TrustError where one cannot be used, with what to do
 */
export async function openSigners(keys: SigningKeys, context: SignerContext): Promise<Signers> {
  const waiting = [...nextFiles(keys).keys()]
  if (waiting.length === 0) return await openOnlineSigners(keys, context)
  const next = replaced(keys, (path) => waiting.includes(path))
  const current = replaced(keys, (path) => waiting.includes(path) && !existsSync(path))
  try {
    const opened = [await openOnlineSigners(next, context), await openOnlineSigners(current, context)]
    return signersById(opened.flatMap((signers) => [...signers.values()]))
  } catch (error) {
    // Another process has just put one in its place; fewer and fewer wait.
    if (nextFiles(keys).size < waiting.length) return await openSigners(keys, context)
    throw error
  }
}

/** `keys` with the successors of those in files for which `wanted` says so. */
function replaced(keys: SigningKeys, wanted: (path: string) => boolean): SigningKeys {
  const changed = ONLINE_KEYS.flatMap((name) => {
    const path = fileOf(keys, name)
    return path !== undefined && wanted(path) ? [[name, { kind: 'file', path: nextPath(path) }] as const] : []
  })
  return { ...keys, ...Object.fromEntries(changed) }
}

/**
 * Puts successors that are trusted now in the place of the keys before them, which are gone then; their names. Cut short, it is
 * done with the next call, and missed by nobody until then.
 */
export async function adoptNextKeys(
  keys: SigningKeys,
  isTrusted: (name: OnlineKey, keyid: string) => boolean,
): Promise<readonly OnlineKey[]> {
  const adopted: OnlineKey[] = []
  for (const [path, names] of nextFiles(keys)) {
    const { key } = await openKeyFile(nextPath(path))
    if (!names.some((name) => isTrusted(name, key.keyid))) continue
    await rename(nextPath(path), path)
    await syncFolder(dirname(path))
    adopted.push(...names)
  }
  return adopted
}

/** Removes successors that will never be used. */
export async function dropNextKeys(keys: SigningKeys): Promise<void> {
  for (const path of nextFiles(keys).keys()) {
    await rm(nextPath(path))
    await syncFolder(dirname(path))
  }
}

/** Keys that have a successor beside them, with their names: one file may have several. */
function nextFiles(keys: SigningKeys): ReadonlyMap<string, readonly OnlineKey[]> {
  const files = new Map<string, OnlineKey[]>()
  for (const name of ONLINE_KEYS) {
    const path = fileOf(keys, name)
    if (path !== undefined && existsSync(nextPath(path))) files.set(path, [...(files.get(path) ?? []), name])
  }
  return files
}
