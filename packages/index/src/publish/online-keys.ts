import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { generatePrivateKey, openKeyFile, signersById } from '@waxseal/trust'
import type { Signer, Signers } from '@waxseal/trust'
import { makeFolders } from '../blobs/make-folders.ts'
import { writeWhole } from '../blobs/durable.ts'
import { ONLINE_KEYS } from './role-table.ts'
import type { OnlineKey } from './role-table.ts'

/** Where each key is that a server signs with: an address that `openSigner` of @waxseal/trust understands. */
export type SigningKeys = Readonly<Record<OnlineKey, string>>

/** Every key in a file of its own, in the data folder. */
export function signingKeysIn(dataDir: string): SigningKeys {
  return byKey((name) => `file:${keyPath(dataDir, name)}`)
}

/** Makes the keys that are files and not there yet, each readable for its owner alone; and opens all of them. */
export async function makeOnlineKeys(dataDir: string, keys: SigningKeys): Promise<Readonly<Record<OnlineKey, Signer>>> {
  for (const name of ONLINE_KEYS) {
    const path = keyPath(dataDir, name)
    if (keys[name] !== `file:${path}` || existsSync(path)) continue
    makeFolders(join(dataDir, 'keys'), 0o700)
    const pem = generatePrivateKey().export({ type: 'pkcs8', format: 'pem' })
    await writeWhole(path, Buffer.from(pem))
  }
  const opened = await Promise.all(ONLINE_KEYS.map(async (name) => [name, await openSigner(keys[name])] as const))
  return Object.fromEntries(opened) as Record<OnlineKey, Signer>
}

/** Opens the keys. @throws TrustError where one cannot be used, with what to do */
export async function openOnlineSigners(keys: SigningKeys): Promise<Signers> {
  // One address may stand for several names.
  return signersById(await Promise.all([...new Set(Object.values(keys))].map((address) => openSigner(address))))
}

function keyPath(dataDir: string, name: OnlineKey): string {
  return join(dataDir, 'keys', `${name}.pem`)
}

function byKey<T>(value: (name: OnlineKey) => T): Readonly<Record<OnlineKey, T>> {
  return Object.fromEntries(ONLINE_KEYS.map((name) => [name, value(name)])) as Record<OnlineKey, T>
}

async function openSigner(address: string): Promise<Signer> {
  return await openKeyFile(address.replace(/^file:/, ''))
}
