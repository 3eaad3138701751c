import { rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { writeNew, writeWhole } from '@waxseal/trust/durable'
import { GuardError } from '../error.ts'
import { textIfThere } from './child-file.ts'
import { InPlaceMark } from './in-place-mark.ts'
import type { ChildOutput, Preparing } from './preparing.ts'

const NEW_FILE = 0o644

/**
 * A file that a client reads and writes at one place only: it has loopback URLs while the child runs. A mark beside it says whose they
 * are, and keeps what stood there: whoever comes next puts it back if this process dies.
 * @throws configuration-refused while another process has the file, or where it cannot be told whose text it holds.
 */
export async function mapInPlace(
  preparing: Preparing,
  place: string,
  check: (preparing: Preparing, place: string, text: string) => void,
): Promise<ChildOutput> {
  const markPath = join(dirname(place), `.waxseal.${basename(place)}`)
  await recover(place, markPath)
  const { urls, loopback } = preparing
  const before = await textIfThere(place)
  if (before !== undefined) check(preparing, place, before)
  const mapped = before === undefined ? undefined : urls.toLoopback(before)
  try {
    const mark = Buffer.from(InPlaceMark.ofThisProcess(loopback, before).toText())
    if (!(await writeNew(markPath, mark, { mode: await modeOf(place) }))) throw inUse(place, markPath)
  } catch (error) {
    // Where no file can be made, the child makes none either.
    if (mapped === before && isForbidden(error)) return { collect: async () => [] }
    throw error
  }
  // Another run may have had it between the reading and the mark.
  if ((await textIfThere(place)) !== before) {
    await rm(markPath, { force: true })
    throw inUse(place, markPath)
  }
  if (mapped !== undefined && mapped !== before) await put(place, mapped)
  return {
    collect: async (completed) => {
      const text = await textIfThere(place)
      const after = completed ? text && urls.toOrigin(text) : before
      if (after !== text) await put(place, after)
      await rm(markPath, { force: true })
      return after === undefined || after === before ? [] : [place]
    },
  }
}

async function recover(place: string, markPath: string): Promise<void> {
  const kept = await textIfThere(markPath)
  if (kept === undefined) return
  const mark = InPlaceMark.fromText(kept)
  if (mark?.ownerIsRunning() === true) throw inUse(place, markPath, mark)
  // Of several that find the mark of a dead process, one puts the file back: the others would take its own mark away.
  const claim = `${markPath}.recovery`
  if (!(await writeNew(claim, Buffer.from(''), { mode: 0o600 }))) throw inUse(place, claim)
  try {
    if ((await textIfThere(markPath)) !== kept) throw inUse(place, markPath)
    await putBack(place, markPath, mark)
    await rm(markPath, { force: true })
  } finally {
    await rm(claim, { force: true })
  }
}

/** What stood in the place before, where it still holds the text of the run that died; of somebody's own text nothing is overwritten. */
async function putBack(place: string, markPath: string, mark: InPlaceMark | undefined): Promise<void> {
  const text = await textIfThere(place)
  if (mark !== undefined && text?.includes(`${mark.loopback}/`) === true) return await put(place, mark.before)
  if (mark !== undefined && (mark.before === undefined || mark.before === text)) return
  throw new GuardError(
    'configuration-refused',
    `${place} was written anew after a \`waxseal run\` that was killed; ${markPath} keeps what stood there before that run. Remove ${markPath} if ${basename(place)} is right as it is; otherwise rename the one to the other.`,
    { data: { path: place } },
  )
}

async function put(place: string, text: string | undefined): Promise<void> {
  if (text === undefined) await rm(place, { force: true })
  else await writeWhole(place, Buffer.from(text), { mode: await modeOf(place) })
}

async function modeOf(place: string): Promise<number> {
  const { mode } = await stat(place).catch(() => ({ mode: NEW_FILE }))
  return mode & 0o777
}

function inUse(place: string, markPath: string, mark?: InPlaceMark): GuardError {
  const remedy = mark?.before === undefined ? `remove ${markPath}` : `rename ${markPath} to ${basename(place)}`
  return new GuardError(
    'configuration-refused',
    `${place} is in use by another \`waxseal run\`. Wait for it; if there is none, ${remedy}.`,
    { data: { path: place } },
  )
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['EACCES', 'EROFS', 'EPERM'].includes(String(error.code))
}
