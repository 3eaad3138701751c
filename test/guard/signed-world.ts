import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addTrust, fetchRoot, openGuard, Pins } from '@waxseal/guard'
import type { GuardHome } from '@waxseal/guard/run'
import type { Guard, OpenGuardOptions } from '@waxseal/guard'
import {
  DEFAULT_TARGET,
  denyTarget,
  developerTarget,
  NAMESPACES_TARGET,
  recordTarget,
  shardOf,
  writeDefaultPolicy,
  writeDenyList,
  writeNameRecord,
  writeNamespaceList,
} from '@waxseal/index/names'
import type { Denial, NameRecord, Namespace, SignedDefault } from '@waxseal/index/names'
import {
  createRepository,
  draftCeremony,
  finishCeremony,
  generatePrivateKey,
  importSignatures,
  keySigner,
  metadataFileName,
  planPublish,
  signersById,
  signRequest,
  topTrust,
} from '@waxseal/trust'
import type { DelegationChange, Plan, RepositoryState, Signer, TargetChange } from '@waxseal/trust'
import { renumberBy } from '../../packages/index/src/publish/pending-raise.ts'
import { ONLINE_KEYS, pageTarget, roleTable } from '../../packages/index/src/publish/role-table.ts'
import { waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution, Release } from '../support/python-projects.ts'

/** A file as it stands on a page. */
export interface Listed {
  readonly file: Distribution
  /** Another source than the page's. */
  readonly source?: string
  readonly uploadTime?: string
  /** The page does not promise its metadata. */
  readonly withoutMetadata?: boolean
}

/** What somebody signs in one go; undefined takes a document away. */
export interface Signing {
  readonly page?: { readonly project: string; readonly source?: string; readonly files: readonly Listed[] }
  readonly claimed?: NameRecord
  readonly sealed?: NameRecord
  /** What stands where the claimed record of a name is, whatever it is. */
  readonly claimedBytes?: { readonly name: string; readonly bytes: Uint8Array }
  readonly gone?: readonly { readonly role: string; readonly path: string }[]
  readonly namespaces?: { readonly rev: number; readonly namespaces: readonly Namespace[] }
  readonly defaults?: SignedDefault
  /** The deny list of the shard of this project. */
  readonly denied?: { readonly project: string; readonly entries: readonly Denial[] }
  /** Developers are given their project's files by the sealed or the claimed shard, and sign these. */
  readonly developers?: {
    readonly project: string
    readonly by: 'sealed' | 'claimed'
    readonly signer: Signer
    readonly files: readonly Distribution[]
  }
}

/**
 * An index in this process as a guard sees it: all that is signed, and the keys of its two sides apart. `server` signs with every key
 * that a server holds, which is what somebody has who has stolen it; `holders` with all.
 */
export class SignedWorld implements AsyncDisposable {
  readonly url: string
  /** What was asked for, in order: `/tuf/targets/names/…`. */
  readonly asked: string[] = []
  readonly #holder: Signer
  #online: readonly Signer[]
  readonly #files = new Map<string, Uint8Array>()
  readonly #pages = new Map<string, { readonly body: Uint8Array; readonly snapshot: number }>()
  readonly #parts: AsyncDisposableStack
  readonly #folder: string
  #state: RepositoryState

  private constructor(parts: {
    readonly url: string
    readonly folder: string
    readonly holder: Signer
    readonly online: readonly Signer[]
    readonly state: RepositoryState
    readonly stack: AsyncDisposableStack
  }) {
    this.url = parts.url
    this.#folder = parts.folder
    this.#holder = parts.holder
    this.#online = parts.online
    this.#state = parts.state
    this.#parts = parts.stack
  }

  static async start(): Promise<SignedWorld> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-signed-world-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    const holder = newSigner()
    const online = new Map(ONLINE_KEYS.map((name) => [name, newSigner()]))
    const keys = { keys: ['holder'], threshold: 1 }
    const table = roleTable('small', { root: keys, targets: keys })
    const named = new Map([['holder', holder.key], ...Array.from(online, ([name, { key }]) => [name, key] as const)])
    const signers = signersById([holder, ...online.values()])
    const plan = await createRepository(table, named, { snapshot: 1, now: Date.now(), signers })
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stack.defer(async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const world = new SignedWorld({
      url,
      folder,
      holder,
      online: [...online.values()],
      state: plan.state,
      stack: stack.move(),
    })
    for (const file of plan.files) world.#files.set(`/tuf/${metadataFileName(file)}`, file.bytes)
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      const { body, snapshot } = world.answer(decodeURIComponent(req.url ?? ''))
      res.writeHead(body === undefined ? 404 : 200, { 'waxseal-snapshot': String(snapshot) })
      res.end(body)
    })
    return world
  }

  /** What stands at a path; a page says in which snapshot it came out. */
  answer(path: string): { readonly body: Uint8Array | undefined; readonly snapshot: number } {
    this.asked.push(path)
    const page = /^\/simple\/([^/]+)\/$/.exec(path)?.[1]
    const found = page === undefined ? undefined : this.#pages.get(page)
    return found ?? { body: page === undefined ? this.#files.get(path) : undefined, snapshot: 0 }
  }

  /** Everything that a server can sign, whoever sits at it. */
  async server(signing: Signing): Promise<void> {
    await this.#sign(signing, this.#online)
  }

  /** With the keys that are kept away from it. */
  async holders(signing: Signing): Promise<void> {
    await this.#sign(signing, [this.#holder, ...this.#online])
  }

  /** All that is signed now. */
  get state(): RepositoryState {
    return this.#state
  }

  /**
   * Holders give the server new keys for snapshot and timestamp, so that clients forget which versions they saw (specification 5.3.11),
   * and whoever has those keys goes on from an earlier state.
   */
  async rebuilt(from: RepositoryState): Promise<void> {
    const { root } = this.#state
    const base = { ...from, root }
    const revoked = (['snapshot', 'timestamp'] as const).flatMap((role) => topTrust(root.signed, role).keyids)
    const fresh = new Map(revoked.map((keyid) => [keyid, newSigner()]))
    const replaceKeys = new Map(Array.from(fresh, ([keyid, { key }]) => [keyid, key]))
    const request = await draftCeremony(base, { replaceKeys }, { now: Date.now(), load: this.#load })
    const signatures = importSignatures(request, [], await signRequest(request, this.#holder))
    const snapshot = this.#state.snapshot.version + 1
    const changes = { ...finishCeremony(request, signatures, Date.now()), renumber: renumberBy(base, snapshot) }
    this.#online = [...this.#online.filter(({ key }) => !fresh.has(key.keyid)), ...fresh.values()]
    const signers = signersById(this.#online)
    this.#bringOut(await planPublish(base, changes, { snapshot, now: Date.now(), signers, load: this.#load }))
  }

  /** Whoever has the online keys goes on from an earlier state, above all that these keys have signed since. */
  async relapsed(from: RepositoryState): Promise<void> {
    const snapshot = this.#state.snapshot.version + 1
    const effects = { snapshot, now: Date.now(), signers: signersById(this.#online), load: this.#load }
    this.#bringOut(await planPublish(from, { renumber: renumberBy(from, snapshot) }, effects))
  }

  /** A wheel that the index has. */
  wheel(release: Release): Distribution {
    const file = buildWheel(release)
    const path = `/files/${file.name}/${file.sha256}/${file.filename}`
    this.#files.set(path, file.bytes)
    this.#files.set(`${path}.metadata`, Buffer.from(file.metadata))
    return file
  }

  /** A user who trusts the index. */
  async user(name = 'user'): Promise<User> {
    const home = { trust: join(this.#folder, name, 'trust'), cache: join(this.#folder, name, 'cache') }
    const about = { url: this.url, addedAt: new Date().toISOString(), rootFrom: 'index' } as const
    const options = { authorization: undefined, env: {}, now: Date.now }
    const trusted = await addTrust(home, about, await fetchRoot(this.url, {}), options)
    const opened = async (more: Partial<OpenGuardOptions> = {}): Promise<Guard> =>
      await openGuard({ home, trusted, env: {}, now: Date.now, ...more })
    const seen = (project: string): ReturnType<Pins['of']> => {
      using pins = new Pins(join(trusted.folder, 'pins.sqlite'))
      return pins.of(project)
    }
    const env = { WAXSEAL_GUARD_HOME: join(this.#folder, name) }
    const forget = async (project: string, ...options: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await waxsealCommand(['trust', 'forget', project, ...options], { env })
      if (code !== 0) throw new Error(stderr)
      return stdout
    }
    return { home, opened, seen, forget }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync()
  }

  async #sign(signing: Signing, signers: readonly Signer[]): Promise<void> {
    const { page, claimed, claimedBytes, sealed, gone = [], namespaces, defaults, denied, developers } = signing
    const snapshot = this.#state.snapshot.version + 1
    const targets: TargetChange[] = gone.map(({ role, path }) => ({ role, path, target: undefined }))
    const list = (role: string, path: string, body: Uint8Array): void => {
      const sha256 = hash('sha256', body)
      targets.push({ role, path, target: { length: body.length, sha256 } })
      this.#files.set(`/tuf/targets/${path.replace(/[^/]+$/, (last) => `${sha256}.${last}`)}`, body)
    }
    if (page !== undefined) {
      const body = pageOf(page, snapshot)
      list('bins', pageTarget(page.project), body)
      this.#pages.set(page.project, { body, snapshot })
    }
    for (const [kind, record] of Object.entries({ claimed, sealed })) {
      if (record !== undefined) {
        list(`${kind}-${shardOf(record.name)}`, recordTarget(record.name), writeNameRecord(record))
      }
    }
    if (claimedBytes !== undefined) {
      list(`claimed-${shardOf(claimedBytes.name)}`, recordTarget(claimedBytes.name), claimedBytes.bytes)
    }
    if (namespaces !== undefined) list('targets', NAMESPACES_TARGET, writeNamespaceList(namespaces))
    if (defaults !== undefined) list('targets', DEFAULT_TARGET, writeDefaultPolicy(defaults))
    if (denied !== undefined) list('deny', denyTarget(shardOf(denied.project)), writeDenyList(denied.entries))
    const delegations = developers === undefined ? [] : [handedTo(developers)]
    for (const file of developers?.files ?? []) {
      const delegator = `${developers?.by}-${shardOf(file.name)}`
      const target = { length: file.bytes.length, sha256: file.sha256 }
      targets.push({ role: `p.${file.name}`, delegator, path: developerTarget(file.name, file.filename), target })
    }
    const effects = {
      snapshot,
      now: Date.now(),
      signers: signersById([...signers, ...(developers === undefined ? [] : [developers.signer])]),
      load: this.#load,
    }
    this.#bringOut(await planPublish(this.#state, { targets, delegations }, effects))
  }

  readonly #load = (role: string, version: number): Promise<Uint8Array | undefined> =>
    Promise.resolve(this.#files.get(`/tuf/${metadataFileName({ role, version })}`))

  #bringOut({ files, state }: Plan): void {
    for (const file of files) this.#files.set(`/tuf/${metadataFileName(file)}`, file.bytes)
    this.#state = state
  }
}

function handedTo({ project, by, signer }: NonNullable<Signing['developers']>): DelegationChange {
  const paths = [developerTarget(project, '*')]
  const delegation = { keys: [signer.key], threshold: 1, paths, terminating: true }
  return { delegator: `${by}-${shardOf(project)}`, name: `p.${project}`, delegation }
}

export interface User {
  readonly home: GuardHome
  /** A guard as each run opens one, on the same state. */
  opened(more?: Partial<OpenGuardOptions>): Promise<Guard>
  /** What it has kept of a name. */
  seen(project: string): ReturnType<Pins['of']>
  /** `waxseal trust forget`, and what it says. */
  forget(project: string, ...options: readonly string[]): Promise<string>
}

export function newSigner(): Signer {
  return keySigner(generatePrivateKey())
}

function pageOf({ project, source, files }: NonNullable<Signing['page']>, snapshot: number): Buffer {
  return Buffer.from(
    JSON.stringify({
      meta: { 'api-version': '1.4' },
      name: project,
      _waxseal: { snapshot, prev: null, ...(source === undefined ? {} : { source }) },
      versions: [...new Set(files.map(({ file }) => file.version))],
      files: files.map(({ file, source: own, uploadTime, withoutMetadata = false }) => ({
        filename: file.filename,
        url: `../../files/${project}/${file.sha256}/${file.filename}`,
        hashes: { sha256: file.sha256 },
        size: file.bytes.length,
        yanked: false,
        ...(withoutMetadata ? {} : { 'core-metadata': { sha256: hash('sha256', file.metadata) } }),
        ...(own === undefined ? {} : { _source: own }),
        ...(uploadTime === undefined ? {} : { 'upload-time': uploadTime }),
      })),
    }),
  )
}
