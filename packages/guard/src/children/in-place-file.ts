import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { writeWhole } from '@waxseal/trust/client'
import { GuardError } from '../error.ts'
import { textIfThere } from './child-file.ts'
import type { ChildOutput, Preparing } from './preparing.ts'

/**
 * A file that a client reads and writes at one place only: it has loopback URLs while the child runs. What stood there is kept beside it
 * under a name with this process's number, and comes back at the next start if this process dies.
 */
export async function mapInPlace(preparing: Preparing, place: string): Promise<ChildOutput> {
  await recover(place)
  const { urls } = preparing
  const before = await textIfThere(place)
  const mapped = before === undefined ? undefined : urls.toLoopback(before)
  const kept = keptName(place, process.pid)
  if (before !== undefined && mapped !== undefined && mapped !== before) {
    const { mode } = await stat(place)
    await writeWhole(kept, Buffer.from(before), { mode: mode & 0o777 })
    await writeWhole(place, Buffer.from(mapped), { mode: mode & 0o777 })
  }
  return {
    collect: async (completed) => {
      const text = await textIfThere(place)
      const after = completed || before === undefined ? text && urls.toOrigin(text) : before
      if (text !== undefined && after !== undefined && after !== text) {
        const { mode } = await stat(place)
        await writeWhole(place, Buffer.from(after), { mode: mode & 0o777 })
      }
      await rm(kept, { force: true })
      return after === undefined || after === before ? [] : [place]
    },
  }
}

function keptName(place: string, process: number): string {
  return join(dirname(place), `.waxseal-${process}.${basename(place)}`)
}

/** @throws configuration-refused while another process has the file. */
async function recover(place: string): Promise<void> {
  const folder = dirname(place)
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    const pid = /^\.waxseal-(\d+)\./.exec(name)?.[1]
    if (pid === undefined || keptName(place, Number(pid)) !== join(folder, name)) continue
    if (isRunning(Number(pid))) {
      throw new GuardError(
        'configuration-refused',
        `${place} is in use by another \`waxseal run\` (process ${pid}). Wait for it; if there is none, rename ${join(folder, name)} to ${basename(place)}.`,
        { data: { path: place } },
      )
    }
    await rename(join(folder, name), place)
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Another user's process is one.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
