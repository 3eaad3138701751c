import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { suite, test } from 'node:test'
import type { Encodable } from './canonical-json.ts'
import { canonicalJson, wireJson } from './canonical-json.ts'
import { edgesFor, edgeTo } from './client/delegation-edges.ts'
import { checkNoRollback } from './client/snapshot.ts'
import { readMetadata } from './read-metadata.ts'
import type { TopLevelRole } from './metadata.ts'

/**
 * How much longer `work` takes on an input of `FACTOR` times the size. The two run in turns, so that whatever else the machine does
 * falls on both; medians, so that a pause falls on neither. Linear work gives `FACTOR`, quadratic work its square.
 */
const FACTOR = 8

function growth(work: (size: number) => () => void, size: number): number {
  const small = work(size)
  const large = work(size * FACTOR)
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < 9; round += 1) {
    for (const [which, run] of [small, large].entries()) {
      const before = process.cpuUsage()
      run()
      const { user, system } = process.cpuUsage(before)
      times[which]?.push(user + system)
    }
  }
  const [median, medianOfLarge] = times.map((all) => all.toSorted((a, b) => a - b)[4] ?? 0)
  return (medianOfLarge ?? 0) / Math.max(median ?? 1, 1)
}

/** Far from linear, farther from quadratic. */
const LIMIT = FACTOR * 4

const common = { spec_version: '1.0.34', version: 1, expires: '2030-01-01T00:00:00Z' }
const hashes = { sha256: '00'.repeat(32) }

function many<T>(size: number, make: (number: number) => [string, T]): Map<string, T> {
  return new Map(Array.from({ length: size }, (_, number) => make(number)))
}

function file(signed: Encodable): Uint8Array {
  return Buffer.from(wireJson({ signatures: [], signed }))
}

function reading(type: TopLevelRole, make: (size: number) => Encodable) {
  return (size: number) => {
    const bytes = file(make(size))
    return () => void readMetadata(type, bytes)
  }
}

const delegation = { keyids: ['a'], threshold: 1, terminating: true }

/** Paths that a role lists, and which of them were handed to it by as many paths, or hash prefixes. */
function covering(kind: 'paths' | 'pathHashPrefixes') {
  return (size: number) => {
    const paths = Array.from({ length: size }, (_, number) => `dir/file-${number}`)
    const given = kind === 'paths' ? paths : paths.map((path) => hash('sha256', path))
    const named = { ...delegation, name: 'p', paths: undefined, pathHashPrefixes: undefined, [kind]: given }
    return () => {
      const edge = edgeTo({ keys: new Map(), roles: [named], succinct: undefined }, 'p')
      assert.ok(paths.every((path) => edge?.covers(path)))
    }
  }
}

const cases: Record<string, readonly [work: (size: number) => () => void, size: number]> = {
  'reading targets': [
    reading('targets', (size) => ({
      ...common,
      _type: 'targets',
      targets: many(size, (number) => [`dir/file-${number}`, { length: 1, hashes }]),
    })),
    2000,
  ],
  'reading a snapshot': [
    reading('snapshot', (size) => ({
      ...common,
      _type: 'snapshot',
      meta: many(size, (number) => [`bin-${number}.json`, { version: 1 }]),
    })),
    4000,
  ],
  'reading delegations and their keys': [
    reading('targets', (size) => ({
      ...common,
      _type: 'targets',
      targets: {},
      delegations: {
        keys: many(size, (number) => [
          String(number),
          { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'x' } },
        ]),
        roles: Array.from({ length: size }, (_, number) => ({
          ...delegation,
          name: `p.${number}`,
          paths: [`${number}/*`],
        })),
      },
    })),
    1000,
  ],
  'reading one long text': [
    reading('targets', (size) => ({ ...common, _type: 'targets', targets: {}, x: '\\'.repeat(size) })),
    10_000,
  ],
  'canonical JSON of members in no order': [
    (size) => {
      const members = many(size, (number) => [`${(number * 7919) % size}-${number}`, number])
      return () => void canonicalJson(members)
    },
    4000,
  ],
  'comparing two snapshots': [
    (size) => {
      const meta = many(size, (number) => [`bin-${number}`, { version: 1, length: undefined, hashes: undefined }])
      return () => checkNoRollback(meta, new Map(meta))
    },
    10_000,
  ],
  'taking what a role was given by its paths': [covering('paths'), 500],
  'taking what a role was given by hash prefixes': [covering('pathHashPrefixes'), 500],
  'looking through delegations': [
    (size) => {
      const roles = Array.from({ length: size }, (_, number) => ({
        ...delegation,
        name: `p.${number}`,
        paths: [`${number}/*`],
        pathHashPrefixes: undefined,
      }))
      return () => void edgesFor({ keys: new Map(), roles, succinct: undefined }, 'other/file')
    },
    4000,
  ],
}

void suite('The work grows with the size, not with its square (tuf.md C)', () => {
  for (const [name, [work, size]] of Object.entries(cases)) {
    void test(name, () => {
      const ratio = growth(work, size)
      assert.ok(ratio < LIMIT, `${FACTOR} times the size took ${ratio.toFixed(1)} times as long`)
    })
  }
})
