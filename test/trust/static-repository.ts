import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Plan, PublishChanges, RepositoryState, RoleTable, Signer } from '../../packages/trust/src/index.ts'
import {
  createRepository,
  generatePrivateKey,
  keySigner,
  openDirectoryMetadataStore,
  planPublish,
  signersById,
} from '../../packages/trust/src/index.ts'

const DAY = 86_400_000

/** Root and targets by two of three holders; pages in eight bins; a project with developers of its own. */
const holders = { keys: ['anna', 'ben', 'cleo'], threshold: 2, life: 365 * DAY, renewAfter: 240 * DAY, online: false }
const online = { keys: ['server'], threshold: 1, online: true, life: 90 * DAY, renewAfter: 60 * DAY }

export const TABLE: RoleTable = {
  top: {
    root: holders,
    targets: holders,
    snapshot: { ...online, life: 7 * DAY, renewAfter: DAY },
    timestamp: { ...online, life: DAY, renewAfter: 3_600_000 },
  },
  named: [
    { ...online, name: 'claimed-3f', delegator: 'targets', paths: ['projects/3f/*/*'], terminating: true },
    { ...holders, name: 'bins', delegator: 'targets', paths: ['simple/*/*'], terminating: true },
  ],
  succinct: [{ ...online, delegator: 'bins', bins: { bitLength: 3, namePrefix: 'bin' } }],
  later: { life: 365 * DAY, renewAfter: 240 * DAY, hashes: true },
}

/** A repository that our writer keeps in a folder, served by a server that knows nothing but files. */
export class StaticRepository implements AsyncDisposable {
  readonly signers: ReadonlyMap<string, Signer>
  readonly url: string
  readonly folder: string
  readonly #store: Awaited<ReturnType<typeof openDirectoryMetadataStore>>
  readonly #stop: () => Promise<void>
  state: RepositoryState

  private constructor(parts: {
    readonly signers: ReadonlyMap<string, Signer>
    readonly url: string
    readonly folder: string
    readonly store: Awaited<ReturnType<typeof openDirectoryMetadataStore>>
    readonly state: RepositoryState
    readonly stop: () => Promise<void>
  }) {
    this.signers = parts.signers
    this.url = parts.url
    this.folder = parts.folder
    this.#store = parts.store
    this.state = parts.state
    this.#stop = parts.stop
  }

  static async create(folder: string, now = Date.now()): Promise<StaticRepository> {
    const names = ['anna', 'ben', 'cleo', 'server']
    const signers = new Map(names.map((name) => [name, keySigner(generatePrivateKey())]))
    const keys = new Map(Array.from(signers, ([name, { key }]) => [name, key]))
    const store = await openDirectoryMetadataStore(folder)
    const first = await createRepository(TABLE, keys, { snapshot: 1, now, signers: signersById(signers.values()) })
    await store.publish(first.files)
    const server = createServer((req, res) => {
      readFile(join(folder, decodeURIComponent((req.url ?? '/').slice(1)))).then(
        (bytes) => res.end(bytes),
        () => res.writeHead(404).end(),
      )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const stop = async (): Promise<void> => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return new StaticRepository({ signers, url, folder, store, state: first.state, stop })
  }

  async publish(changes: PublishChanges, now = Date.now()): Promise<Plan> {
    const effects = { snapshot: this.state.snapshot.version + 1, now, load: this.#store.load }
    const plan = await planPublish(this.state, changes, { ...effects, signers: signersById(this.signers.values()) })
    await this.#store.publish(plan.files)
    this.state = plan.state
    return plan
  }

  /** The bytes of a file of the repository, and putting others in their place. */
  async read(name: string): Promise<Buffer> {
    return await readFile(join(this.folder, name))
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await writeFile(join(this.folder, name), bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }
}
