import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { actorOf } from '../../access/actor.ts'
import type { DirectoryBlobStore } from '../../blobs/directory-blob-store.ts'
import { openDirectoryBlobStore } from '../../blobs/directory-blob-store.ts'
import { openSpool } from '../../blobs/spool.ts'
import { CLAIM_DEFAULTS } from '../../names/claim-policy.ts'
import { Publisher } from '../../publish/publisher.ts'
import { acceptUpload } from '../../releases/accept-upload.ts'
import { createInspector } from '../../releases/inspect-upload.ts'
import { FIXTURE_POLICY, wheelFixture } from '../../releases/upload-fixture.ts'
import type { Store, StoreOptions } from '../../store/store.ts'
import { openStore } from '../../store/store.ts'
import type { OnProgress } from '../backup-format.ts'
import type { BackupReport, BackupTarget } from '../backup.ts'
import { backUp } from '../backup.ts'
import { Namespaces } from '../../names/namespaces.ts'

/** A small index of real uploads, whose clock a test sets. */
export interface KeptIndex extends AsyncDisposable {
  readonly dataDir: string
  readonly store: Store
  readonly blobs: DirectoryBlobStore
  now: number
  /** Uploads a wheel with so many random bytes in it, and publishes it. The sha256 of the file. */
  upload(project: string, version: string, bytes?: number): Promise<string>
  backUp(path: string, target?: Partial<BackupTarget>, onProgress?: OnProgress): Promise<BackupReport>
}

export async function openKeptIndex(
  dataDir: string,
  database: StoreOptions = { kind: 'sqlite', path: join(dataDir, 'waxseal.db') },
): Promise<KeptIndex> {
  const store = await openStore(database)
  const blobs = await openDirectoryBlobStore(join(dataDir, 'blobs'))
  const spool = await openSpool(join(dataDir, 'spool'))
  const names = { namespaces: new Namespaces(), upstreams: [] }
  const clock = { now: () => index.now }
  const publisher = new Publisher({ store, bodies: blobs, clock, names, publisher: 'test' })
  const claims = CLAIM_DEFAULTS
  const context = { store, blobs, clock, names, claims, policy: FIXTURE_POLICY, inspect: createInspector() }
  const presence = async () => ({ kind: 'absent', evidence: [] }) as const
  const index: KeptIndex = {
    dataDir,
    store,
    blobs,
    now: Date.parse('2026-11-24T12:00:00.000Z'),
    async upload(project, version, random = 200) {
      const code = `X = '${randomBytes(random).toString('hex')}'\n`
      const { filename, bytes, fields } = wheelFixture({ name: project, version, code })
      const writer = await spool.createSpoolFile()
      await writer.write(bytes)
      const spooled = await writer.finish()
      const file = { filename, contentType: 'application/octet-stream', spooled }
      const from = { uploader: { scope: 'upload' }, actor: actorOf({ user: 'ada' }, '192.0.2.1') } as const
      const form = { kind: 'form', fields, file } as const
      const outcome = await acceptUpload({ ...context, presence }, { form, ...from })
      if (outcome.kind !== 'accepted') throw new Error(JSON.stringify(outcome))
      await publisher.publish()
      return spooled.sha256
    },
    backUp: (path, target = {}, onProgress = () => undefined) =>
      backUp(
        { store, blobs, clock, config: join(dataDir, 'waxseal.toml'), version: '1.2.3', onProgress },
        { path, form: 'folder', ...target },
      ),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
  return index
}
