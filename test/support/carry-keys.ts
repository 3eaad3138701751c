import { cp } from 'node:fs/promises'
import { join } from 'node:path'

/** Puts the online keys of an index into the data folder of another, as whoever restores it does: no backup has them. */
export async function carryKeys(from: string, to: string): Promise<void> {
  await cp(join(from, 'keys'), join(to, 'keys'), { recursive: true })
}
