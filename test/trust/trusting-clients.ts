import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryState, HttpRemote, initialiseState, TrustClient } from '@waxseal/trust'
import { FOREIGN_VERIFIERS } from './foreign-verifiers.ts'
import type { ForeignVerifier } from './foreign-verifiers.ts'

const JSON_PAGE = 'application/vnd.pypi.simple.v1+json'

/** Clients that trust an index since its first root, each with a state of its own that lasts, wherever the index answers. */
export interface TrustingClients extends AsyncDisposable {
  /** All of them refresh and look for the page of each project, which is to be what the index answers with. The snapshot they see. */
  follow(url: string, projects: readonly string[]): Promise<number>
}

/** Our own client, and those that nobody here wrote as far as they are there. */
export async function trustingClients(url: string): Promise<TrustingClients> {
  await using parts = new AsyncDisposableStack()
  const { path: folder } = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-trusting-')))
  const root = Buffer.from(await (await fetch(`${url}/tuf/1.root.json`)).arrayBuffer())
  await writeFile(join(folder, 'root.json'), root)
  const state = await DirectoryState.open(join(folder, 'ours'))
  await initialiseState(state, root)
  const foreign = FOREIGN_VERIFIERS.filter(({ absent }) => absent === undefined)
  for (const [at] of foreign.entries()) await mkdir(join(folder, `foreign-${at}`))
  const kept = parts.move()
  return {
    async follow(at, projects) {
      const pages = await Promise.all(projects.map((project) => pageAt(at, project)))
      const client = await TrustClient.open({
        state,
        remote: new HttpRemote({ metadataUrl: `${at}/tuf`, targetsUrl: `${at}/tuf/targets` }),
        now: Date.now,
      })
      const { snapshot, equivocation } = await client.refresh()
      assert.equal(equivocation, false)
      for (const { path, sha256, bytes } of pages) {
        const found = await client.find(path)
        assert.equal(found.kind, 'found', path)
        assert.equal(found.file.hashes.get('sha256'), sha256, path)
        const pieces: Uint8Array[] = []
        for await (const piece of client.download(path, found.file)) pieces.push(piece)
        assert.deepEqual(Buffer.concat(pieces), bytes, path)
      }
      await Promise.all(
        foreign.map((verifier, number) => verify(verifier, at, join(folder, `foreign-${number}`), pages)),
      )
      return snapshot
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }

  async function verify(verifier: ForeignVerifier, at: string, cache: string, pages: readonly Page[]): Promise<void> {
    const answer = await verifier.verify({
      metadata_url: `${at}/tuf/`,
      targets_url: `${at}/tuf/targets/`,
      cache,
      root: join(folder, 'root.json'),
      targets: pages.map(({ path }) => path),
      download: null,
      now: null,
    })
    assert.ok(answer.ok, `${verifier.name}: ${JSON.stringify(answer)}`)
    for (const { path, sha256, bytes } of pages) {
      assert.deepEqual(answer.targets[path], { length: bytes.length, sha256 }, `${path} by ${verifier.name}`)
    }
  }
}

interface Page {
  readonly path: string
  readonly bytes: Buffer
  readonly sha256: string
}

async function pageAt(url: string, project: string): Promise<Page> {
  const answer = await fetch(`${url}/simple/${project}/`, { headers: { accept: JSON_PAGE } })
  assert.equal(answer.status, 200, project)
  const bytes = Buffer.from(await answer.arrayBuffer())
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { path: `simple/${project}/index.json`, bytes, sha256 }
}
