import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryState } from '../../src/client/directory-state.ts'
import { initialiseState, TrustClient } from '../../src/client/trust-client.ts'
import type { TrustRemote } from '../../src/client/trust-io.ts'
import { TrustError } from '../../src/error.ts'
import type { TrustErrorCode } from '../../src/error.ts'
import { RepositorySimulator, START } from './repository-simulator.ts'

/** What a state's folder holds beside what is trusted now. */
const BESIDE_ROLES: readonly string[] = ['.lock', '.first-root']

/** A repository, and somebody who visits it with a state on disk, a clock, and the first root in hand. */
export class Visitor implements AsyncDisposable {
  readonly repository: RepositorySimulator
  readonly folder: string
  now = START
  client: TrustClient

  private constructor(repository: RepositorySimulator, folder: string, client: TrustClient) {
    this.repository = repository
    this.folder = folder
    this.client = client
  }

  /** `remote`: another way to what the repository serves. */
  static async arrive(repository: RepositorySimulator, remote: TrustRemote = repository): Promise<Visitor> {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-trust-'))
    const state = await DirectoryState.open(folder)
    await initialiseState(state, repository.firstRoot)
    const clock = { now: () => START }
    const client = await TrustClient.open({ state, remote, now: () => clock.now() })
    const visitor = new Visitor(repository, folder, client)
    clock.now = () => visitor.now
    return visitor
  }

  /** The same state, as a process sees it that starts now. */
  async restart(remote: TrustRemote = this.repository): Promise<void> {
    const state = await DirectoryState.open(this.folder)
    this.client = await TrustClient.open({ state, remote, now: () => this.now })
  }

  /** What is trusted, on disk: by file name. */
  async stored(): Promise<Map<string, string>> {
    const stored = new Map<string, string>()
    for (const name of (await readdir(this.folder)).sort()) {
      if (!BESIDE_ROLES.includes(name)) stored.set(name, await readFile(join(this.folder, name), 'utf8'))
    }
    return stored
  }

  /** Version of what is stored for a role. */
  async version(role: string): Promise<number | undefined> {
    const text = (await this.stored()).get(`${role}.json`)
    return text === undefined ? undefined : (JSON.parse(text) as { signed: { version: number } }).signed.version
  }

  /**
   * Asserts that `act` is refused with `code`, and that nothing on disk changes by it but the files in `advanced`: those of roles
   * that come before the refused one in the workflow, and verified (specification 5.3.8, 5.4.5, 5.5.7).
   */
  async refused(
    code: TrustErrorCode,
    advanced: Readonly<Record<string, Uint8Array>> = {},
    act: () => Promise<unknown> = () => this.client.refresh(),
  ): Promise<void> {
    const expected = await this.stored()
    for (const [name, bytes] of Object.entries(advanced)) expected.set(name, Buffer.from(bytes).toString())
    await assert.rejects(act, (error) => {
      assert.ok(error instanceof TrustError, String(error))
      assert.equal(error.code, code, error.message)
      return true
    })
    assert.deepEqual(await this.stored(), expected)
  }

  /** The whole of a target, downloaded. */
  async download(path: string): Promise<string> {
    const found = await this.client.find(path)
    assert.ok(found.kind === 'found', `${path} is absent`)
    const received: Uint8Array[] = []
    for await (const piece of this.client.download(path, found.file)) received.push(piece)
    return Buffer.concat(received).toString()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true })
  }
}

/** A visitor who has seen the repository once. */
export async function visit(repository?: RepositorySimulator): Promise<Visitor> {
  const visitor = await Visitor.arrive(repository ?? (await RepositorySimulator.create()))
  await visitor.client.refresh()
  return visitor
}
