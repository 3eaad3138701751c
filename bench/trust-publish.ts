import { hash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { generatePrivateKey, keySigner } from '../packages/trust/src/key-signer.ts'
import type {
  NamedKeys,
  Plan,
  PublishChanges,
  RepositoryState,
  RoleTable,
  Signers,
  TargetChange,
} from '../packages/trust/src/index.ts'
import {
  createRepository,
  MemoryMetadataStore,
  openDirectoryMetadataStore,
  openRepository,
  planPublish,
  signersById,
} from '../packages/trust/src/index.ts'

/**
 * One publish into a folder, synced, at so many targets: the time from the change to the timestamp's name being durable. Bar
 * (design.md section 12): 15 ms at 1 M targets in 16,384 bins, the warm check included.
 *
 *     node bench/trust-publish.ts --bits 14 --targets 1000 --targets 100000 --targets 1000000
 */
const { values } = parseArgs({
  options: {
    bits: { type: 'string', default: '14' },
    targets: { type: 'string', multiple: true, default: ['1000', '100000', '1000000'] },
    publishes: { type: 'string', default: '60' },
    folder: { type: 'string', default: tmpdir() },
  },
})

const DAY = 86_400_000
const BATCHES = [1, 10, 100]

function tableOf(bitLength: number): RoleTable {
  const online = { keys: ['online'], threshold: 1, online: true }
  const offline = { keys: ['offline'], threshold: 1, online: false, life: 365 * DAY, renewAfter: 240 * DAY }
  return {
    top: {
      root: offline,
      targets: offline,
      snapshot: { ...online, life: 7 * DAY, renewAfter: 4 * DAY },
      timestamp: { ...online, life: DAY, renewAfter: 3_600_000 },
    },
    named: [{ ...offline, name: 'bins', delegator: 'targets', paths: ['simple/*/*'], terminating: true }],
    succinct: [
      { ...online, life: 90 * DAY, renewAfter: 60 * DAY, delegator: 'bins', bins: { bitLength, namePrefix: 'bin' } },
    ],
    later: { life: 365 * DAY, renewAfter: 240 * DAY, hashes: true },
  }
}

function page(number: number, content: string): TargetChange {
  const sha256 = hash('sha256', content)
  return { role: 'bins', path: `simple/project-${number}/index.json`, target: { length: 4096, sha256 } }
}

async function measure(bits: number, targets: number): Promise<void> {
  const folder = await mkdtemp(join(values.folder, 'trust-bench-'))
  try {
    const named = new Map(['online', 'offline'].map((name) => [name, keySigner(generatePrivateKey())]))
    const keys = new Map(Array.from(named, ([name, signer]) => [name, signer.key]))
    const signers = signersById(named.values())
    const table = tableOf(bits)
    let { state } = await fill(folder, table, keys, signers, targets)
    const store = await openDirectoryMetadataStore(folder)
    console.log(`${targets} targets in ${2 ** bits} bins`)
    for (const batch of BATCHES) {
      const planned: number[] = []
      const whole: number[] = []
      for (let turn = 0; turn < Number(values.publishes); turn += 1) {
        const changes = Array.from({ length: batch }, () => page(Math.floor(Math.random() * targets), `${turn}`))
        const started = performance.now()
        const next = await plan(state, signers, changes)
        planned.push(performance.now() - started)
        state = await bringOut(next)
        whole.push(performance.now() - started)
      }
      console.log(`  ${batch} changes: planned ${figures(planned)}, durable ${figures(whole)}`)
    }
    const started = performance.now()
    const expiries = new Map(Array.from(state.entries, (entry) => [entry.role, entry]))
    await openRepository(table, { ...store, expiries: () => Promise.resolve(expiries) })
    console.log(`  opened again, expiries known: ${(performance.now() - started).toFixed(0)} ms`)

    async function bringOut({ files, state }: Plan): Promise<RepositoryState> {
      await store.publish(files, warmCheck)
      return state
    }

    async function plan(state: RepositoryState, signers: Signers, targets: readonly TargetChange[]): Promise<Plan> {
      const changes: PublishChanges = { targets }
      const snapshot = state.snapshot.version + 1
      return await planPublish(state, changes, { snapshot, now: Date.now(), signers, load: store.load })
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A repository with so many targets in one folder, not synced: what is measured comes afterwards. */
async function fill(
  folder: string,
  table: RoleTable,
  keys: NamedKeys,
  signers: Signers,
  targets: number,
): Promise<{ readonly state: RepositoryState }> {
  const memory = new MemoryMetadataStore()
  const created = await createRepository(table, keys, { snapshot: 1, now: Date.now(), signers })
  await memory.publish(created.files)
  const changes = { targets: Array.from({ length: targets }, (_, number) => page(number, `${number}`)) }
  const effects = { snapshot: 2, now: Date.now(), signers, load: memory.load }
  const { files, state } = await planPublish(created.state, changes, effects)
  await memory.publish(files)
  for (const [name, bytes] of memory.files) await writeFile(join(folder, name), bytes)
  return { state }
}

/** Where a warm instance of the client verifies what was written, before the timestamp is swapped. */
async function warmCheck(): Promise<void> {}

function figures(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1)
  return `p10 ${at(0.1)} p50 ${at(0.5)} p90 ${at(0.9)} ms`
}

for (const targets of values.targets) await measure(Number(values.bits), Number(targets))
