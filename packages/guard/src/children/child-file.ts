import { readFile, realpath, rm, stat } from 'node:fs/promises'
import { isSystemError } from './system-error.ts'
import { writeWhole } from '@waxseal/trust'
import type { ChildOutput } from './preparing.ts'
import type { UrlMapping } from './url-mapping.ts'

/** A file that the child writes at `written` and the user wants at `place`: mapped, and whole or not at all. */
export function childFile(written: string, place: string, urls: UrlMapping): ChildOutput {
  return {
    collect: async (completed) => {
      try {
        if (!completed) return []
        const text = await textIfThere(written)
        if (text === undefined) return []
        const { mode } = await stat(written)
        const target = await realpath(place).catch(() => place)
        await writeWhole(target, Buffer.from(urls.toOrigin(text)), { mode: mode & 0o777 })
        return [place]
      } finally {
        await rm(written, { force: true })
      }
    },
  }
}

export async function textIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined
    throw error
  }
}
