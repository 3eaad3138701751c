import { hash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PublishChanges, RepositoryState, Signer } from '@waxseal/trust'
import { holderOf } from './offline-key.ts'
import { binOfPage } from '../packages/index/src/publish/published-pages.ts'
import type { Distribution, Release } from '../test/support/python-projects.ts'
import { buildSdist, buildWheel } from '../test/support/python-projects.ts'
import type { RunningServer } from '../test/support/server.ts'
import { runWaxseal } from '../test/support/server.ts'
import { uploadFile } from '../test/support/upload-form.ts'
import type { SimulatedFile, Simulator } from '../test/support/upstream-simulator.ts'
import { startSimulator } from '../test/support/upstream-simulator.ts'
import { AttackingProxy } from './attacking-proxy.ts'
import type { Attempt } from './attempt.ts'
import { PAYLOAD } from './attempt.ts'
import type { Page, PageFile } from './page.ts'
import { JSON_TYPE, readPage } from './page.ts'
import type { Draft, Fork, StolenKeys } from './stolen-keys.ts'
import { draftOf, naming, resigned, signDraft, signerOf } from './stolen-keys.ts'
import type { PipOptions, Player, UserParts } from './user.ts'
import { User } from './user.ts'

/** What all runs share: an index, the upstream behind it, and what somebody holds who has stolen its keys. */
export interface World {
  readonly server: RunningServer
  /** The file that it is configured by. */
  readonly config: string
  /** Another index, with a root of its own. */
  readonly other: RunningServer
  readonly upstream: Simulator
  readonly stolen: StolenKeys
}

/** The signed part of a snapshot. */
export type SnapshotDraft = Draft & { readonly meta: Readonly<Record<string, { readonly version: number }>> }

/** A file as a simulated index has it. */
export function simulated({ filename, bytes, metadata }: Distribution): SimulatedFile {
  return { filename, bytes, ...(filename.endsWith('.whl') ? { metadata: Buffer.from(metadata) } : {}) }
}

/** As long as the attacker's module: files of the two have the same length. */
const HONEST = `# ${'honest'.padEnd(PAYLOAD.length)}\n`

/** A state that the index was in. */
export interface Earlier {
  readonly page: Page
  readonly timestamp: Buffer
  readonly state: RepositoryState
}

/** Where one scenario is played once: the attacker's mirror in front of the shared index, names of its own, a user. */
export class Stage implements AsyncDisposable {
  readonly mirror: AttackingProxy
  readonly user: User
  readonly #world: World
  readonly #suffix: string
  readonly #evil: Set<string>
  readonly #vouched: Set<string>
  readonly #userParts: UserParts
  readonly #parts = new AsyncDisposableStack()
  #fork: Fork | undefined
  #elsewhere: Simulator | undefined

  private constructor(
    world: World,
    suffix: string,
    parts: {
      readonly mirror: AttackingProxy
      readonly user: User
      readonly userParts: UserParts
      readonly evil: Set<string>
      readonly vouched: Set<string>
    },
  ) {
    this.#world = world
    this.#suffix = suffix
    this.mirror = parts.mirror
    this.user = parts.user
    this.#evil = parts.evil
    this.#vouched = parts.vouched
    this.#userParts = parts.userParts
  }

  /** `run`: a number that no other has. */
  static async set(world: World, player: Player, run: number): Promise<Stage> {
    await using setting = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-attack-'))
    setting.defer(() => rm(folder, { recursive: true, force: true }))
    const mirror = setting.use(await AttackingProxy.start(world.server.url))
    const [evil, vouched] = [new Set<string>(), new Set<string>()]
    const { upstream, server } = world
    const secondIndex = upstream.simpleUrl
    const userParts = { player, folder, mirror, secondIndex, token: server.token, evil, vouched }
    const user = await User.arrive(userParts)
    const stage = new Stage(world, `x${run}`, { mirror, user, userParts, evil, vouched })
    stage.#parts.use(setting.move())
    return stage
  }

  get upstream(): Simulator {
    return this.#world.upstream
  }

  /** A host of the attacker's own. */
  async elsewhere(): Promise<Simulator> {
    this.#elsewhere ??= this.#parts.use(await startSimulator())
    return this.#elsewhere
  }

  get other(): RunningServer {
    return this.#world.other
  }

  /** The credentials of a user of the index. */
  get token(): string {
    return this.#world.server.token
  }

  get stolen(): StolenKeys {
    return this.#world.stolen
  }

  /** The key that seals names: its holder's, never the attacker's. */
  async holder(): Promise<Signer> {
    return await holderOf(this.#world.server)
  }

  /** A project's name that no other run uses. */
  name(stem: string): string {
    return `${stem}-${this.#suffix}`
  }

  /** Text as the table has it: names without what sets runs apart. */
  plain(text: string): string {
    return text.replaceAll(new RegExp(`[-_]${this.#suffix}\\b`, 'g'), '')
  }

  /** A wheel as its owner builds it; requirements that name projects of this stage are written `dep` or `dep==1.0`. */
  wheel(release: Release): Distribution {
    return buildWheel({ module: HONEST, ...this.#named(release) })
  }

  sdist(release: Release): Distribution {
    return buildSdist(this.#named(release))
  }

  /** The attacker's: what it installs is found. */
  evil(release: Release): Distribution {
    return this.own(buildWheel({ module: `# ${PAYLOAD}\n`, ...this.#named(release) }))
  }

  /** Counts a file among the attacker's. */
  own(file: Distribution): Distribution {
    this.#evil.add(file.sha256)
    return file
  }

  /** Uploads to the index as a user with a token does; the status. */
  async upload(file: Distribution): Promise<number> {
    return (await uploadFile(this.#world.server, file)).status
  }

  /** A release that the index has. */
  async publish(release: Release): Promise<Distribution> {
    const file = this.wheel(release)
    if ((await this.upload(file)) !== 200) throw new Error(`${file.filename} was not taken`)
    return file
  }

  /** A project of the upstream. */
  offer(stem: string, ...files: readonly Distribution[]): void {
    this.upstream.addProject({
      name: this.name(stem),
      files: files.map(simulated),
    })
    // pip escapes more of an address than it has to.
    for (const { filename, bytes, metadata } of files) {
      const path = `/files/${this.name(stem)}/${filename.replaceAll('+', '%2B').replaceAll('!', '%21')}`
      this.upstream.addAnswer(path, { body: bytes })
      this.upstream.addAnswer(`${path}.metadata`, { body: Buffer.from(metadata) })
    }
  }

  /** The folder of the index. */
  get dataDir(): string {
    return this.#world.server.dataDir
  }

  /** The file that the index is configured by. */
  get config(): string {
    return this.#world.config
  }

  /** An administrator's command beside the server. */
  async administer(...args: readonly string[]): Promise<void> {
    await runWaxseal([...args, '--data', this.dataDir])
  }

  /** What the index shows now of a project, to be shown again once that is old. */
  async remember(stem: string): Promise<Earlier> {
    const origin = this.#world.server.url
    const timestamp = Buffer.from(await (await fetch(`${origin}/tuf/timestamp.json`)).arrayBuffer())
    return { page: await this.page(stem), timestamp, state: (await this.stolen.fork()).state }
  }

  /** The mirror shows a project as it was; `metadata`: and the timestamp. */
  relapse(stem: string, { page, timestamp }: Earlier, metadata = true): void {
    const { snapshot } = page._waxseal
    this.#serve(`/simple/${this.name(stem)}/`, page, snapshot)
    if (metadata) this.mirror.serve('/tuf/timestamp.json', timestamp)
  }

  /** The role that lists a project's page. */
  binOf(stem: string, { layout }: RepositoryState): string {
    return binOfPage(layout, this.name(stem))
  }

  /** Whoever holds the keys of timestamp and snapshot signs another snapshot; `change` is told the role that lists the page. */
  async resnap(change: (snapshot: SnapshotDraft, role: string) => SnapshotDraft, stem: string): Promise<void> {
    const { state } = await this.fork()
    const before = draftOf(await this.stolen.stored('snapshot', state.snapshot.version)) as SnapshotDraft
    const next = { ...change(before, this.binOf(stem, state)), version: before.version + 1 }
    const snapshot = await signDraft(next, await this.stolen.key('snapshot'))
    const old = draftOf(await this.stolen.stored('timestamp', state.timestamp.version))
    const timestamp = naming({ ...old, version: old.version + 1 }, snapshot)
    const signed = await signDraft(timestamp, await this.stolen.key('timestamp'))
    this.mirror.serve(`/tuf/${next.version}.snapshot.json`, snapshot)
    this.mirror.serve('/tuf/timestamp.json', signed)
    this.#vouch([snapshot, signed])
  }

  /** What the index says of a project now, as JSON. */
  async page(stem: string): Promise<Page> {
    return await readPage(`${this.#world.server.url}/simple/${this.name(stem)}/`)
  }

  /** The mirror says something else of a project, which nobody has signed. */
  async lie(stem: string, alter: (page: Page) => Page): Promise<void> {
    const page = alter(await this.page(stem))
    this.#serve(`/simple/${this.name(stem)}/`, page, page._waxseal.snapshot)
  }

  /** The mirror has these bytes where the page says this file is, and its sidecar. */
  plant(
    file: Distribution,
    { metadata = file.metadata, bytes = file.bytes }: { readonly metadata?: string; readonly bytes?: Uint8Array } = {},
  ): PageFile {
    const path = `/files/${file.name}/${file.sha256}/${file.filename}`
    this.mirror.serve(path, bytes)
    this.mirror.serve(`${path}.metadata`, Buffer.from(metadata))
    return {
      filename: file.filename,
      url: `../..${path}`,
      hashes: { sha256: file.sha256 },
      size: file.bytes.length,
      'core-metadata': { sha256: hash('sha256', metadata) },
    }
  }

  /** Whoever holds the online keys signs another page of a project, and the mirror shows nothing else. */
  async forge(stem: string, alter: (page: Page) => Page): Promise<void> {
    const fork = await this.fork()
    const project = this.name(stem)
    const page = alter(await this.page(stem))
    const body = Buffer.from(JSON.stringify({ ...page, _waxseal: { ...page._waxseal, snapshot: fork.snapshot + 1 } }))
    const sha256 = hash('sha256', body)
    const target = { length: body.length, sha256 }
    await this.sign({ targets: [{ role: 'bins', path: `simple/${project}/index.json`, target }] })
    this.#serve(`/simple/${project}/`, body, fork.snapshot)
    this.mirror.serve(`/tuf/targets/simple/${project}/${sha256}.index.json`, body)
    this.#vouch([body])
  }

  /** Whoever holds the online keys, and `more`, signs any change, and the mirror shows nothing else. */
  async sign(changes: PublishChanges, more: readonly Signer[] = []): Promise<void> {
    const fork = await this.fork()
    await fork.publish(changes, more)
    this.#show(fork.files)
    this.#vouch(fork.files.values())
  }

  /** Whoever holds the online keys goes on from an earlier state, and the mirror shows nothing else. */
  async goBack(earlier: RepositoryState): Promise<void> {
    const fork = await this.fork()
    await fork.goBack(earlier)
    this.#show(fork.files)
    this.#vouch(fork.files.values())
  }

  /** A machine that has seen nothing of the index, and has the file that the user's guard has written by now. */
  async newcomer(): Promise<User> {
    const folder = join(this.#userParts.folder, 'newcomer')
    return await User.arrive({ ...this.#userParts, folder, newcomer: { file: await this.user.exportTrust() } })
  }

  /** Whoever holds the key of `role`, or is lent it as `holder`, signs a document about names; undefined: it is gone. */
  async decide(role: string, path: string, body: Buffer | undefined, holder?: Signer): Promise<void> {
    const sha256 = hash('sha256', body ?? '')
    const target = body && { length: body.length, sha256 }
    await this.sign({ targets: [{ role, path, target }] }, holder === undefined ? [] : [holder])
    if (body === undefined) return
    this.mirror.serve(`/tuf/targets/${path.replace(/[^/]+$/, (last) => `${sha256}.${last}`)}`, body)
    this.#vouch([body])
  }

  /** The mirror shows the same metadata, signed by others. */
  async resign(signer: Signer, timestampSigner = signer): Promise<void> {
    const { files } = await this.fork()
    const others = await resigned(files, signer, timestampSigner)
    this.#show(others)
    this.#vouched.clear()
    const same = [...others].filter(([name, bytes]) => signerOf(bytes) === signerOf(files.get(name) ?? bytes))
    this.#vouch(same.map(([, bytes]) => bytes))
  }

  /** The attacker's own repository, which goes on from what is published when it is first asked for. */
  async fork(): Promise<Fork> {
    this.#fork ??= await this.stolen.fork()
    return this.#fork
  }

  /** `pip install`. */
  async install(stem: string, options: PipOptions = {}): Promise<Attempt> {
    return await this.pip(['install', this.#requirement(stem)], options)
  }

  /** Any subcommand of pip that resolves: `install`, `lock`, `download`. */
  async pip(words: readonly string[], options: PipOptions = {}): Promise<Attempt> {
    return await this.user.pip(words, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync()
  }

  #vouch(files: Iterable<Buffer>): void {
    for (const bytes of files) this.#vouched.add(hash('sha256', bytes))
  }

  #show(files: ReadonlyMap<string, Buffer>): void {
    for (const [name, bytes] of files) this.mirror.serve(`/tuf/${name}`, bytes, { 'content-type': 'application/json' })
  }

  #serve(path: string, page: Page | Buffer, snapshot: number): void {
    const body = Buffer.isBuffer(page) ? page : Buffer.from(JSON.stringify(page))
    this.mirror.serve(path, body, {
      'content-type': JSON_TYPE,
      'waxseal-snapshot': String(snapshot),
    })
  }

  #named(release: Release): Release {
    const { requires } = release
    return {
      ...release,
      name: this.name(release.name),
      ...(requires === undefined ? {} : { requires: requires.map((each) => this.#requirement(each)) }),
    }
  }

  /** `dep>=1` with the name that it has here. */
  #requirement(text: string): string {
    const [stem = ''] = /^[A-Za-z](?:[\w.-]*\w)?/.exec(text) ?? []
    return `${this.name(stem)}${text.slice(stem.length)}`
  }
}
