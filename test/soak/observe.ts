import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { residentMemory } from '../support/memory.ts'
import type { RunningServer } from '../support/server.ts'
import { spooledFiles } from '../support/storage-audit.ts'
import type { Observation } from './memory-verdict.ts'

/** Looks at the server process through Linux's /proc; `began` is the time of `performance.now()` at which the load began. */
export async function observe(server: RunningServer, began: number): Promise<Observation> {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
  return {
    at: performance.now() - began,
    resident: residentMemory(server.pid),
    anonymous: field('RssAnon') * 1024,
    descriptors: descriptorsOf(server.pid).length,
    threads: field('Threads'),
    wal: statSync(join(server.dataDir, 'waxseal.db-wal'), { throwIfNoEntry: false })?.size ?? 0,
    spooled: (await spooledFiles(server.dataDir)).length,
  }
}

/** What each open descriptor of a process stands for: a path, or `socket:[…]` and the like. */
export function descriptorsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      // Closed since it was listed.
      return []
    }
  })
}

/** Processor time of a process so far, in seconds; Linux counts it in hundredths. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return (user + system) / 100
}
