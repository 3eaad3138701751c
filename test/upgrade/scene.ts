import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
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

/** A port for servers that follow one another. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
