import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { makeDurableFolders, OFFLINE_KEYS } from '@waxseal/index'
import type { FirstKeys, OfflineKey } from '@waxseal/index'
import { createKeyFile, generatePassphrase, generatePrivateKey, keySigner, recogniseKeyFile } from '@waxseal/trust'
import type { KdfCost, Signer } from '@waxseal/trust'
import { CommandError } from './command-error.ts'
import { EXIT_ENVIRONMENT } from './exit-codes.ts'

/** A generated passphrase has 140 bits: nobody guesses it, however quickly a guess is tried. */
const GENERATED_COST: KdfCost = { memory: 8192, passes: 1, lanes: 1 }

/** The offline keys of an index that was just made, and where they are. */
export interface OfflineKeys {
  readonly signers: FirstKeys['offline']
  readonly folder: string
  /** Made here, and shown once; undefined where it was given. */
  readonly generated: string | undefined
}

/** Where the offline keys of an index are put when nobody says where: beside its data folder. */
export function offlineFolderOf(dataDir: string): string {
  return `${dataDir}.offline-keys`
}

/** `wanted`, or with a number behind it where that holds keys: those of another index are never written over. */
export function newOfflineFolder(wanted: string): string {
  for (let number = 1; ; number += 1) {
    const folder = number === 1 ? wanted : `${wanted}-${number}`
    if (keyFilesIn(folder).length === 0) return folder
  }
}

/** Makes the folder, and sees whether keys can be put there, before anything else is made. @throws CommandError `cannot-keep-keys` */
export async function prepareOfflineFolder(folder: string): Promise<void> {
  try {
    await makeDurableFolders(folder, 0o700)
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw cannotKeep(folder, error)
  }
}

/**
 * Makes root's and targets' keys, each in an encrypted file in `folder`; says where they are, and their passphrase if it was
 * generated, before anything is signed with them: it is nowhere else.
 * @throws CommandError `cannot-keep-keys`, or `cannot-show` after which nothing of them is left
 */
export async function makeOfflineKeys(
  folder: string,
  given: string | undefined,
  show: (lines: readonly string[]) => Promise<void>,
): Promise<OfflineKeys> {
  await prepareOfflineFolder(folder)
  const made = await writeOfflineKeys(folder, given).catch((error: unknown) => {
    throw cannotKeep(folder, error)
  })
  await show(offlineKeysText(made)).catch(async (cause: unknown) => {
    // Nobody could ever open them.
    for (const name of OFFLINE_KEYS) await rm(join(folder, keyFile(name)), { force: true })
    throw notShown(cause)
  })
  return made
}

async function writeOfflineKeys(folder: string, given: string | undefined): Promise<OfflineKeys> {
  const passphrase = given ?? generatePassphrase()
  const made: Partial<Record<OfflineKey, Signer>> = {}
  for (const name of OFFLINE_KEYS) {
    const key = generatePrivateKey()
    await createKeyFile(join(folder, keyFile(name)), key, passphrase, given === undefined ? GENERATED_COST : undefined)
    made[name] = keySigner(key)
  }
  return {
    signers: made as FirstKeys['offline'],
    folder,
    generated: given === undefined ? passphrase : undefined,
  }
}

/** Files of the keys `offline` that are still where `newOfflineFolder` put them; those of an attempt that came to nothing do not count. */
export async function keysLeftIn(wanted: string, offline: ReadonlySet<string>): Promise<readonly string[]> {
  const name = basename(wanted)
  const folders = listed(dirname(wanted)).filter((each) => each === name || isNumbered(each, name))
  const left: string[] = []
  for (const file of folders.flatMap((folder) => keyFilesIn(join(dirname(wanted), folder)))) {
    if (await isOneOf(file, offline)) left.push(file)
  }
  return left
}

/** What cannot be read may be one: whoever runs this may not be its owner. */
async function isOneOf(file: string, offline: ReadonlySet<string>): Promise<boolean> {
  try {
    return offline.has((await recogniseKeyFile(file)).keyid)
  } catch {
    return true
  }
}

function isNumbered(folder: string, name: string): boolean {
  return folder.startsWith(`${name}-`) && /^\d+$/.test(folder.slice(name.length + 1))
}

function offlineKeysText({ folder, generated }: OfflineKeys): readonly string[] {
  return [
    `The offline keys of this index are in ${folder}: ${OFFLINE_KEYS.map(keyFile).join(', ')}.`,
    'Take them away from this machine, and keep copies in two places: nobody can make them again.',
    ...(generated === undefined ? [] : ['Their passphrase, shown this once; write it down:', `  ${generated}`]),
    '',
  ]
}

function notShown(cause: unknown): CommandError {
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return new CommandError(
    'cannot-show',
    `The passphrase of the offline keys is shown this once, and could not be shown${code}: nothing was signed, and no key is left. Start it where somebody reads what it prints, or run waxseal init with a passphrase of your own (--passphrase-file).`,
    EXIT_ENVIRONMENT,
    { cause },
  )
}

function cannotKeep(folder: string, cause: unknown): CommandError {
  const reason = cause instanceof Error ? cause.message.replace(/\.?$/, '.') : String(cause)
  return new CommandError(
    'cannot-keep-keys',
    `The offline keys of a new index cannot be put into ${folder}: ${reason} Say where with --offline-keys: a folder outside the data folder that this user may write to.`,
    EXIT_ENVIRONMENT,
    { cause },
  )
}

function keyFilesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const names: ReadonlySet<string> = new Set(OFFLINE_KEYS.map(keyFile))
  return listed(folder)
    .filter((name) => names.has(name))
    .map((name) => join(folder, name))
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function keyFile(name: OfflineKey): string {
  return `${name}.key.json`
}
