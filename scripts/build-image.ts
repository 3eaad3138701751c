import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { stageImage } from './image-stage.ts'

/**
 * `npm run image [-- --output FILE]`: builds the container image from Debian's packages, with Debian's mmdebstrap and
 * buildah, and from the packages of the lock file. It stays in `.cache/image/storage` as `waxseal`; `--output` writes it
 * as an OCI archive too. `--stage DIR` only writes the build context; `--storage DIR` keeps the image elsewhere.
 */
const { values } = parseArgs({
  options: { output: { type: 'string' }, stage: { type: 'string' }, storage: { type: 'string' } },
})

const CACHE = resolve(import.meta.dirname, '../.cache/image')
/** What Node's binary links to, authorities for upstreams, time zones, and whose system it is. No shell. */
const PACKAGES = [
  'base-files',
  'libatomic1',
  'libc6',
  'libgcc-s1',
  'libstdc++6',
  'ca-certificates',
  'netbase',
  'tzdata',
]
const SUITE = 'bookworm'

if (values.stage === undefined) buildImage(resolve(values.storage ?? join(CACHE, 'storage')), values.output)
else stageImage(resolve(values.stage))

function buildImage(storage: string, output: string | undefined): void {
  const began = performance.now()
  mkdirSync(storage, { recursive: true })
  const stage = mkdtempSync(join(tmpdir(), 'waxseal-image-'))
  const buildah = (...args: readonly string[]): string =>
    run('buildah', ['--root', storage, '--runroot', join(storage, 'run'), '--storage-driver', 'vfs', ...args])
  try {
    const base = baseImage(buildah)
    stageImage(stage)
    const format = ['--format', 'docker', '--isolation', 'chroot']
    buildah('bud', ...format, '--build-arg', `BASE=${base}`, '--tag', 'waxseal', stage)
    // What the name stood for before would stay for ever.
    buildah('rmi', '--prune', '--force')
    if (output !== undefined) buildah('push', 'waxseal', `oci-archive:${resolve(output)}`)
    const size = buildah('images', '--format', '{{.Size}}', 'localhost/waxseal').trim()
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    process.stdout.write(`localhost/waxseal, ${size}, in ${storage}: ${seconds} s\n`)
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** The name of an image with the packages and nothing else; made where there is none. */
function baseImage(buildah: (...args: readonly string[]) => string): string {
  const tree = rootFileSystem()
  const name = `waxseal-base:${tree.digest}`
  if (buildah('images', '--format', '{{.Name}}:{{.Tag}}').includes(`localhost/${name}\n`)) return `localhost/${name}`
  const container = buildah('from', 'scratch').trim()
  buildah('add', container, tree.path, '/')
  buildah('commit', '--rm', container, name)
  return `localhost/${name}`
}

/** Debian's packages, unpacked and not configured, as a tar file in the cache. */
function rootFileSystem(): { readonly path: string; readonly digest: string } {
  const digest = createHash('sha256')
    .update(`${SUITE} ${PACKAGES.join(' ')}`)
    .digest('hex')
    .slice(0, 12)
  mkdirSync(CACHE, { recursive: true })
  const path = join(CACHE, `rootfs-${digest}.tar`)
  if (existsSync(path)) return { path, digest }
  const fresh = `${path}.${process.pid}.tar`
  const leftOut = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*']
  const excluded = leftOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`)
  try {
    run('mmdebstrap', ['--quiet', '--variant=extract', `--include=${PACKAGES.join(',')}`, ...excluded, SUITE, fresh])
    renameSync(fresh, path)
  } finally {
    rmSync(fresh, { force: true })
  }
  return { path, digest }
}

function run(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, BUILDAH_ISOLATION: 'chroot' } })
  if (done.error !== undefined) throw new Error(`${command} is not here: apt-get install ${command}`)
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${done.status}:\n${done.stderr}`)
  return done.stdout
}
