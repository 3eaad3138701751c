import { hash } from 'node:crypto'
import { EncodedJson } from '../canonical-json.ts'
import { TrustError } from '../error.ts'
import { MAX_SIGNED_FILE } from '../limits.ts'
import type { Delegations, Root } from '../metadata.ts'
import { readMetadata } from '../read-metadata.ts'
import { signersOf } from '../threshold.ts'
import type { RoleTrust } from '../threshold.ts'
import { writeTime } from '../timestamps.ts'
import { SPEC_VERSION } from '../write-metadata.ts'
import { inBatches } from './in-batches.ts'
import { expiryOf } from './renewals.ts'
import type { Plan, PlannedFile, RepositoryState, Signers } from './repository-state.ts'
import { delegatedTrust, topTrust } from './repository-state.ts'
import type { RoleEntries, RoleEntry } from './role-entries.ts'
import { dated } from './role-document.ts'
import { rowOf } from './role-layout.ts'
import { signRole } from './sign-role.ts'
import type { WorkingCopy } from './working-copy.ts'

type Renumber = ((role: string, version: number) => number | undefined) | undefined

interface Effects {
  readonly snapshot: number
  readonly now: number
  readonly signers: Signers
}

/** Signs what was edited, then snapshot and timestamp. */
export async function finishPlan(copy: WorkingCopy, renumber: Renumber, effects: Effects): Promise<Plan> {
  const { state } = copy
  const turn = new Turn(copy, renumber, effects)
  const roles = [...(await turn.acceptedFiles()), ...(await inBatches(copy.edited.keys(), (role) => turn.sign(role)))]
  const entries = state.entries.with(roles.map((file) => entryOf(state, file)))
  const snapshot = await turn.snapshot(entries)
  const described = { length: snapshot.bytes.length, sha256: hash('sha256', snapshot.bytes) }
  const next: RepositoryState = {
    ...state,
    root: copy.root,
    entries,
    snapshot: { version: snapshot.version, expires: snapshot.expires, ...described },
    delegators: await delegatorsOf(copy),
  }
  const timestamp = await turn.timestamp(next)
  const root =
    copy.root === state.root
      ? []
      : [{ role: 'root', version: copy.root.signed.version, expires: copy.root.signed.expires, bytes: copy.root.bytes }]
  // Where the old root's keys signed as well, the new root comes last, and no client ever sees one without the other.
  const last = root.length > 0 && !turn.restarts && holdsUnder(state.root.signed, [...roles, snapshot, timestamp])
  const files = last ? [...roles, snapshot, timestamp, ...root] : [...roles, snapshot, ...root, timestamp]
  return { files, state: { ...next, timestamp: { version: timestamp.version, expires: timestamp.expires } } }
}

/**
 * Signs the timestamp anew, which says that the snapshot is still the newest: hourly, without a new snapshot.
 * @throws TrustError `threshold-not-met` or `signer-failed`
 */
export async function planTimestamp(
  state: RepositoryState,
  { now, signers }: { readonly now: number; readonly signers: Signers },
): Promise<Plan> {
  const version = state.timestamp.version + 1
  const timestamp = await writeTimestamp(state, version, now, (document) =>
    signRole('timestamp', document, [topTrust(state.root.signed, 'timestamp')], signers),
  )
  return { files: [timestamp], state: { ...state, timestamp: { version, expires: timestamp.expires } } }
}

class Turn {
  readonly #copy: WorkingCopy
  readonly #renumber: Renumber
  readonly #effects: Effects
  /** Whether versions start again, which clients take only from keys that they have never seen. */
  readonly restarts: boolean

  constructor(copy: WorkingCopy, renumber: Renumber, effects: Effects) {
    this.#copy = copy
    this.#renumber = renumber
    this.#effects = effects
    this.restarts = false
    const { state } = copy
    const versions = [
      { role: 'snapshot', current: state.snapshot.version, next: effects.snapshot },
      { role: 'timestamp', current: state.timestamp.version, next: this.#next('timestamp', state.timestamp.version) },
      ...Array.from(copy.edited.keys(), (role) => {
        const current = state.entries.get(role)?.version ?? 0
        return { role, current, next: this.#next(role, current) }
      }),
      ...Array.from(copy.accepted, ([role, { metadata }]) => {
        return { role, current: state.entries.get(role)?.version ?? 0, next: metadata.signed.version }
      }),
    ]
    for (const { role, current, next } of versions) {
      if (!Number.isSafeInteger(next) || next < 1) throw fallen(role, current, next)
      if (next > current) continue
      if (!replacesOnlineKeys(state.root.signed, copy.root.signed)) throw fallen(role, current, next)
      this.restarts = true
    }
  }

  async acceptedFiles(): Promise<readonly PlannedFile[]> {
    return await inBatches(this.#copy.accepted, async ([role, { metadata, delegator }]) => {
      const { version, expires } = metadata.signed
      await this.#checkVersion(role, delegator, version)
      return { role, version, expires, bytes: metadata.bytes }
    })
  }

  async sign(role: string): Promise<PlannedFile> {
    const { state, edited } = this.#copy
    const { document, delegator } = edited.get(role) ?? {}
    if (document === undefined) throw new TrustError('missing-role', `${role} is not there.`)
    const version = this.#next(role, state.entries.get(role)?.version ?? 0)
    const expires = expiryOf(state.layout, role, this.#effects.now)
    const trust = await this.#copy.trust(role, delegator)
    await this.#checkVersion(role, delegator, version)
    const old = role === 'targets' ? this.#old('targets') : []
    const bytes = await signRole(role, dated(document, version, expires), [trust, ...old], this.#effects.signers)
    if (bytes.length > MAX_SIGNED_FILE) throw new TrustError('limit-exceeded', `The file of ${role} is too large.`)
    return { role, version, expires, bytes }
  }

  /** A version that a key has signed once it signs never again: mirrors hold the first file under the same name. */
  async #checkVersion(role: string, delegator: string | undefined, version: number): Promise<void> {
    const { state } = this.#copy
    const current = state.entries.get(role)?.version ?? 0
    if (version > current) return
    const before =
      delegator === undefined
        ? topTrust(state.root.signed, 'targets')
        : delegatedTrust(await this.#copy.storedDelegations(delegator), role)
    if (!isDisjoint(before, await this.#copy.trust(role, delegator))) throw fallen(role, current, version)
  }

  async snapshot(entries: RoleEntries): Promise<PlannedFile> {
    const { layout } = this.#copy.state
    const version = this.#effects.snapshot
    const expires = expiryOf(layout, 'snapshot', this.#effects.now)
    const document = {
      _type: 'snapshot',
      spec_version: SPEC_VERSION,
      version,
      expires: writeTime(expires),
      meta: new EncodedJson(`{${entries.text}}`),
    }
    return { role: 'snapshot', version, expires, bytes: await this.#signTop('snapshot', document) }
  }

  timestamp(state: RepositoryState): Promise<PlannedFile> {
    const version = this.#next('timestamp', state.timestamp.version)
    return writeTimestamp(state, version, this.#effects.now, (document) => this.#signTop('timestamp', document))
  }

  async #signTop(role: 'snapshot' | 'timestamp', document: Parameters<typeof signRole>[1]): Promise<Uint8Array> {
    const trust = topTrust(this.#copy.root.signed, role)
    return await signRole(role, document, [trust, ...this.#old(role)], this.#effects.signers)
  }

  /** The old root's keys sign as well while it is replaced, so that clients with either root can verify. */
  #old(role: 'snapshot' | 'timestamp' | 'targets'): readonly ReturnType<typeof topTrust>[] {
    const { root, state } = this.#copy
    return root === state.root || this.restarts ? [] : [topTrust(state.root.signed, role)]
  }

  #next(role: string, current: number): number {
    return this.#renumber?.(role, current) ?? current + 1
  }
}

async function writeTimestamp(
  state: RepositoryState,
  version: number,
  now: number,
  sign: (document: Parameters<typeof signRole>[1]) => Promise<Uint8Array>,
): Promise<PlannedFile> {
  const expires = expiryOf(state.layout, 'timestamp', now)
  const { snapshot } = state
  const bytes = await sign({
    _type: 'timestamp',
    spec_version: SPEC_VERSION,
    version,
    expires: writeTime(expires),
    meta: {
      'snapshot.json': {
        version: snapshot.version,
        length: snapshot.length,
        hashes: { sha256: snapshot.sha256 },
      },
    },
    'x-issued': writeTime(now),
  })
  return { role: 'timestamp', version, expires, bytes }
}

function entryOf({ layout }: RepositoryState, { role, version, expires, bytes }: PlannedFile): RoleEntry {
  const described = layout.table.later.hashes && rowOf(layout, role) === undefined
  const file = described ? { length: bytes.length, sha256: hash('sha256', bytes) } : undefined
  return { role, version, expires, file }
}

/** What the table's delegating roles hand over from now on. */
async function delegatorsOf(copy: WorkingCopy): Promise<ReadonlyMap<string, Delegations>> {
  const { layout, delegators } = copy.state
  const changed = [...copy.edited.keys(), ...copy.accepted.keys()].filter(
    (role) => role === 'targets' || layout.delegated.has(role) || layout.succinct.has(role),
  )
  if (changed.length === 0) return delegators
  const next = new Map(delegators)
  for (const role of changed) {
    const delegations = await copy.delegations(role)
    if (delegations !== undefined) next.set(role, delegations)
  }
  return next
}

/** Whether clients that still have the old root can verify all top-level files of a publish. */
function holdsUnder(root: Root, files: readonly PlannedFile[]): boolean {
  return files.every(({ role, bytes }) => {
    if (role !== 'targets' && role !== 'snapshot' && role !== 'timestamp') return true
    const trust = topTrust(root, role)
    return signersOf(readMetadata(role, bytes), trust).length >= trust.threshold
  })
}

/** Whether none of the keys that signed snapshot or timestamp before may still (specification 5.3.11, attacks.md FF). */
function replacesOnlineKeys(before: Root, after: Root): boolean {
  return (['snapshot', 'timestamp'] as const).every((role) => {
    return before !== after && isDisjoint(topTrust(before, role), topTrust(after, role))
  })
}

/** Whether no key counts in both. */
function isDisjoint(before: RoleTrust | undefined, after: RoleTrust): boolean {
  const kept = new Set(after.keyids.map((keyid) => after.keys.get(keyid)?.fingerprint ?? keyid))
  return before?.keyids.every((keyid) => !kept.has(before.keys.get(keyid)?.fingerprint ?? keyid)) ?? true
}

function fallen(role: string, current: number, next: number): TrustError {
  return new TrustError(
    'rollback',
    `${role} cannot go from version ${current} to ${next}: versions only rise, unless a new root replaces all keys of snapshot and timestamp, and its own are replaced with them.`,
  )
}
