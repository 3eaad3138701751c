import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeWhole } from '../write-file.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_ENVIRONMENT, EXIT_REFUSED } from '../exit-codes.ts'
import type { PlannedFile, SetupPlan } from './setup-plan.ts'

/** What a file needs, or what was done to it. */
export interface FileOutcome {
  readonly path: string
  readonly state: 'as-wanted' | 'differs' | 'written'
  /** The copy of what was there before. */
  readonly backup?: string
}

export interface SetupOutcome {
  readonly files: readonly FileOutcome[]
  /** What is in the way, or, after a forced writing, still is. */
  readonly conflicts: readonly string[]
}

interface Prepared {
  readonly file: PlannedFile
  /** Where it really lies: a link in somebody's home stays a link. */
  readonly place: string
  readonly before: string | undefined
  readonly mode: number | undefined
  readonly text: string
  readonly conflicts: readonly string[]
}

/** More copies than anybody keeps. */
const BACKUPS_MAX = 100
const OWNER_ONLY = 0o600

/** Looks what writing the plan would do; changes nothing. */
export async function examineSetup(plan: SetupPlan): Promise<SetupOutcome> {
  const prepared = await Promise.all(plan.files.map(prepare))
  return {
    files: prepared.map((file) => ({ path: file.file.path, state: isAsWanted(file) ? 'as-wanted' : 'differs' })),
    conflicts: [...plan.conflicts, ...prepared.flatMap(({ conflicts }) => conflicts)],
  }
}

/**
 * Writes the files of the plan, each whole or not at all, with a copy of what was there. With anything in the way, none
 * is touched unless `force`. Throws CommandError `setup-conflict`, `setup-unwritable`.
 */
export async function writeSetup(plan: SetupPlan, force: boolean): Promise<SetupOutcome> {
  const prepared = await Promise.all(plan.files.map(prepare))
  const conflicts = [...plan.conflicts, ...prepared.flatMap((file) => file.conflicts)]
  if (conflicts.length > 0 && !force) {
    const list = conflicts.map((conflict) => `\n  ${conflict}`).join('')
    throw new CommandError('setup-conflict', `Nothing was written; this is in the way:${list}`, EXIT_REFUSED)
  }
  const files: FileOutcome[] = []
  for (const file of prepared) files.push(await write(file))
  const left = prepared.flatMap(({ file, text }) => file.edit(text).conflicts)
  return { files, conflicts: [...plan.conflicts, ...left] }
}

async function prepare(file: PlannedFile): Promise<Prepared> {
  try {
    const place = await realpath(file.path).catch(orMissing(file.path))
    const bytes = await readFile(place).catch(orMissing(undefined))
    const before = bytes === undefined ? undefined : decoded(bytes, file.path)
    const mode = before === undefined ? undefined : (await stat(place)).mode & 0o777
    const { text, conflicts } = file.edit(before)
    return { file, place, before, mode, text, conflicts }
  } catch (error) {
    throw unwritable(file.path, error)
  }
}

/** Text of another encoding would come back damaged from its own edit. */
function decoded(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    const advice = `${path} is not UTF-8. Convert it, or edit it by hand.`
    throw new CommandError('config-unreadable', advice, EXIT_REFUSED, { cause: error })
  }
}

function orMissing<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return instead
    throw error
  }
}

function isAsWanted({ file, before, mode, text }: Prepared): boolean {
  return before === text && !(file.secret && isOpen(mode))
}

function isOpen(mode: number | undefined): boolean {
  return process.platform !== 'win32' && mode !== undefined && (mode & 0o077) !== 0
}

async function write(prepared: Prepared): Promise<FileOutcome> {
  const { file, place, before, mode, text } = prepared
  const { path } = file
  if (isAsWanted(prepared)) return { path, state: 'as-wanted' }
  try {
    if (before === text) {
      await chmod(place, OWNER_ONLY)
      return { path, state: 'written' }
    }
    await mkdir(dirname(place), { recursive: true })
    const backup = before === undefined ? undefined : await keepCopy(place, file.secret)
    writeWhole(place, text, { mode: file.secret ? OWNER_ONLY : (mode ?? 0o644) })
    return { path, state: 'written', ...(backup === undefined ? {} : { backup }) }
  } catch (error) {
    throw unwritable(path, error)
  }
}

async function keepCopy(place: string, secret: boolean): Promise<string> {
  for (let number = 1; ; number += 1) {
    const copy = `${place}.waxseal-backup${number === 1 ? '' : `.${number}`}`
    try {
      await copyFile(place, copy, constants.COPYFILE_EXCL)
      if (secret) await chmod(copy, OWNER_ONLY)
      return copy
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST'
      if (!taken || number === BACKUPS_MAX) throw error
    }
  }
}

function unwritable(path: string, error: unknown): unknown {
  if (error instanceof CommandError || !(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : error.message
  return new CommandError('setup-unwritable', `${path} cannot be read or written (${code}).`, EXIT_ENVIRONMENT, {
    cause: error,
  })
}
