import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { userInfo, tmpdir } from 'node:os'
import { join } from 'node:path'

const NGINX = '/usr/sbin/nginx'
/** A start takes milliseconds; on a busy machine seconds, never this long. */
const START_TIMEOUT_MS = 20_000

/** Why tests behind nginx cannot run here; undefined where they can. */
export function withoutNginx(): string | undefined {
  return existsSync(NGINX) ? undefined : `${NGINX} is not here: apt-get install nginx-light`
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Debian's nginx with these `location` blocks, on `port`. Disposing of it ends it and removes its folder. */
export async function startNginx(port: number, locations: string): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-nginx-'))
  const config = join(folder, 'nginx.conf')
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  await writeFile(
    config,
    `${userInfo().uid === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 256; }
http {
  access_log off;
  ${paths.join(' ')}
  types { }
  default_type text/x-nginx-default;
  server {
    listen 127.0.0.1:${port};
    ${locations}
  }
}
`,
  )
  const child = spawn(NGINX, ['-e', `${folder}/start.log`, '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS)
  for (;;) {
    try {
      await (await fetch(`http://127.0.0.1:${port}/`, { signal: deadline })).arrayBuffer()
      return { [Symbol.asyncDispose]: stop }
    } catch {
      if (child.exitCode === null && !deadline.aborted) continue
      await stop()
      throw new Error(`nginx did not start: ${said}`)
    }
  }
}
