import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { ask } from './index-under-test.ts'

/** A proxy of Debian's, run with the file of `deploy/` that is shipped for it. */
export interface ProxyKind {
  readonly name: 'nginx' | 'Caddy'
  readonly binary: string
  readonly package: string
  /** Whether a refusal's own words stay in the status line. */
  readonly keepsReasons: boolean
  /** What the request ids that it makes look like. */
  readonly requestId: RegExp
}

export const NGINX: ProxyKind = {
  name: 'nginx',
  binary: '/usr/sbin/nginx',
  package: 'nginx-light',
  keepsReasons: true,
  requestId: /^[0-9a-f]{32}$/,
}
export const CADDY: ProxyKind = {
  name: 'Caddy',
  binary: '/usr/bin/caddy',
  package: 'caddy',
  keepsReasons: false,
  requestId: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
}

/** Why tests behind this proxy cannot run here; undefined where they can. */
export function without({ binary, package: name }: ProxyKind): string | undefined {
  return existsSync(binary) ? undefined : `${binary} is not here: apt-get install ${name}`
}

/** What the shipped file is changed in: the same places that an administrator changes. */
export interface ProxySettings {
  readonly port: number
  readonly certificate: string
  readonly key: string
  readonly blobs: string
  /** `127.0.0.1:port` of the index. */
  readonly index: string
}

/** A start takes milliseconds; on a busy machine seconds, never this long. */
const START_TIMEOUT_MS = 20_000
const DEPLOY = resolve(import.meta.dirname, '../../deploy')

/** Runs the proxy with its shipped file. Disposing of it ends it and removes its folder. */
export async function startProxy(kind: ProxyKind, settings: ProxySettings): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-proxy-'))
  const [check, run] = await (kind.name === 'nginx' ? prepareNginx : prepareCaddy)(folder, settings)
  const env = { PATH: '/usr/bin:/bin', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  await toItsEnd(kind.binary, check, env)
  const child = spawn(kind.binary, run, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  const ca = await readFile(settings.certificate)
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS)
  for (;;) {
    try {
      await ask(`https://127.0.0.1:${settings.port}/`, { ca })
      return { [Symbol.asyncDispose]: stop }
    } catch {
      if (child.exitCode === null && !deadline.aborted) continue
      await stop()
      throw new Error(`${kind.name} did not start: ${said}`)
    }
  }
}

async function toItsEnd(binary: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(binary, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${binary} ${args.join(' ')} exited with ${code}: ${said}`)
}

/** Replaces each piece of the file, which must be there: a changed file changes its test. */
function rendered(text: string, changes: ReadonlyMap<string, string>): string {
  let result = text
  for (const [before, after] of changes) {
    if (!result.includes(before)) throw new Error(`the shipped file does not say "${before}"`)
    result = result.replaceAll(before, after)
  }
  return result
}

type Prepared = readonly [check: readonly string[], run: readonly string[]]

async function prepareNginx(folder: string, settings: ProxySettings): Promise<Prepared> {
  const site = rendered(
    await readFile(join(DEPLOY, 'nginx.conf'), 'utf8'),
    new Map([
      ['server 127.0.0.1:8417;', `server ${settings.index};`],
      ['listen 443 ssl;', `listen 127.0.0.1:${settings.port} ssl;`],
      ['listen [::]:443 ssl;', ''],
      ['server_name packages.example;', 'server_name 127.0.0.1;'],
      ['/etc/ssl/packages.example/fullchain.pem', settings.certificate],
      ['/etc/ssl/packages.example/privkey.pem', settings.key],
      ['alias /var/lib/waxseal/blobs/;', `alias ${settings.blobs}/;`],
    ]),
  )
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  await writeFile(join(folder, 'site.conf'), site)
  const config = join(folder, 'nginx.conf')
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
  include ${folder}/site.conf;
}
`,
  )
  const files = ['-e', `${folder}/start.log`, '-c', config]
  return [['-t', ...files], files]
}

async function prepareCaddy(folder: string, settings: ProxySettings): Promise<Prepared> {
  const site = rendered(
    await readFile(join(DEPLOY, 'Caddyfile'), 'utf8'),
    new Map([
      ['reverse_proxy 127.0.0.1:8417 {', `reverse_proxy ${settings.index} {`],
      ['\npackages.example {', `\nhttps://127.0.0.1:${settings.port} {`],
      [
        '# tls /etc/ssl/packages.example/fullchain.pem /etc/ssl/packages.example/privkey.pem',
        `tls ${settings.certificate} ${settings.key}`,
      ],
      ['root * /var/lib/waxseal/blobs', `root * ${settings.blobs}`],
    ]),
  )
  const config = join(folder, 'Caddyfile')
  // The test's own: no port beyond the one it was given.
  await writeFile(config, `{\n  admin off\n  auto_https off\n  servers {\n    protocols h1 h2\n  }\n}\n${site}`)
  const files = ['--config', config, '--adapter', 'caddyfile']
  return [
    ['validate', ...files],
    ['run', ...files],
  ]
}
