import { hash } from 'node:crypto'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatePrivateKey, keySigner } from '@waxseal/trust'
import { openDirectoryBlobStore } from '../../packages/index/src/blobs/directory-blob-store.ts'
import { initialiseSigning } from '../../packages/index/src/publish/initialise-signing.ts'
import { makeOnlineKeys, signerContext, signingKeysIn } from '../../packages/index/src/publish/online-keys.ts'
import { openSigned } from '../../packages/index/src/publish/open-signed.ts'
import { Publisher } from '../../packages/index/src/publish/publisher.ts'
import { pageTarget, REPOSITORY_SIZES } from '../../packages/index/src/publish/role-table.ts'
import type { RepositorySize } from '../../packages/index/src/publish/role-table.ts'
import { openStore } from '../../packages/index/src/store/store.ts'
import { Namespaces } from '@waxseal/index/names'

/** Bytes of a page that is signed: what most pages are beneath. */
const PAGE_LENGTH = 4096

/** The data folder of an index whose signed pages are many; the pages themselves are not there, nor are they asked for. */
export interface SignedIndex extends AsyncDisposable {
  readonly dataDir: string
  readonly targets: number
  readonly bins: number
  /** Path of the root that clients begin with. */
  readonly root: string
  /** Publishes new pages of so many projects, chosen at random, in one snapshot: signed, verified, and durable in SQLite. */
  publish(projects: number): Promise<void>
  /** Target paths of so many pages, chosen at random. */
  sample(projects: number): readonly string[]
}

export async function openSignedIndex(size: RepositorySize, targets: number): Promise<SignedIndex> {
  await using parts = new AsyncDisposableStack()
  const { path: folder } = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-bench-trust-')))
  const dataDir = join(folder, 'data')
  const blobs = await openDirectoryBlobStore(join(dataDir, 'blobs'))
  const store = parts.use(await openStore({ kind: 'sqlite', path: join(dataDir, 'waxseal.db') }))
  const clock = { now: Date.now }
  const keys = signingKeysIn(dataDir)
  const context = signerContext(clock, {})
  const online = await makeOnlineKeys(dataDir, keys, context)
  const offline = { root: keySigner(generatePrivateKey()), targets: keySigner(generatePrivateKey()) }
  const first = await initialiseSigning({ store, blobs, clock, publisher: 'bench' }, size, { offline, online })
  const root = join(folder, 'root.json')
  await writeFile(root, first.bytes)
  const signed = await openSigned({ store, clock, keys, context })
  const names = { namespaces: new Namespaces(), upstreams: [] }
  const publisher = new Publisher({ store, bodies: blobs, clock, names, signed, publisher: 'bench' })
  let turn = 0
  const publish = async (projects: readonly number[]): Promise<void> => {
    turn += 1
    const pages = projects.map((number) => {
      return { project: projectOf(number), sha256: hash('sha256', `${number} ${turn}`), length: PAGE_LENGTH }
    })
    await publisher.repair({ pages })
  }
  await publish(Array.from({ length: targets }, (_, number) => number))
  const random = (count: number): readonly number[] =>
    Array.from({ length: count }, () => Math.floor(Math.random() * targets))
  const kept = parts.move()
  return {
    dataDir,
    targets,
    bins: 2 ** REPOSITORY_SIZES[size],
    root,
    publish: (projects) => publish(random(projects)),
    sample: (projects) => random(projects).map((number) => pageTarget(projectOf(number))),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function projectOf(number: number): string {
  return `project-${number}`
}
