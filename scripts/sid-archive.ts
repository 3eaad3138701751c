import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** One .deb: what the lock file pins. `filename` is its path below the mirror; `sha256` is lower-case hex. */
export type SidPackage = {
  readonly package: string
  readonly version: string
  readonly filename: string
  readonly sha256: string
}

/** What `resolve` found: the union of the closures, and the clients that cannot be had today with apt's own words. */
export type Resolution = { readonly packages: readonly SidPackage[]; readonly missing: ReadonlyMap<string, string> }

/** Debian sid, seen through apt with state, cache and lists of its own: nothing of the system's apt is touched. */
export type SidArchive = {
  readonly architecture: string
  /** Resolves each client and its dependencies against an empty machine; apt verifies the signed package lists. */
  resolve(clients: readonly string[]): Resolution
  /** Downloads into `folder` and returns what could not be had with exactly the pinned sha256. */
  download(packages: readonly SidPackage[], folder: string): readonly SidPackage[]
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C', ...env },
  })

const output = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string => {
  const result = run(command, args, env)
  if (result.status !== 0) {
    throw new Error(`${command} ${args[0] ?? ''} failed: ${result.stderr || String(result.error)}`)
  }
  return result.stdout
}

/** The mirror that this machine already trusts for Debian itself (not for its security updates). */
const ownMirror = (): string => {
  const targets = output('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI)|$(COMPONENT)|$(LABEL)',
    'Created-By: Packages',
  ])
  const line = targets.split('\n').find((target) => target.endsWith('|main|Debian'))
  if (line === undefined) {
    throw new Error('this machine has no Debian package source; run `apt-get update` first')
  }
  return line.slice(0, line.indexOf('|')).replace(/\/$/, '')
}

const field = (stanza: string, name: string): string =>
  stanza
    .split('\n')
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2) ?? ''

/**
 * Opens the archive with its working files in `folder`.
 * @throws Error when this machine has no apt or no Debian source.
 */
export const openSidArchive = (folder: string): SidArchive => {
  const mirror = ownMirror()
  const architecture = output('dpkg', ['--print-architecture']).trim()
  for (const part of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, part), { recursive: true })
  }
  writeFileSync(join(folder, 'state/status'), '')
  const signedBy = existsSync(KEYRING) ? `Signed-By: ${KEYRING}\n` : ''
  writeFileSync(join(folder, 'sid.sources'), `Types: deb\nURIs: ${mirror}\nSuites: sid\nComponents: main\n${signedBy}`)
  writeFileSync(
    join(folder, 'apt.conf'),
    `Dir::State "${folder}/state";
Dir::State::status "${folder}/state/status";
Dir::Cache "${folder}/cache";
Dir::Etc::sourcelist "${folder}/sid.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "root";
APT::Install-Recommends "0";
Acquire::Languages "none";
Acquire::Retries "3";
`,
  )
  const env = { APT_CONFIG: join(folder, 'apt.conf') }

  const closureOf = (clients: readonly string[]): readonly string[] =>
    output('apt-get', ['install', '--simulate', '--yes', ...clients], env)
      .split('\n')
      .filter((line) => line.startsWith('Inst '))
      .map((line) => {
        // `Inst name (version origin [arch]) …`
        const [, name = '', version = ''] = line.split(' ')
        return `${name}=${version.slice(1)}`
      })

  return {
    architecture,
    resolve(clients) {
      output('apt-get', ['update', '--quiet=2', '--error-on=any'], env)
      const missing = new Map<string, string>()
      let wanted: readonly string[]
      try {
        wanted = closureOf(clients)
      } catch {
        // In a transition one client may be uninstallable for a day; the others stay testable.
        const installable = clients.filter((client) => {
          try {
            closureOf([client])
            return true
          } catch (error) {
            missing.set(client, error instanceof Error ? error.message : String(error))
            return false
          }
        })
        wanted = closureOf(installable)
      }
      const packages = output('apt-cache', ['show', ...wanted], env)
        .split('\n\n')
        .filter((stanza) => stanza.trim() !== '')
        .map((stanza) => ({
          package: field(stanza, 'Package'),
          version: field(stanza, 'Version'),
          filename: field(stanza, 'Filename'),
          sha256: field(stanza, 'SHA256'),
        }))
        .toSorted((a, b) => (a.package < b.package ? -1 : 1))
      return { packages, missing }
    },
    download(packages, into) {
      mkdirSync(into, { recursive: true })
      const target = (pinned: SidPackage) => join(into, `${pinned.sha256}.deb`)
      const absent = packages.filter((pinned) => !existsSync(target(pinned)))
      if (absent.length > 0) {
        // apt-helper uses apt's own proxies and transports, and gives a file its name only after the hash matched.
        const wanted = absent.flatMap((pinned) => [
          `${mirror}/${pinned.filename.split('/').map(encodeURIComponent).join('/')}`,
          target(pinned),
          `SHA256:${pinned.sha256}`,
        ])
        run('/usr/lib/apt/apt-helper', ['download-file', ...wanted], env)
      }
      return packages.filter((pinned) => !existsSync(target(pinned)))
    },
  }
}
