import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { actorOf } from '../../access/actor.ts'
import { openDirectoryBlobStore } from '../../blobs/directory-blob-store.ts'
import { openSpool } from '../../blobs/spool.ts'
import { CLAIM_DEFAULTS } from '../../names/claim-policy.ts'
import type { ClaimPolicy } from '../../names/claim-policy.ts'
import type { UpstreamPresence } from '../../names/claim.ts'
import { openStore } from '../../store/store.ts'
import { acceptUpload } from '../accept-upload.ts'
import type { UploadContext, UploadOutcome } from '../accept-upload.ts'
import { createInspector } from '../inspect-upload.ts'
import { Namespaces } from '../../names/namespaces.ts'
import type { UploadPolicy } from '../upload-checks.ts'
import { FIXTURE_POLICY } from '../upload-fixture.ts'
import type { Fixture } from '../upload-fixture.ts'
import type { Uploader } from '../upload-name.ts'

/** Of whoever may upload. */
export const member: Uploader = { scope: 'upload' }
export const administrator: Uploader = { scope: 'admin' }

/** An index that a test uploads to. */
export interface UploadIndex extends UploadContext {
  readonly asked: string[]
  claims: ClaimPolicy
  presenceAnswer: UpstreamPresence
  presence: UploadContext['presence']
  inspect: UploadContext['inspect']
  policy: UploadPolicy
  names: { namespaces: Namespaces; upstreams: readonly string[] }
  at: number
  readonly upload: (fixture: Fixture, uploader?: Uploader, user?: string, address?: string) => Promise<UploadOutcome>
  readonly spooled: () => Promise<readonly string[]>
}

/** A real index on a real disk; only the upstreams' answer and the time are the test's. */
export async function withIndex(work: (index: UploadIndex) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-upload-'))
  try {
    await using store = await openStore({ kind: 'sqlite', path: join(folder, 'index.sqlite') })
    const spool = await openSpool(join(folder, 'spool'))
    const index: UploadIndex = {
      store,
      blobs: await openDirectoryBlobStore(join(folder, 'blobs')),
      at: Date.parse('2026-11-22T12:00:00.000Z'),
      clock: { now: () => index.at },
      policy: FIXTURE_POLICY,
      names: { namespaces: Namespaces.configured(['corp']), upstreams: ['pypi'] },
      claims: CLAIM_DEFAULTS,
      inspect: createInspector(),
      asked: [],
      presenceAnswer: { kind: 'absent', evidence: ['pypi: 404'] },
      presence: (project) => {
        index.asked.push(project)
        return Promise.resolve(index.presenceAnswer)
      },
      upload: async ({ filename, bytes, fields }, uploader = member, user = 'ada', address = '192.0.2.1') => {
        const writer = await spool.createSpoolFile()
        await writer.write(bytes)
        const file = { filename, contentType: 'application/octet-stream', spooled: await writer.finish() }
        return acceptUpload(index, {
          form: { kind: 'form', fields, file },
          uploader,
          actor: actorOf({ user }, address),
        })
      },
      spooled: () => readdir(join(folder, 'spool')),
    }
    await work(index)
    assert.deepEqual(await index.spooled(), [], 'nothing is left in the spool')
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What became of an upload: its kind, or why it was refused. */
export function code(outcome: UploadOutcome): string {
  return outcome.kind === 'refused' ? outcome.code : outcome.kind
}
