import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { partName } from '../leftovers.ts'

/** The name that a file has whose writer died on this machine: of a process that lived for this only. */
export function deadPartName(): string {
  return execFileSync(process.execPath, [fileURLToPath(import.meta.url)], { encoding: 'utf8' })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(partName())
