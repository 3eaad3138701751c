import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatePrivateKey, openSigner, Pkcs11Tokens, SecretEnvironment, signersById } from '@waxseal/trust'
import type { Signer, SignerConfig, SignerContext, Signers } from '@waxseal/trust'
import { makeDurableFolders, onDisk, writeNew, writeWhole } from '../blobs/durable.ts'
import { folderOwner, giveTo } from '../blobs/folder-owner.ts'
import type { Clock } from '../clock.ts'
import { ONLINE_KEYS } from './role-table.ts'
import type { OnlineKey } from './role-table.ts'

/** Where each key is that a server signs with. */
export type SigningKeys = Readonly<Record<OnlineKey, SignerConfig>>

/** The folder for them in the data folder. */
export const KEYS = 'keys'

/** Every key in a file of its own, in the data folder. */
export function signingKeysIn(dataDir: string): SigningKeys {
  return byKey((name) => ({ kind: 'file', path: keyPath(dataDir, name) }))
}

/** What the signers of one index share; `env` loses the secrets that they take. One for a process. */
export function signerContext(clock: Clock, env: NodeJS.ProcessEnv): SignerContext {
  return { env: new SecretEnvironment(env), tokens: new Pkcs11Tokens(), now: () => new Date(clock.now()) }
}

/**
 * Makes the keys that nobody put elsewhere and that are not there yet, each readable for its owner alone; and opens all of them.
 * @throws IndexError `storage-failed`, `storage-full`; TrustError where one cannot be used, with what to do
 */
export async function makeOnlineKeys(
  dataDir: string,
  keys: SigningKeys,
  context: SignerContext,
): Promise<Readonly<Record<OnlineKey, Signer>>> {
  for (const name of ONLINE_KEYS)
    if (isMissing(dataDir, keys, name)) await onDisk(() => makeFirstKeyFile(keyPath(dataDir, name)))
  const opened: Partial<Record<OnlineKey, Signer>> = {}
  // One after the other: several may be in one token, or take one secret.
  for (const name of ONLINE_KEYS) opened[name] = await openSigner(keys[name], context)
  return opened as Readonly<Record<OnlineKey, Signer>>
}

/** Opens the keys. @throws TrustError where one cannot be used, with what to do */
export async function openOnlineSigners(keys: SigningKeys, context: SignerContext): Promise<Signers> {
  // One place may hold several of them, and answer slowly.
  const places = new Map(Object.values(keys).map((config) => [JSON.stringify(config), config]))
  return signersById(await Promise.all(Array.from(places.values(), (config) => openSigner(config, context))))
}

/** Sentences about keys that cannot be opened, each with the name of its key. Those that no init has made yet are passed over. */
export async function keyProblems(
  dataDir: string,
  keys: SigningKeys,
  context: SignerContext,
): Promise<ReadonlyMap<OnlineKey, string>> {
  const problems = new Map<OnlineKey, string>()
  const begun = existsSync(keyFolder(dataDir))
  for (const name of ONLINE_KEYS) {
    if (!begun && isMissing(dataDir, keys, name)) continue
    try {
      await openSigner(keys[name], context)
    } catch (error) {
      problems.set(name, error instanceof Error ? error.message : String(error))
    }
  }
  return problems
}

/** Makes a key in a file, in the place of one that is there, and the folder where there is none. Throws the system's error. */
export async function makeKeyFile(path: string): Promise<void> {
  await writeWhole(path, await newKeyFor(path))
}

/** As `makeKeyFile`; a key that another process has made meanwhile stays, and is the one: it may have signed with it. */
export async function makeFirstKeyFile(path: string): Promise<void> {
  await writeNew(path, await newKeyFor(path))
}

async function newKeyFor(path: string): Promise<Buffer> {
  const folder = dirname(path)
  if ((await makeDurableFolders(folder, 0o700)) === folder) await giveTo(await folderOwner(dirname(folder)), [folder])
  return Buffer.from(generatePrivateKey().export({ type: 'pkcs8', format: 'pem' }))
}

function isMissing(dataDir: string, keys: SigningKeys, name: OnlineKey): boolean {
  const path = keyPath(dataDir, name)
  const config = keys[name]
  return config.kind === 'file' && config.path === path && !existsSync(path)
}

function keyPath(dataDir: string, name: OnlineKey): string {
  return join(keyFolder(dataDir), `${name}.pem`)
}

function keyFolder(dataDir: string): string {
  return join(dataDir, KEYS)
}

function byKey<T>(value: (name: OnlineKey) => T): Readonly<Record<OnlineKey, T>> {
  return Object.fromEntries(ONLINE_KEYS.map((name) => [name, value(name)])) as Record<OnlineKey, T>
}
