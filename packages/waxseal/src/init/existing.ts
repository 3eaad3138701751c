import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { firstRoot, openAdministration, refuseBesideCeremony } from '@waxseal/index'
import type { Administration } from '@waxseal/index'
import { requireDatabase } from '../administer.ts'
import { CommandError } from '../command-error.ts'
import { lockForEdit } from '../config/edit-lock.ts'
import type { ServerConfig } from '../config/load.ts'
import { loadConfig } from '../config/load.ts'
import type { ConfigOptions } from '../config/options.ts'
import { CONFIG_NAME } from '../config/read-file.ts'
import { EXIT_REFUSED, EXIT_USAGE } from '../exit-codes.ts'
import { newOfflineFolder, prepareOfflineFolder } from '../offline-keys.ts'
import { optionFlag } from '../option-flag.ts'
import { printResult } from '../output.ts'
import { shellWord } from '../shell-word.ts'
import { VERSION } from '../version.ts'
import { passphraseOf } from './passphrase.ts'
import type { PassphraseOptions } from './passphrase.ts'
import { isUnfinished } from './place.ts'
import { addressOf } from './address.ts'
import { offlineKeysLine, rootLines, signedDocument, signIndex } from './sign-index.ts'
import type { SignOptions } from './sign-index.ts'

/** Whether there is an index in `data` that no init is still making. */
export function holdsIndex(data: string): boolean {
  if (statSync(data, { throwIfNoEntry: false })?.isDirectory() !== true || isUnfinished(data)) return false
  return existsSync(join(data, 'waxseal.db')) || existsSync(join(data, CONFIG_NAME))
}

export interface ExistingOptions extends PassphraseOptions, SignOptions {
  readonly config?: string
  readonly data?: string
  readonly offlineKeys?: string
}

/**
 * Signs an index that is there and is not signed yet; nothing else of it changes. Cut short, it is said again: what is signed
 * is signed in one transaction.
 * @throws CommandError `occupied` where it is signed, IndexError `conflict` beside a server, or a ceremony that has begun
 */
export async function signExisting(options: ExistingOptions, others: Readonly<Record<string, unknown>>): Promise<void> {
  const { config: file, data, offlineKeys } = options
  const given: ConfigOptions = {
    ...(file === undefined ? {} : { config: file }),
    ...(data === undefined ? {} : { data }),
    ...(offlineKeys === undefined ? {} : { offlineKeys }),
  }
  const config = await loadConfig(given, process.env)
  await requireDatabase(config.index)
  const { dataDir } = config.index
  await using index = await openAdministration({ ...config.index, version: VERSION })
  await refuseSigned(index, config)
  await refuseBesideCeremony(dataDir)
  refuseOthers(dataDir, others)
  const passphrase = await passphraseOf(options)
  await prepareOfflineFolder(newOfflineFolder(config.offlineKeys))
  // The system's lock: it goes with a process that is killed. Whoever waited for it comes too late.
  using _lock = lockForEdit(join(dataDir, CONFIG_NAME))
  await refuseSigned(index, config)
  const signed = await signIndex(index, config, options, passphrase)
  const base = addressOf(config)
  const next = [`waxseal serve --data ${shellWord(dataDir)}`]
  printResult(options, { data: dataDir, ...signedDocument(signed, base), next }, [
    `Signed the index in ${dataDir}`,
    `  offline keys   ${offlineKeysLine(signed)}`,
    '',
    'Next:',
    `  1. take the offline keys away from this machine`,
    `  2. start it              ${next[0]}`,
    '',
    ...rootLines(signed.root, base),
  ])
}

async function refuseSigned({ store }: Administration, { index: { dataDir } }: ServerConfig): Promise<void> {
  const known = await firstRoot(store.db)
  if (known === undefined) return
  const message = `There is an index in ${dataDir} already, which is signed (the sha256 of its 1.root.json is ${known.sha256}), and nothing was changed. Start it with: waxseal serve --data ${shellWord(dataDir)}. To replace its keys, see docs/keys.md.`
  throw new CommandError('occupied', message, EXIT_REFUSED)
}

/** What says how a new index shall be would be passed over in silence. */
function refuseOthers(data: string, others: Readonly<Record<string, unknown>>): void {
  const given = Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (given.length === 0) return
  const options = given.map(optionFlag)
  throw new CommandError(
    'wrong-use',
    `There is an index in ${data} already, and nothing was changed. init signs it and changes nothing else of it: leave out ${options.join(', ')}.`,
    EXIT_USAGE,
  )
}
