import { onlineKeyids, openSigner } from '@waxseal/trust'
import type { RepositoryState, Signer, SignerConfig, SignerContext } from '@waxseal/trust'
import { IndexError } from '../error.ts'
import type { SigningKeys } from './online-keys.ts'
import { placesOf } from './next-keys.ts'
import { ONLINE_KEYS } from './role-table.ts'

/**
 * Checks that every key that a server needs is at hand, and is the one that clients accept.
 * @throws IndexError `keys-unusable`: which, where it is looked for, which one is wanted, and what to do
 */
export async function checkOnlineKeys(
  state: RepositoryState,
  keys: SigningKeys,
  context: SignerContext,
): Promise<void> {
  const wanted = onlineKeyids(state)
  const problems: string[] = []
  for (const name of ONLINE_KEYS) {
    const keyids = wanted.get(name) ?? []
    const found: unknown[] = []
    // One after the other: several may be in one token, or take one secret.
    for (const place of placesOf(keys, name)) {
      found.push(await openSigner(place, context).catch((error: unknown) => error))
    }
    const problem = found.map((one) => problemOf(one, keyids))
    if (problem.includes(undefined)) continue
    problems.push(`${name}, looked for ${placeWords(keys[name])}: ${problem[0]} Wanted is ${keyids.join(' or ')}.`)
  }
  if (problems.length === 0) return
  const many = problems.length === 1 ? 'a key that signs it' : `${problems.length} keys that sign it`
  throw new IndexError(
    'keys-unusable',
    [
      `This index is signed, and ${many} cannot be used.`,
      ...problems,
      'Put the keys where they are looked for, or say where they are. Keys that are lost are replaced in a ceremony; after a restore, what a ceremony since that backup has signed is brought in again first.',
    ].join('\n'),
  )
}

function problemOf(found: unknown, keyids: readonly string[]): string | undefined {
  if (found instanceof Error) return found.message
  const { key } = found as Signer
  return keyids.includes(key.keyid) ? undefined : `what is there is the key ${key.keyid}.`
}

function placeWords(place: SignerConfig): string {
  switch (place.kind) {
    case 'file':
      return `at ${place.path}`
    case 'env':
      return `in the variable ${place.variable}`
    case 'pkcs11':
      return 'in a token (PKCS#11)'
    case 'vault':
      return `in Vault, as ${place.name}`
    case 'awskms':
      return 'in AWS KMS'
  }
}
