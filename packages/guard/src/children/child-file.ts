import { readFile, realpath, rm, stat } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { writeWhole } from '@waxseal/trust/durable'
import { isLockName } from './lock-name.ts'
import type { ChildOutput } from './preparing.ts'

export interface ChildFile {
  /** Where the child finds and leaves it. */
  readonly written: string
  /** Where the user wants it. */
  readonly place: string
  /** What stands at `place` as the child starts. */
  readonly before?: string | undefined
  /** What the child wrote, as the user gets it. */
  readonly map: (text: string) => string | Promise<string>
}

/** A file that the child writes in another place than the user's: it takes that place mapped, and whole or not at all. */
export function childFile({ written, place, before, map }: ChildFile): ChildOutput {
  return {
    collect: async (completed) => {
      try {
        const text = completed ? await textIfThere(written) : undefined
        const mapped = text === undefined ? undefined : await map(text)
        if (mapped === undefined || mapped === before) return []
        // As the child would have written through a link.
        const target = await realpath(place).catch(() => place)
        const { mode } = await stat(target).catch(() => stat(written))
        await writeWhole(target, Buffer.from(mapped), { mode: mode & 0o777 })
        return [place]
      } finally {
        await rm(written, { force: true })
      }
    },
  }
}

/** A name for a copy in the folder of `place`: what a file says about folders is relative to it. No client takes it for another file. */
export function nameBeside(place: string): string {
  const mark = `waxseal-${randomBytes(8).toString('hex')}`
  const name = isLockName(place) ? `pylock.${mark}.toml` : `.${mark}.${basename(place)}`
  return join(dirname(place), name)
}

export async function textIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
