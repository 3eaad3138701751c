import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { Encodable, PlannedFile, PublishChanges, RepositoryState, Signer } from '@waxseal/trust'
import { canonicalJson, metadataFileName, planPublish, wireJson } from '@waxseal/trust'
import { systemClock } from '../packages/index/src/clock.ts'
import { openSigned } from '../packages/index/src/publish/open-signed.ts'
import { openOnlineSigners, signerContext, signingKeysIn } from '../packages/index/src/publish/online-keys.ts'
import { renumberBy } from '../packages/index/src/publish/pending-raise.ts'
import type { OnlineKey } from '../packages/index/src/publish/role-table.ts'
import type { SignedRepository } from '../packages/index/src/publish/signed-repository.ts'
import { openReadOnlySqliteStore } from '../packages/index/src/store/sqlite-read-only.ts'
import type { Store } from '../packages/index/src/store/store.ts'

/** A role's file as it was parsed: its signed part, free to be changed. */
export type Draft = Record<string, Encodable> & { version: number }

/** Everything that a server has: its database and all its online keys, read from the data folder while it runs. */
export class StolenKeys implements AsyncDisposable {
  readonly #dataDir: string
  readonly #store: Store
  readonly #repository: SignedRepository

  private constructor(dataDir: string, store: Store, repository: SignedRepository) {
    this.#dataDir = dataDir
    this.#store = store
    this.#repository = repository
  }

  static async steal(dataDir: string): Promise<StolenKeys> {
    const store = await openReadOnlySqliteStore(join(dataDir, 'waxseal.db'))
    const keys = signingKeysIn(dataDir)
    const repository = await openSigned({ store, clock: systemClock, keys, context: signerContext(systemClock, {}) })
    if (repository === undefined) throw new Error('this index signs nothing')
    return new StolenKeys(dataDir, store, repository)
  }

  /** A repository of the attacker's own that goes on from what is published now. */
  async fork(): Promise<Fork> {
    const state = await this.#repository.state()
    return new Fork(state, this.#repository)
  }

  /** One of the keys by its name. */
  async key(name: OnlineKey): Promise<Signer> {
    const config = signingKeysIn(this.#dataDir)[name]
    const only = Object.fromEntries(Object.keys(signingKeysIn(this.#dataDir)).map((key) => [key, config]))
    const [signer] = (
      await openOnlineSigners(only as ReturnType<typeof signingKeysIn>, signerContext(systemClock, {}))
    ).values()
    if (signer === undefined) throw new Error(`there is no key ${name}`)
    return signer
  }

  /** What the database holds of a role. */
  async stored(role: string, version: number): Promise<Buffer> {
    const bytes = await this.#repository.load(role, version)
    if (bytes === undefined) throw new Error(`there is no ${version}.${role}.json`)
    return Buffer.from(bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]()
  }
}

/** Signed metadata that the index never published. */
export class Fork {
  #state: RepositoryState
  readonly #repository: SignedRepository
  readonly #files = new Map<string, Buffer>()

  constructor(state: RepositoryState, repository: SignedRepository) {
    this.#state = state
    this.#repository = repository
  }

  get snapshot(): number {
    return this.#state.snapshot.version
  }

  get state(): RepositoryState {
    return this.#state
  }

  /** Files by their names, as they would be asked for: `timestamp.json`, `7.snapshot.json`. */
  get files(): ReadonlyMap<string, Buffer> {
    return this.#files
  }

  /** Signs what the server could sign as well. `more`: keys that it does not hold, for roles that are not its own. */
  async publish(changes: PublishChanges, more: readonly Signer[] = []): Promise<void> {
    await this.#publish(this.#state, changes, more)
  }

  /** Goes on from an earlier state, above all that the server's keys have signed since. */
  async goBack(earlier: RepositoryState): Promise<void> {
    await this.#publish(earlier, { renumber: renumberBy(earlier, this.snapshot) })
  }

  async #publish(from: RepositoryState, changes: PublishChanges, more: readonly Signer[] = []): Promise<void> {
    const signers = new Map([
      ...(await this.#repository.signers()),
      ...more.map((each) => [each.key.keyid, each] as const),
    ])
    const load = async (role: string, version: number): Promise<Uint8Array | undefined> =>
      this.#files.get(metadataFileName({ role, version })) ?? (await this.#repository.load(role, version))
    const effects = { snapshot: this.snapshot + 1, now: Date.now(), signers, load }
    const plan = await planPublish(from, changes, effects)
    for (const file of plan.files) this.put(file, file.bytes)
    this.#state = plan.state
  }

  put(file: Pick<PlannedFile, 'role' | 'version'>, bytes: Uint8Array): void {
    this.#files.set(metadataFileName(file), Buffer.from(bytes))
  }
}

/** The signed part of a file. */
export function draftOf(bytes: Uint8Array): Draft {
  return (JSON.parse(Buffer.from(bytes).toString()) as { signed: Draft }).signed
}

/** Who signed a file, by the id of the key. */
export function signerOf(bytes: Uint8Array): string | undefined {
  const { signatures } = JSON.parse(Buffer.from(bytes).toString()) as { signatures: readonly { keyid: string }[] }
  return signatures[0]?.keyid
}

/** Signs whatever it is given: our own writer would refuse most of it. */
export async function signDraft(signed: Draft, ...signers: readonly Signer[]): Promise<Buffer> {
  const bytes = Buffer.from(canonicalJson(signed))
  const signatures = await Promise.all(
    signers.map(async (signer) => ({
      keyid: signer.key.keyid,
      sig: Buffer.from(await signer.sign(bytes)).toString('hex'),
    })),
  )
  return Buffer.from(wireJson({ signatures, signed }))
}

/** The same files, signed by others: what names another by its hash names the new one. */
export async function resigned(
  files: ReadonlyMap<string, Buffer>,
  signer: Signer,
  timestampSigner = signer,
): Promise<ReadonlyMap<string, Buffer>> {
  const signed = new Map<string, Buffer>()
  for (const [name, bytes] of files) {
    if (name !== 'timestamp.json') signed.set(name, await signDraft(draftOf(bytes), signer))
  }
  const [snapshot] = [...signed].flatMap(([name, bytes]) => (name.endsWith('.snapshot.json') ? [bytes] : []))
  const timestamp = files.get('timestamp.json')
  if (snapshot === undefined || timestamp === undefined) throw new Error('nothing was published')
  signed.set('timestamp.json', await signDraft(naming(draftOf(timestamp), snapshot), timestampSigner))
  return signed
}

/** A timestamp that names this snapshot. */
export function naming(timestamp: Draft, snapshot: Uint8Array): Draft {
  const { version } = draftOf(snapshot)
  const hashes = { sha256: hash('sha256', snapshot) }
  return { ...timestamp, meta: { 'snapshot.json': { version, length: snapshot.length, hashes } } }
}
