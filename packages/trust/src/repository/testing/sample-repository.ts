import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { generatePrivateKey, keySigner } from '../../key-signer.ts'
import type { Metadata, Root, Snapshot, Targets } from '../../metadata.ts'
import type { PublicKey } from '../../public-key.ts'
import { readMetadata } from '../../read-metadata.ts'
import type { Signer } from '../../signer.ts'
import { verifyThreshold } from '../../threshold.ts'
import { createRepository } from '../create-repository.ts'
import { MemoryMetadataStore } from '../memory-metadata-store.ts'
import { openRepository } from '../open-repository.ts'
import { planPublish } from '../plan-publish.ts'
import type { PublishChanges } from '../plan-publish.ts'
import type { Plan, RepositoryState, Signers } from '../repository-state.ts'
import { delegatedTrust, signersById, topTrust } from '../repository-state.ts'
import type { NewTarget } from '../role-document.ts'
import type { RoleTable } from '../role-table.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const START = Date.UTC(2030, 0, 1)

const online = { threshold: 1, online: true }
const bin = { life: 90 * DAY, renewAfter: 60 * DAY }
const offline = { keys: ['anna', 'ben', 'cleo'], threshold: 2, life: 365 * DAY, renewAfter: 240 * DAY, online: false }

/** In small what an index has: offline and online shards of names before the bins of pages. */
export function sampleTable(bitLength = 4): RoleTable {
  return {
    top: {
      root: offline,
      targets: offline,
      snapshot: { ...online, keys: ['snapshot'], life: 7 * DAY, renewAfter: 4 * DAY },
      timestamp: { ...online, keys: ['timestamp'], life: DAY, renewAfter: HOUR },
    },
    named: [
      { ...online, ...bin, name: 'deny', delegator: 'targets', keys: ['deny'], paths: ['deny/*'], terminating: true },
      {
        ...offline,
        name: 'sealed-3f',
        delegator: 'targets',
        paths: ['names/3f/*', 'projects/3f/*/*'],
        terminating: false,
      },
      {
        ...online,
        ...bin,
        name: 'claimed-3f',
        delegator: 'targets',
        keys: ['claims'],
        paths: ['names/3f/*', 'projects/3f/*/*'],
        terminating: true,
      },
      { ...offline, name: 'bins', delegator: 'targets', paths: ['simple/*/*', 'i/*/simple/*/*'], terminating: true },
    ],
    succinct: [{ ...online, ...bin, delegator: 'bins', keys: ['bins'], bins: { bitLength, namePrefix: 'bin' } }],
    later: { life: 365 * DAY, renewAfter: 240 * DAY, hashes: true },
  }
}

export const KEY_NAMES = ['anna', 'ben', 'cleo', 'snapshot', 'timestamp', 'deny', 'claims', 'bins'] as const

export function newSigner(): Signer {
  return keySigner(generatePrivateKey())
}

/** The keys of the sample table. */
export function sampleSigners(): ReadonlyMap<string, Signer> {
  return new Map(KEY_NAMES.map((name) => [name, newSigner()]))
}

export function publicKeys(signers: ReadonlyMap<string, Signer>): ReadonlyMap<string, PublicKey> {
  return new Map(Array.from(signers, ([name, signer]) => [name, signer.key]))
}

export function target(content: string): NewTarget {
  return { length: content.length, sha256: hash('sha256', content) }
}

/** A repository with its store; every publish is checked as a client would. */
export class SampleRepository {
  readonly store = new MemoryMetadataStore()
  readonly named: ReadonlyMap<string, Signer>
  /** What a running server holds; a test may add the keys of holders. */
  signers: Signers
  state: RepositoryState
  /** Roles whose stored file was read. */
  readonly loads: string[] = []
  readonly #before: Map<string, number> = new Map()

  private constructor(named: ReadonlyMap<string, Signer>, plan: Plan) {
    this.named = named
    this.signers = signersById([...named].flatMap(([name, signer]) => (isHolder(name) ? [] : [signer])))
    this.state = plan.state
  }

  static async create(table = sampleTable(), snapshot = 1, now = START): Promise<SampleRepository> {
    const named = sampleSigners()
    const plan = await createRepository(table, publicKeys(named), {
      snapshot,
      now,
      signers: signersById(named.values()),
    })
    const sample = new SampleRepository(named, plan)
    await sample.bringOut(plan)
    return sample
  }

  /** Somebody else's files, to be verified; nothing can be signed. */
  static async reading(files: ReadonlyMap<string, Uint8Array>): Promise<SampleRepository> {
    const store = new MemoryMetadataStore()
    for (const [name, bytes] of files) store.files.set(name, bytes)
    const { state } = await openRepository(sampleTable(), store)
    const sample = new SampleRepository(new Map(), { files: [], state })
    for (const [name, bytes] of files) sample.store.files.set(name, bytes)
    return sample
  }

  signer(name: (typeof KEY_NAMES)[number]): Signer {
    const signer = this.named.get(name)
    assert.ok(signer)
    return signer
  }

  load = (role: string, version: number): Promise<Uint8Array | undefined> => {
    this.loads.push(role)
    return this.store.load(role, version)
  }

  async plan(changes: PublishChanges, { now = START, snapshot = this.state.snapshot.version + 1 } = {}): Promise<Plan> {
    return await planPublish(this.state, changes, { snapshot, now, signers: this.signers, load: this.load })
  }

  async publish(changes: PublishChanges, when: { now?: number; snapshot?: number } = {}): Promise<Plan> {
    const plan = await this.plan(changes, when)
    await this.bringOut(plan)
    return plan
  }

  async bringOut(plan: Plan): Promise<void> {
    await this.store.publish(plan.files)
    this.state = plan.state
  }

  /** Reads all that is stored from the newest root on, and verifies each edge; versions must not have fallen. */
  verify({ restarted = false } = {}): Verified {
    const root = this.#newestRoot()
    const timestamp = readMetadata('timestamp', this.#file('timestamp.json'))
    verifyThreshold('timestamp', timestamp, topTrust(root.signed, 'timestamp'))
    const { version, length, hashes } = timestamp.signed.snapshot
    const bytes = this.#file(`${version}.snapshot.json`)
    assert.equal(bytes.length, length)
    assert.equal(hash('sha256', bytes), hashes?.get('sha256'))
    const snapshot = readMetadata('snapshot', bytes)
    verifyThreshold('snapshot', snapshot, topTrust(root.signed, 'snapshot'))
    const roles = new Map<string, Metadata<Targets>>()
    const visit = (role: string, trust: Parameters<typeof verifyThreshold>[2]): void => {
      const listed = snapshot.signed.meta.get(role)
      assert.ok(listed, `${role} stands in the snapshot`)
      const file = this.#file(`${listed.version}.${role}.json`)
      if (listed.hashes !== undefined) assert.equal(hash('sha256', file), listed.hashes.get('sha256'))
      const metadata = readMetadata('targets', file)
      assert.equal(metadata.signed.version, listed.version)
      verifyThreshold(role, metadata, trust)
      roles.set(role, metadata)
      const { delegations } = metadata.signed
      const names = delegations?.succinct === undefined ? delegations?.roles.map(({ name }) => name) : this.#bins()
      for (const name of names ?? []) {
        const below = delegatedTrust(delegations, name)
        assert.ok(below)
        visit(name, below)
      }
    }
    visit('targets', topTrust(root.signed, 'targets'))
    for (const [role, { version: now }] of snapshot.signed.meta) {
      if (!restarted) assert.ok(now >= (this.#before.get(role) ?? 0), `${role} has not fallen`)
      this.#before.set(role, now)
    }
    return { root, snapshot, roles, timestampVersion: timestamp.signed.version, issued: timestamp.signed.issued }
  }

  #bins(): readonly string[] {
    return [...this.state.entries].map(({ role }) => role).filter((role) => role.startsWith('bin-'))
  }

  #newestRoot(): Metadata<Root> {
    let root = readMetadata('root', this.#file('1.root.json'))
    verifyThreshold('root', root, topTrust(root.signed, 'root'))
    for (let version = 2; this.store.files.has(`${version}.root.json`); version += 1) {
      const next = readMetadata('root', this.#file(`${version}.root.json`))
      verifyThreshold('root', next, topTrust(root.signed, 'root'))
      verifyThreshold('root', next, topTrust(next.signed, 'root'))
      root = next
    }
    return root
  }

  #file(name: string): Uint8Array {
    const bytes = this.store.files.get(name)
    assert.ok(bytes, `${name} is there`)
    return bytes
  }
}

export interface Verified {
  readonly root: Metadata<Root>
  readonly snapshot: Metadata<Snapshot>
  readonly roles: ReadonlyMap<string, Metadata<Targets>>
  readonly timestampVersion: number
  readonly issued: number | undefined
}

function isHolder(name: string): boolean {
  return ['anna', 'ben', 'cleo'].includes(name)
}
