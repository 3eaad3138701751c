import { createHash } from 'node:crypto'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ForeignVerifier, VerifyAnswer } from './foreign-verifiers.ts'

export type Targets = Extract<VerifyAnswer, { ok: true }>['targets']

/** A client that begins with a root, and keeps what it trusts from then on. */
export interface TrustingClient extends AsyncDisposable {
  /** The sha256 of the root that it began with. */
  readonly root: string
  look(paths: readonly string[], download?: string | null): Promise<VerifyAnswer>
  /** The same for targets that must be verified. Throws what the verifier says. */
  targets(paths: readonly string[], download?: string | null): Promise<Targets>
}

/** A client with a folder of its own, which trusts the root that the index at `url` had at first. */
export async function trusting(verifier: ForeignVerifier, url: string): Promise<TrustingClient> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-verifier-'))
  const root = join(folder.path, 'trusted-root.json')
  const bytes = Buffer.from(await (await fetch(`${url}/tuf/1.root.json`)).arrayBuffer())
  await writeFile(root, bytes)
  const look = (targets: readonly string[], download: string | null = null): Promise<VerifyAnswer> =>
    verifier.verify({
      metadata_url: `${url}/tuf/`,
      targets_url: `${url}/tuf/targets/`,
      cache: folder.path,
      root,
      targets,
      download,
      now: null,
    })
  return {
    root: createHash('sha256').update(bytes).digest('hex'),
    look,
    async targets(paths, download) {
      const answer = await look(paths, download)
      if (!answer.ok) throw new Error(`${answer.error}: ${answer.message}`)
      return answer.targets
    },
    [Symbol.asyncDispose]: () => folder.remove(),
  }
}

/** The target of a project's page, and what a client finds there that trusts nothing but what it was sent by `/simple/`. */
export async function pageAt(
  url: string,
  project: string,
): Promise<{ readonly path: string; readonly bytes: Buffer; readonly target: { length: number; sha256: string } }> {
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  const reply = await fetch(`${url}/simple/${project}/`, { headers })
  const bytes = Buffer.from(await reply.arrayBuffer())
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { path: `simple/${project}/index.json`, bytes, target: { length: bytes.length, sha256 } }
}
