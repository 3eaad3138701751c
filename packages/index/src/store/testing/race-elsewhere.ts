import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { StoreOptions } from '../store.ts'

const PUBLISHER = fileURLToPath(new URL('racing-publisher.ts', import.meta.url))

/** Runs the race for the snapshot versions `from` to `to` in a process of its own; resolves to the versions it won. */
export async function raceElsewhere(options: StoreOptions, from: number, to: number): Promise<readonly number[]> {
  const args = [PUBLISHER, JSON.stringify(options), String(from), String(to)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as readonly number[]
}
