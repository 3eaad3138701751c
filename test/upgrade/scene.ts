import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A folder that goes with its scope. */
export function scratchFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'waxseal-upgrade-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Unpacks the kept first store; its data folder. */
export function unpackFirstStore(folder: string): string {
  execFileSync('tar', ['xzf', resolve(import.meta.dirname, 'first-store.tar.gz'), '-C', folder, '--no-same-owner'])
  return join(folder, 'data')
}
