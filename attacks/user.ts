import { hash } from 'node:crypto'
import { existsSync, globSync, lstatSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { addTrust, fetchRoot, guardHome } from '@waxseal/guard'
import type { Client } from '../test/support/clients.ts'
import { clientEnvironment } from '../test/support/clients.ts'
import { clockAt } from '../test/support/clock-at.ts'
import type { Distribution } from '../test/support/python-projects.ts'
import type { AttackingProxy } from './attacking-proxy.ts'
import type { Attempt, Ended } from './attempt.ts'
import { downloadedIn, installedIn, lockedIn, MARK, runPatiently } from './attempt.ts'
import { guarded, guardOutcome, waxseal } from './guard.ts'
import type { Column, Defence } from './scenario.ts'
import { filesOf, treeOf } from './tree.ts'

/** Who runs the scenario. */
export interface Player {
  readonly column: Column
  readonly pip: Client
  /** The defence that is left out. */
  readonly without?: Defence
  /** The user has the attacker's index as a second one. */
  readonly second?: boolean
}

export interface PipOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Hours that have gone by, as the guard's clock tells them: in milliseconds. */
  readonly later?: number
  /** The user has credentials for the index, where users of a bare pip put them: in its address. */
  readonly credentials?: boolean
}

export interface UserParts {
  readonly player: Player
  /** For all that is the user's. */
  readonly folder: string
  readonly mirror: AttackingProxy
  /** The attacker's index, which a user may have as a second one. */
  readonly secondIndex: string
  readonly token: string
  /** The sha256 of the attacker's files. */
  readonly evil: ReadonlySet<string>
  /** The sha256 of metadata that the attacker made up, and that is signed with keys that count: a client may keep it. */
  readonly vouched: ReadonlySet<string>
  /** The user trusts nothing yet, and begins with what a guard has exported, or with the index's root where there is no file. */
  readonly newcomer?: { readonly file: string | undefined }
}

const SHA256 = /^[\da-f]{64}$/

/** Whoever installs: a home with caches and what the guard trusts, a folder to work in, and pip as the column has it. */
export class User {
  readonly home: string
  /** The folder that clients are run in. */
  readonly work: string
  readonly #parts: UserParts
  #attempts = 0

  private constructor(parts: UserParts) {
    this.#parts = parts
    this.home = join(parts.folder, 'home')
    this.work = join(parts.folder, 'work')
  }

  /** A user who trusts the index by its root, while nobody attacks. */
  static async arrive(parts: UserParts): Promise<User> {
    const user = new User(parts)
    for (const folder of [user.home, user.work]) await mkdir(folder, { recursive: true })
    if (parts.player.column === 'guard' && parts.newcomer === undefined) await user.#trust()
    return user
  }

  /** The index as the user knows it: behind the attacker's mirror. */
  get indexUrl(): string {
    return `${this.#parts.mirror.url}/simple/`
  }

  /** Any subcommand that resolves: `install`, `lock`, `download`. */
  async pip(
    [command = '', ...rest]: readonly string[],
    { args = [], env = {}, credentials = false, later = 0 }: PipOptions = {},
  ): Promise<Attempt> {
    if (credentials && this.#parts.player.column === 'guard') await this.#login()
    const out = join(this.#parts.folder, `out-${(this.#attempts += 1)}`)
    await mkdir(out)
    await writeFile(join(out, 'witness'), 'as before')
    const before = treeOf(out)
    const lock = join(out, 'pylock.toml')
    const where = { install: ['--target', out], lock: ['-o', lock], download: ['-d', out] }[command] ?? []
    const start = this.#command([command, ...where, ...rest, ...args], credentials)
    const told = this.#trusted()
    const refused = await this.#begin()
    const ended =
      refused ??
      (await runPatiently(start.command, {
        cwd: this.work,
        env: {
          ...(await this.#environment()),
          ...start.env,
          ...env,
          ...(later === 0 ? {} : clockAt(Date.now() + later)),
        },
        sent: () => this.#parts.mirror.sent,
      }))
    const mark = join(this.home, MARK)
    const left =
      command === 'lock'
        ? lockedIn(lock, this.#parts.evil)
        : command === 'download'
          ? downloadedIn(out)
          : installedIn(out)
    return {
      ...ended,
      ...left,
      verb: command === 'lock' ? 'locks' : command === 'download' ? 'downloads' : 'installs',
      ran: existsSync(mark) ? readFileSync(mark, 'utf8').trim().split('\n') : [],
      untouched: treeOf(out) === before,
      guard: this.#parts.player.column === 'guard' ? guardOutcome(ended.stdout) : undefined,
      planted: this.#planted(told),
    }
  }

  /** How the column starts pip: against the index alone, with a second one, or behind the guard. */
  #command(
    args: readonly string[],
    credentials: boolean,
  ): { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> } {
    const pip = this.#parts.player.pip.command
    const second = { PIP_EXTRA_INDEX_URL: this.#parts.secondIndex }
    switch (this.#parts.player.column) {
      case 'guard':
        // Configured as badly as with two indexes, where the scenario is about them.
        return {
          command: guarded([...pip, ...args], this.#parts.player.without),
          env: this.#parts.player.second ? second : {},
        }
      case 'bare':
      case 'two': {
        const index = credentials ? this.indexUrl.replace('//', `//__token__:${this.#parts.token}@`) : this.indexUrl
        const [command = '', ...rest] = args
        return {
          command: [...pip, command, '--index-url', index, ...rest],
          env: this.#parts.player.column === 'two' ? second : {},
        }
      }
    }
  }

  /** `waxseal trust add`; for a guard that is no product either, by the same function without a process: half of all runs are such. */
  async #trust(): Promise<void> {
    const { player, mirror } = this.#parts
    if (player.without === undefined) return await this.#waxseal('trust', 'add', mirror.url, '--yes')
    const added = { url: mirror.url, addedAt: new Date().toISOString(), rootFrom: 'index' as const }
    const env = await this.#environment()
    const root = await fetchRoot(mirror.url, env)
    await addTrust(guardHome(env), added, root, { authorization: undefined, env, now: Date.now })
  }

  /** What a container does before anything else; undefined: there is nothing to begin with, or it was done. */
  async #begin(): Promise<Ended | undefined> {
    const { mirror, newcomer, player } = this.#parts
    if (player.column !== 'guard' || newcomer === undefined) return undefined
    const how = newcomer.file === undefined ? ['--yes'] : ['--root', newcomer.file]
    const begun = await this.#run('trust', 'add', mirror.url, ...how, '--json')
    return begun.code === 0 ? undefined : begun
  }

  /** What the guard of this user trusts, in a file; undefined where there is no guard, or it lacks that. */
  async exportTrust(): Promise<string | undefined> {
    const { column, without } = this.#parts.player
    if (column !== 'guard' || without === 'exported-trust') return undefined
    const file = join(this.work, 'trust.json')
    await this.#waxseal('trust', 'export', '--out', file)
    return file
  }

  /** Where users of the guard put credentials. */
  async #login(): Promise<void> {
    const file = join(this.work, 'token')
    await writeFile(file, this.#parts.token, { mode: 0o600 })
    await this.#waxseal('trust', 'login', '--token-file', file)
  }

  async #environment(): Promise<NodeJS.ProcessEnv> {
    return await clientEnvironment(this.home, this.#parts.player.pip.path)
  }

  /** `waxseal …` as the user. */
  async #waxseal(...args: readonly string[]): Promise<void> {
    const { code, output } = await this.#run(...args)
    if (code !== 0) throw new Error(`waxseal ${args.join(' ')}: ${output}`)
  }

  async #run(...args: readonly string[]): Promise<Ended> {
    const env = await this.#environment()
    return await runPatiently(waxseal(...args), { cwd: this.work, env, sent: () => 0 })
  }

  /** What the guard trusts, and what it keeps, by path. */
  #trusted(): ReadonlyMap<string, string> {
    return this.#parts.player.column === 'guard'
      ? filesOf(this.home, 'data/waxseal/**/*', 'cache/waxseal/**/*')
      : new Map()
  }

  /**
   * What an attempt left in the guard's folders that ought not to be there: metadata that the mirror made up, and, in the cache, bytes
   * under the sha256 of others.
   */
  #planted(before: ReadonlyMap<string, string>): readonly string[] {
    const strange = new Set(
      this.#parts.mirror.planted
        .map((bytes) => hash('sha256', bytes))
        .filter((sha256) => !this.#parts.vouched.has(sha256)),
    )
    return [...this.#trusted()].flatMap(([path, sha256]) => {
      if (before.get(path) === sha256) return []
      const isWrong = path.startsWith('cache/') && SHA256.test(basename(path)) && basename(path) !== sha256
      return isWrong || strange.has(sha256) ? [path] : []
    })
  }

  /** Puts other bytes, as many, in the place of a file wherever the caches of the user have it. */
  async poisonCaches(honest: Distribution, evil: Distribution): Promise<void> {
    if (honest.bytes.length !== evil.bytes.length) throw new Error('files of two lengths')
    const folder = join(this.home, 'cache')
    for (const file of globSync('**/*', { cwd: folder })) {
      const path = join(folder, file)
      if (!lstatSync(path).isFile()) continue
      const kept = readFileSync(path)
      const at = kept.indexOf(honest.bytes)
      if (at !== -1) await writeFile(path, Buffer.from(kept).fill(evil.bytes, at, at + evil.bytes.length))
    }
  }
}
