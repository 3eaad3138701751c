import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../test/support/free-port.ts'
import { familyOf } from './processes.ts'

/** A real nginx, with static files and with a proxy before an index. */
export interface Nginx {
  readonly url: string
  /** Puts bytes at a path; `<path>.gz` beside it is sent to who accepts gzip. */
  put(path: string, bytes: Uint8Array): void
  readonly pids: () => readonly number[]
  stop(): Promise<void>
}

/** One worker as Waxseal has one; sendfile, keep-alive without end, no log, as an administrator who wants speed writes it. */
function configuration(folder: string, port: number, behind: { readonly url: string; readonly blobs: string }): string {
  return `
user root;
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75;
  keepalive_requests 1000000000;
  gzip_static on;
  open_file_cache max=1000 inactive=60s;
  types { application/vnd.pypi.simple.v1+json json; text/html html; text/plain metadata; }
  default_type application/octet-stream;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream index { server ${new URL(behind.url).host}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    root ${folder}/static;
    location /index/ {
      proxy_pass http://index/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
    location /blobs/ { internal; alias ${behind.blobs}/; }
  }
}
`
}

/** Starts Debian's nginx in `folder`, as a proxy before `behind` under `/index/` too. */
export async function startNginx(
  folder: string,
  behind: { readonly url: string; readonly blobs: string },
): Promise<Nginx> {
  const port = await freePort()
  const files = join(folder, 'static')
  mkdirSync(files, { recursive: true })
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, configuration(folder, port, behind))
  const child = spawn('/usr/sbin/nginx', ['-c', config], { stdio: ['ignore', 'ignore', 'inherit'] })
  const { pid } = child
  if (pid === undefined) throw new Error('nginx is needed beside Waxseal: apt-get install nginx-light wrk')
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`nginx exited with ${child.exitCode}`)
    await wait(20)
  }
  return {
    url,
    put: (path, bytes) => writeFileSync(join(files, path), bytes),
    pids: () => familyOf(pid),
    async stop() {
      child.kill('SIGQUIT')
      await exited
    },
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).arrayBuffer()
    return true
  } catch {
    return false
  }
}
