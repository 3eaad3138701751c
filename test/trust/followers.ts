import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryState, HttpRemote, initialiseState, TrustClient, TrustError } from '@waxseal/trust'
import { FOREIGN_VERIFIERS } from './foreign-verifiers.ts'
import type { ForeignVerifier, VerifyAnswer } from './foreign-verifiers.ts'

/** What time clients take it to be, in milliseconds since 1970; undefined: the machine's. */
type At = number | undefined

/** Clients that trust the first root of an index and what they have seen since: ours, and those that nobody here wrote. */
export class Followers implements AsyncDisposable {
  /** What they have seen is kept here. */
  readonly folder: string
  readonly #root: string
  readonly #verifiers: readonly ForeignVerifier[]

  private constructor(folder: string, verifiers: readonly ForeignVerifier[]) {
    this.folder = folder
    this.#root = join(folder, 'trusted-root.json')
    this.#verifiers = verifiers
  }

  /** The names of those that cannot run here, with the reason. */
  static get absent(): readonly string[] {
    return FOREIGN_VERIFIERS.flatMap(({ absent }) => absent ?? [])
  }

  static async of(url: string): Promise<Followers> {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-followers-'))
    const followers = new Followers(
      folder,
      FOREIGN_VERIFIERS.filter(({ absent }) => absent === undefined),
    )
    const root = Buffer.from(await (await fetch(`${url}/tuf/1.root.json`)).arrayBuffer())
    await writeFile(followers.#root, root)
    await initialiseState(await DirectoryState.open(join(folder, 'ours')), root)
    for (const verifier of followers.#verifiers) {
      // tuf-js takes the file in its folder for what it trusts; python-tuf makes its own.
      await DirectoryState.open(join(folder, verifier.name))
    }
    return followers
  }

  /** All verify the index there, and agree on the target: its sha256, null where it is absent; and the root that they trust then. */
  async verify(url: string, path: string, at?: At): Promise<{ sha256: string | null; root: number }> {
    const client = await this.#ours(url, at)
    await client.refresh()
    const found = await client.find(path)
    const sha256 = found.kind === 'found' ? (found.file.hashes.get('sha256') ?? '') : null
    for (const verifier of this.#verifiers) {
      const answer = await this.#ask(verifier, url, path, at)
      assert.ok(answer.ok, `${verifier.name}: ${JSON.stringify(answer)}`)
      assert.equal(answer.targets[path]?.sha256 ?? null, sha256, verifier.name)
      if (answer.versions !== undefined) assert.equal(answer.versions['root'], client.root.signed.version)
    }
    return { sha256, root: client.root.signed.version }
  }

  /** All refuse the index there; the code that ours gives for it. */
  async refuse(url: string, path: string, at?: At): Promise<string> {
    for (const verifier of this.#verifiers) {
      const answer = await this.#ask(verifier, url, path, at)
      assert.ok(!answer.ok, `${verifier.name} accepts it: ${JSON.stringify(answer)}`)
    }
    const client = await this.#ours(url, at)
    const refused = await client.refresh().then(
      () => undefined,
      (error: unknown) => error,
    )
    assert.ok(refused instanceof TrustError, 'our client accepts it')
    return refused.code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }

  async #ours(url: string, at: At): Promise<TrustClient> {
    const remote = new HttpRemote({ metadataUrl: `${url}/tuf/`, targetsUrl: `${url}/tuf/targets/` })
    const state = await DirectoryState.open(join(this.folder, 'ours'))
    return await TrustClient.open({ state, remote, now: () => at ?? Date.now() })
  }

  #ask(verifier: ForeignVerifier, url: string, path: string, at: At): Promise<VerifyAnswer> {
    return verifier.verify({
      metadata_url: `${url}/tuf/`,
      targets_url: `${url}/tuf/targets/`,
      cache: join(this.folder, verifier.name),
      root: this.#root,
      targets: [path],
      download: null,
      now: at === undefined ? null : new Date(at).toISOString(),
    })
  }
}
