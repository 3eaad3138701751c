import assert from 'node:assert/strict'
import { readLocks, verifyLocks } from '@waxseal/guard'
import type { VerifiedPage, VerifiedPages } from '@waxseal/guard'
import type { Distribution } from '../support/python-projects.ts'
import type { RunningServer } from '../support/server.ts'

type Listed = {
  readonly filename: string
  readonly hashes: { readonly sha256: string }
  readonly yanked?: boolean | string
}

/** What the server lists, taken as verified: this is about what a lock says. */
const listedBy = (server: Pick<RunningServer, 'url'>): VerifiedPages => ({
  page: async (project): Promise<VerifiedPage | undefined> => {
    const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
    const response = await fetch(`${server.url}/simple/${project}/`, { headers })
    if (response.status === 404) return undefined
    const { files } = (await response.json()) as { readonly files: readonly Listed[] }
    return {
      project,
      snapshot: 1,
      issued: 0,
      status: 'active',
      sealed: false,
      files: files.map(({ filename, hashes, yanked = false }) => ({
        filename,
        sha256: hashes.sha256,
        yanked,
        trust: 'signed',
      })),
      withheld: [],
    }
  },
})

/** `waxseal verify` reads the lock that a client made of this index, finds exactly these files in it, and all of them offered. */
export const assertLocked = async (
  server: Pick<RunningServer, 'url'>,
  path: string,
  files: readonly Distribution[],
): Promise<void> => {
  const report = await verifyLocks(await readLocks(path, {}), listedBy(server), server.url)
  const [lock] = report.locks
  assert.ok(report.ok && lock !== undefined, JSON.stringify(report, null, 2))
  assert.deepEqual(lock.otherSources, [])
  const found = lock.verdicts.map(({ filename, line, notes }) => {
    assert.ok(line !== undefined, `${filename} has no line`)
    assert.deepEqual(notes, [])
    return filename ?? ''
  })
  assert.deepEqual([...new Set(found)].toSorted(), files.map(({ filename }) => filename).toSorted())
}
