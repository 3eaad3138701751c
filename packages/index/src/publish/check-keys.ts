import { onlineKeyids, openSigner, TrustError } from '@waxseal/trust'
import type { RepositoryState, Signer, SignerConfig, SignerContext } from '@waxseal/trust'
import { IndexError } from '../error.ts'
import type { SigningKeys } from './online-keys.ts'
import { placesOf } from './next-keys.ts'
import { ONLINE_KEYS } from './role-table.ts'

/** Places outside of this machine's files, which may be away for a while and come back by themselves. */
const SERVICES: ReadonlySet<SignerConfig['kind']> = new Set(['pkcs11', 'vault', 'awskms'])

/**
 * Checks that every key that a server needs is at hand, and is the one that clients accept. What a token or a key service does not
 * give right now is no reason not to serve what is published: sentences about it come back, and each signature asks again.
 * @throws IndexError `keys-unusable`: which, where it is looked for, which one is wanted, and what to do
 */
export async function checkOnlineKeys(
  state: RepositoryState,
  keys: SigningKeys,
  context: SignerContext,
): Promise<readonly string[]> {
  const wanted = onlineKeyids(state)
  const problems: string[] = []
  const away: string[] = []
  // One place may hold several keys, and answer slowly.
  const opened = new Map<string, Promise<Signer | TrustError>>()
  const open = (place: SignerConfig): Promise<Signer | TrustError> => {
    const known = opened.get(JSON.stringify(place))
    if (known !== undefined) return known
    const opening = openSigner(place, context).catch((error: unknown) => {
      if (error instanceof TrustError) return error
      throw error
    })
    opened.set(JSON.stringify(place), opening)
    return opening
  }
  const found = await Promise.all(
    ONLINE_KEYS.map(async (name) => ({ name, there: await Promise.all(placesOf(keys, name).map(open)) })),
  )
  for (const { name, there } of found) {
    const keyids = wanted.get(name) ?? []
    const problem = there.map((one) => problemOf(one, keyids))
    if (problem.includes(undefined)) continue
    const where = `${name}, looked for ${placeWords(keys[name])}: ${problem[0]}`
    if (SERVICES.has(keys[name].kind) && there[0] instanceof TrustError) away.push(where)
    else problems.push(`${where} Wanted is ${keyids.join(' or ')}.`)
  }
  if (problems.length === 0) return away
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

function problemOf(found: Signer | TrustError, keyids: readonly string[]): string | undefined {
  if (found instanceof TrustError) return found.message
  return keyids.includes(found.key.keyid) ? undefined : `what is there is the key ${found.key.keyid}.`
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
