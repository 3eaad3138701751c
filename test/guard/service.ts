import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { MAIN } from './machine.ts'

/** A running `waxseal guard` of a machine. */
export interface Service extends AsyncDisposable {
  /** With the secret in its path, without a slash at the end. */
  readonly url: string
  readonly secret: string
  readonly port: number
  readonly pid: number
  /** What it has said so far. */
  said(): string
}

/** Starts the service on a free port; resolves once it answers. */
export async function startService(machine: Machine, args: readonly string[] = []): Promise<Service> {
  const readyFile = join(machine.folder, 'guard-ready.json')
  const watcher = watch(machine.folder)
  const child = spawn(process.execPath, [MAIN, 'guard', '--port', '0', '--ready-file', readyFile, ...args], {
    env: { ...process.env, WAXSEAL_GUARD_HOME: machine.guardHome, NO_PROXY: '127.0.0.1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = once(child, 'exit')
  const ready = await new Promise<{ readonly url: string; readonly pid: number }>((done, fail) => {
    const look = (): void => {
      try {
        done(JSON.parse(readFileSync(readyFile, 'utf8')) as { url: string; pid: number })
      } catch {
        // Not there yet.
      }
    }
    watcher.on('change', look)
    void exited.then(() => fail(new Error(`waxseal guard ended before it answered:\n${stderr}`)))
    look()
  }).finally(() => watcher.close())
  const { port, pathname } = new URL(ready.url)
  return {
    url: ready.url,
    secret: pathname.slice(1),
    port: Number(port),
    pid: ready.pid,
    said: () => stderr,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
