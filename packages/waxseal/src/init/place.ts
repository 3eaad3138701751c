import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolders } from '@waxseal/index'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { writeWhole } from '../write-file.ts'

/** Stands in a data folder from the first to the last step of an init: with it, one that was cut short is begun again. */
const MARKER = 'init.unfinished'
/** What a file system of its own has at its top, and what an edit of the configuration leaves beside it. */
const EMPTY_ALL_THE_SAME = new Set(['lost+found', '.waxseal.toml.lock'])

/** Why an index cannot be made in `data`; undefined: it can. */
export function occupied(data: string): string | undefined {
  const found = statSync(data, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (!found.isDirectory()) return `${data} is not a folder. Choose another one with --data.`
  if (isUnfinished(data)) return running(data)
  const [name] = readdirSync(data).filter((entry) => !EMPTY_ALL_THE_SAME.has(entry))
  if (name === undefined) return undefined
  return existsSync(join(data, 'waxseal.db')) || existsSync(join(data, 'waxseal.toml'))
    ? `There is an index in ${data} already, and nothing was changed. Start it with: waxseal serve --data ${data}. One that is not signed is signed by: waxseal init --data ${data}`
    : `${data} is not empty (it has ${name}), and nothing was changed. Choose another folder with --data.`
}

/** Whether an init was cut short here. */
export function isUnfinished(data: string): boolean {
  return existsSync(join(data, MARKER))
}

/** Takes the folder for this process. Throws CommandError `occupied`, and the system's error. */
export function begin(data: string): void {
  const reason = occupied(data)
  if (reason !== undefined) throw new CommandError('occupied', reason, EXIT_REFUSED)
  makeFolders(data, 0o700)
  writeWhole(join(data, MARKER), `${process.pid}\n`, { owner: statSync(data) })
}

/** The index is whole. */
export function finish(data: string): void {
  rmSync(join(data, MARKER), { force: true })
}

function running(data: string): string | undefined {
  const pid = Number(readFileSync(join(data, MARKER), 'utf8'))
  if (!Number.isInteger(pid) || pid < 1 || pid === process.pid) return undefined
  try {
    process.kill(pid, 0)
  } catch {
    return undefined
  }
  return `Another init (process ${pid}) is at work in ${data}. If that process is something else, remove ${join(data, MARKER)}.`
}
