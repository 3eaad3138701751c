import { existsSync, readFileSync } from 'node:fs'
import { ONLINE_KEYS } from '@waxseal/index'
import type { HolderWish, OfflineKey, OnlineKey } from '@waxseal/index'
import { readPublicKeyFile } from '@waxseal/trust'
import type { KeySet, PublicKey } from '@waxseal/trust'
import { CommandError } from '../command-error.ts'
import { EXIT_USAGE } from '../exit-codes.ts'

/** Which keys of the server shall be others. */
interface OnlineOptions {
  readonly online?: readonly string[]
  readonly allOnline?: 'new'
}

export function onlineWishes({ online = [], allOnline }: OnlineOptions): ReadonlyMap<OnlineKey, PublicKey | 'new'> {
  const wishes = new Map<OnlineKey, PublicKey | 'new'>()
  if (allOnline !== undefined) for (const name of ONLINE_KEYS) wishes.set(name, allOnline)
  for (const text of online) {
    const [name, file] = pair(text, '--online', 'NAME=FILE')
    if (!isOnlineKey(name)) {
      throw new CommandError('wrong-use', `--online: ${name} is none of ${ONLINE_KEYS.join(', ')}.`, EXIT_USAGE)
    }
    wishes.set(name, file === 'new' ? 'new' : publicKey(file))
  }
  return wishes
}

function isOnlineKey(name: string): name is OnlineKey {
  return (ONLINE_KEYS as readonly string[]).includes(name)
}

export function holderWish(
  role: OfflineKey,
  files: readonly string[] | undefined,
  threshold: number | undefined,
): HolderWish | undefined {
  if (files === undefined) return threshold === undefined ? undefined : { threshold }
  return keySetOf(role, files, threshold)
}

/** With one key there is one threshold; with more somebody has to say it. */
export function keySetOf(role: OfflineKey, files: readonly string[], threshold: number | undefined): KeySet {
  const known = files.map((file) => publicKey(file))
  const twice = files.find(
    (_, at) => known.findIndex(({ fingerprint }) => fingerprint === known[at]?.fingerprint) !== at,
  )
  if (twice !== undefined) {
    throw new CommandError('wrong-use', `--${role}-key ${twice}: this key was named before.`, EXIT_USAGE)
  }
  const needed = threshold ?? (files.length === 1 ? 1 : undefined)
  if (needed === undefined || needed > files.length) {
    const message = `Say with --${role}-threshold how many of these keys have to sign: 1 to ${files.length}.`
    throw new CommandError('wrong-use', message, EXIT_USAGE)
  }
  return { keys: known, threshold: needed }
}

/** A key that is in use: by the file of its public half, or the beginning of its id. */
export function idOf(key: string): string {
  return existsSync(key) ? publicKey(key).keyid : key
}

export function publicKey(file: string): PublicKey {
  try {
    return readPublicKeyFile(readFileSync(file))
  } catch (error) {
    throw new CommandError(
      'key-invalid',
      `${file}: ${error instanceof Error ? error.message : String(error)}`,
      EXIT_USAGE,
      {
        cause: error,
      },
    )
  }
}

export function pair(text: string, option: string, form: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)]
  throw new CommandError('wrong-use', `${option} wants ${form}, not ${text}.`, EXIT_USAGE)
}
