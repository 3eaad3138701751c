/**
 * Fetches the newest Python clients (pip, twine, Poetry, PDM, pipenv, flit, python-tuf) for the tests: the packages of Debian sid,
 * through the mirror that this machine's apt already uses, unpacked into `.cache/clients/sid` and never installed.
 *
 *   node scripts/fetch-clients.ts              take what scripts/clients.lock.json pins by sha256
 *   node scripts/fetch-clients.ts --refresh    look at sid again and write a new lock
 *   node scripts/fetch-clients.ts --follow     as pinned; where sid has moved on, take what it has now and say so
 *
 * The whole closure is taken, C library and Python included, so that the clients run in one coherent userland: of
 * Debian's Python only the ELF interpreter and the library path are changed (by sid's own patchelf). Scripts then find
 * their interpreter, `sys.executable` and virtual environments as on a machine of their own.
 *
 * sid keeps a superseded version for about a day. CI must not break on that day, so it uses `--follow`: the new hashes then come from sid's
 * package lists, whose signature apt verifies, and every package that differs from the lock is named in a warning.
 * Without `--follow` a pinned file that is gone is an error (exit 3), and the tests of these clients skip by name.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { openSidArchive, type SidPackage } from './sid-archive.ts'

type Lock = { readonly suite: 'sid'; readonly architecture: string; readonly packages: readonly SidPackage[] }

const CLIENTS = [
  'python3-pip',
  'twine',
  'python3-poetry',
  'python3-pdm',
  'pipenv',
  'flit',
  'python3-venv',
  // Another implementation of The Update Framework, to verify what ours signs.
  'python3-tuf',
]
const CACHE = resolve(import.meta.dirname, '../.cache/clients')
const LOCK_FILE = join(import.meta.dirname, 'clients.lock.json')
const STAMP_FILE = join(CACHE, 'sid.json')
const WHEELS = '/usr/share/python-wheels'

const must = (command: string, args: readonly string[]): void => {
  const result = spawnSync(command, args, { encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`${command} failed: ${result.stderr || String(result.error)}`)
}

const lockText = (): string => (existsSync(LOCK_FILE) ? readFileSync(LOCK_FILE, 'utf8') : '')

/** Makes the unpacked tree runnable where it stands: see the head of this file. */
const relocate = (tree: string, place: string): void => {
  const python = realpathSync(join(tree, 'usr/bin/python3'))
  const [loader] = globSync('usr/lib{,64}/ld-linux-*.so.*', { cwd: tree })
  const [libc] = globSync('usr/lib/*/libc.so.6', { cwd: tree })
  if (loader === undefined || libc === undefined) throw new Error('sid holds no C library where it is expected')
  const libraries = dirname(libc)
  // An old-style RPATH (not RUNPATH) holds for extension modules too.
  must(realpathSync(join(tree, loader)), [
    '--library-path',
    join(tree, libraries),
    join(tree, 'usr/bin/patchelf'),
    // With its own choice of page size, patchelf 0.18 moves the program headers where this executable then crashes.
    '--page-size',
    '65536',
    '--set-interpreter',
    join(place, loader),
    '--force-rpath',
    '--set-rpath',
    join(place, libraries),
    python,
  ])
  // Debian's virtualenv and ensurepip name the folder of bundled wheels absolutely: it would be the system's older ones.
  for (const file of globSync(
    ['usr/lib/python3/dist-packages/virtualenv/**/*.py', 'usr/lib/python3.*/_sysconfig*.{py,json}'],
    {
      cwd: tree,
    },
  )) {
    const path = join(tree, file)
    if (lstatSync(path).isSymbolicLink()) continue
    const text = readFileSync(path, 'utf8')
    if (text.includes(WHEELS)) writeFileSync(path, text.replaceAll(WHEELS, `${place}${WHEELS}`))
  }
  // The tree's other programs are not relocated: clients see only these two names on their PATH.
  mkdirSync(join(tree, 'path'))
  for (const name of ['python', 'python3']) symlinkSync(`../usr/bin/python3`, join(tree, 'path', name))
}

const unpack = (packages: readonly SidPackage[]): void => {
  const place = join(CACHE, 'sid')
  const tree = join(CACHE, `sid.${process.pid}`)
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(tree, { recursive: true })
  for (const pinned of packages) must('dpkg-deb', ['--extract', join(CACHE, 'debs', `${pinned.sha256}.deb`), tree])
  relocate(tree, place)
  rmSync(place, { recursive: true, force: true })
  renameSync(tree, place)
  must(join(place, 'path/python3'), ['-c', 'import ssl, sqlite3, zlib, lzma'])
}

const main = (options: ReadonlySet<string>): number => {
  const before = lockText()
  const stampOf = (lock: string) => createHash('sha256').update(`${CACHE}\n${lock}`).digest('hex')
  const stamped = existsSync(STAMP_FILE) ? readFileSync(STAMP_FILE, 'utf8') : ''
  if (!options.has('--refresh') && stamped.includes(stampOf(before))) {
    console.log('clients: up to date')
    return 0
  }
  const archive = openSidArchive(join(CACHE, 'apt'))
  const lock = before === '' ? undefined : (JSON.parse(before) as Lock)
  const pinned = lock?.architecture === archive.architecture ? lock.packages : []
  let packages = pinned
  let missing: ReadonlyMap<string, string> = new Map()
  const gone = options.has('--refresh') ? [] : archive.download(pinned, join(CACHE, 'debs'))
  if (gone.length > 0 || pinned.length === 0 || options.has('--refresh')) {
    const names = gone.map((absent) => `${absent.package} ${absent.version}`).join(', ')
    if (!options.has('--refresh') && !options.has('--follow')) {
      console.error(`clients: sid no longer has ${names || 'anything pinned for this architecture'}.`)
      console.error('clients: renew the lock with `node scripts/fetch-clients.ts --refresh` and commit it.')
      return 3
    }
    const fresh = archive.resolve([...CLIENTS, 'patchelf'])
    packages = fresh.packages
    missing = fresh.missing
    const known = new Map(pinned.map((old) => [old.package, old]))
    for (const now of packages) {
      const old = known.get(now.package)
      if (old?.sha256 === now.sha256) continue
      console.warn(
        `WARNING: clients: ${now.package} ${old?.version ?? '(not pinned)'} -> ${now.version}, as sid signs it`,
      )
    }
    for (const [client, reason] of missing) console.warn(`WARNING: clients: ${client} cannot be had: ${reason}`)
    const failed = archive.download(packages, join(CACHE, 'debs'))
    if (failed.length > 0) {
      console.error(`clients: could not download ${failed.map((absent) => absent.package).join(', ')}`)
      return 3
    }
  }
  unpack(packages)
  if (options.has('--refresh')) {
    const next: Lock = { suite: 'sid', architecture: archive.architecture, packages }
    writeFileSync(LOCK_FILE, `${JSON.stringify(next, null, 2)}\n`)
  }
  const stamp = { lock: stampOf(lockText()), missing: Object.fromEntries(missing), packages }
  writeFileSync(STAMP_FILE, `${JSON.stringify(stamp, null, 2)}\n`)
  console.log(`clients: ${packages.length} packages of sid unpacked into .cache/clients/sid`)
  return 0
}

try {
  process.exitCode = main(new Set(process.argv.slice(2)))
} catch (error) {
  console.error(`clients: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 3
}
