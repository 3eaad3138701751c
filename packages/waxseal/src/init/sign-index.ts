import type { Administration, FirstRoot, RepositorySize } from '@waxseal/index'
import { firstRoot, offlineKeyIds } from '@waxseal/index'
import type { ServerConfig } from '../config/load.ts'
import { keysLeftIn, makeOfflineKeys, newOfflineFolder } from '../offline-keys.ts'
import type { OfflineKeys } from '../offline-keys.ts'
import type { Output } from '../output.ts'
import { terminalText, writeShownOnce } from '../output.ts'

export interface SignOptions extends Output {
  readonly size: RepositorySize
}

/** What came of signing an index. */
export interface Signed {
  readonly root: FirstRoot
  /** Undefined: an init that was cut short had made them, and shown their passphrase. */
  readonly made: OfflineKeys | undefined
  /** Files of offline keys that are still on this machine. */
  readonly left: readonly string[]
}

/** Signs an index that is not signed yet: online keys, offline keys, and every page that is published. */
export async function signIndex(
  index: Administration,
  { offlineKeys }: ServerConfig,
  { size, json }: SignOptions,
  passphrase: string | undefined,
): Promise<Signed> {
  const known = await firstRoot(index.store.db)
  const left = async () => await keysLeftIn(offlineKeys, await offlineKeyIds(index.store.db))
  if (known !== undefined) return { root: known, made: undefined, left: await left() }
  let made: OfflineKeys | undefined
  const root = await index.sign({
    size,
    async offlineKeys() {
      // With --json the one document comes last, and a process that is killed before it would take the passphrase with it.
      const out = json ? process.stderr : process.stdout
      made = await makeOfflineKeys(newOfflineFolder(offlineKeys), passphrase, (lines) =>
        writeShownOnce(out, terminalText(lines)),
      )
      return made.signers
    },
  })
  return { root, made, left: await left() }
}

/** What `--json` says of it. */
export function signedDocument({ root, made, left }: Signed, base: string): object {
  return {
    root: { sha256: root.sha256, url: rootUrl(base) },
    offline_keys: { files: left, passphrase: made?.generated ?? null },
  }
}

/** What people are told of the offline keys, among what was made. */
export function offlineKeysLine({ made, left }: Signed): string {
  const where = left.length === 0 ? 'taken away' : left.join(', ')
  return made === undefined ? `${where}; their passphrase was shown when they were made` : where
}

/** The end of what people are told: what clients begin with. */
export function rootLines({ sha256 }: FirstRoot, base: string): readonly string[] {
  return [
    'The root of trust: a client that verifies takes this file once, and compares its sha256 with what you tell its owner',
    'by another way: by telephone, on paper. See docs/trust.md.',
    `  ${rootUrl(base)}`,
    `  sha256 ${sha256}`,
  ]
}

function rootUrl(base: string): string {
  return `${base}tuf/1.root.json`
}
