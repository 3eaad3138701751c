import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IndexStatus } from '@waxseal/index'
import { statusLines } from './status.ts'

const CACHES = ['page', 'store', 'small-file', 'representation', 'negative', 'fill', 'client']

const server: IndexStatus['servers'][number] = {
  id: 'vm/1/0559c844',
  startedAt: '2026-11-25T22:00:00.000Z',
  seenAt: '2026-11-25T22:10:00.000Z',
  version: '0.1.0',
  requests: 53,
  failures: 0,
  caches: Object.fromEntries(CACHES.map((cache) => [cache, { hits: 1, misses: 1 }])),
  upstreams: [],
  certificateExpires: null,
  certificateProblem: null,
  signingProblem: null,
  modes: [],
  residentBytes: 1024 ** 2,
}

const status: IndexStatus = {
  at: '2026-11-25T22:10:00.000Z',
  version: '0.1.0',
  database: { kind: 'sqlite', bytes: 1024, schema: '0002-operation' },
  snapshot: 10,
  store: {
    files: { local: { files: 1, bytes: 1107 }, upstream: { files: 2, bytes: 1024 ** 3 } },
    projects: { internal: 1, upstream: 1, merged: 0, unclaimed: 0 },
    pages: 2,
    garbageFiles: 1,
  },
  signing: null,
  ceremony: false,
  waiting: { changes: 1, oldestSeconds: 0 },
  disk: { freeBytes: 1024 ** 3, sizeBytes: 1024 ** 4 },
  servers: [server],
  silentServers: [],
  lastBackup: null,
  backupAttempt: null,
  backupCheck: null,
  expiringTokens: [],
  lists: [
    {
      upstream: 'pypi',
      checkedAt: '2026-11-25T22:10:00.000Z',
      readAt: '2026-11-25T22:10:00.000Z',
      names: 700_000,
      beyond: 0,
      failingSince: null,
      reason: null,
      silent: false,
      findings: { 'upstream-collision': 1, 'upstream-under-namespace': 22, 'upstream-look-alike': 333 },
    },
  ],
  webhooks: [
    {
      name: 'chat',
      lastEvent: 7,
      behind: 12,
      deliveredAt: '2026-11-25T22:10:00.000Z',
      failingSince: '2026-11-25T22:10:00.000Z',
      reason: 'It does not answer.',
      attempts: 1,
      nextAt: '2026-11-25T22:10:05.000Z',
      failing: false,
    },
  ],
  attention: [],
}

/** The lines of a server with one upstream in this state. */
function withUpstream(upstream: Partial<(typeof server.upstreams)[number]>): readonly string[] {
  const upstreams = [{ name: 'pypi', open: [], lastSuccess: null, lastError: null, ...upstream }]
  return statusLines({ ...status, servers: [{ ...server, upstreams }] })
}

test('the status fits into 80 columns and cuts nothing off', () => {
  const reason = `The connection to https://${'a'.repeat(40)}.example failed: ${'a word '.repeat(20)}at last.`
  const lines = withUpstream({ open: ['https://a.example'], lastError: { at: '2026-11-25T22:05:00.000Z', reason } })
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  )
  const text = lines.join('\n').replaceAll(/\s+/g, ' ')
  for (const cache of CACHES) assert.match(text, new RegExp(`${cache} 50%`))
  assert.ok(text.includes(reason))
})

test('the status tells what is signed, what ends first by itself and by hand', () => {
  assert.match(statusLines(status).join('\n'), /^signing {9}none: "waxseal init" signs this index$/m)
  const role = (name: string, expires: string, online: boolean) =>
    ({ role: name, expires, online, urgency: 'fresh' }) as const
  const roles = [role('timestamp', '2026-11-26T22:10:00.000Z', true), role('bins', '2027-11-25T22:10:00.000Z', false)]
  const lines = statusLines({ ...status, signing: { snapshot: 10, root: 2, roles } })
  assert.match(
    lines.join('\n').replaceAll(/\s+/g, ' '),
    /signing snapshot 10, root 2; ends first: timestamp at 2026-11-26T22:10:00\.000Z; of what people sign: bins at 2027-11-25T22:10:00\.000Z/,
  )
})

test('the status counts one file as one file', () => {
  assert.match(statusLines(status).join('\n'), /uploaded {8}1 file, 1\.1 KiB\nfrom upstreams {2}2 files, 1\.0 GiB\n/)
})

test('an upstream that failed at the first question is not called one that was not asked', () => {
  assert.match(withUpstream({}).join('\n'), /pypi {6}not asked yet/)
  const lastError = { at: '2026-11-25T22:05:00.000Z', reason: 'Its host name cannot be resolved.' }
  assert.match(withUpstream({ lastError }).join('\n'), /pypi {6}failed: Its host name cannot be resolved\./)
  const recovered = withUpstream({ lastError, lastSuccess: '2026-11-25T22:06:00.000Z' })
  assert.match(recovered.join('\n'), /pypi {6}answered 2026-11-25T22:06/)
  const failing = withUpstream({ lastError, lastSuccess: '2026-11-25T22:04:00.000Z' })
  assert.match(failing.join('\n'), /pypi {6}answered 2026-11-25T22:04:00\.000Z, then failed: Its host/)
})

test('an index whose first ceremony has begun is left to those who hold its keys', () => {
  const told = (ceremony: boolean): string =>
    statusLines({ ...status, ceremony })
      .join(' ')
      .replaceAll(/\s+/g, ' ')
  assert.match(told(false), /signing none: "waxseal init" signs this index database/)
  assert.match(told(true), /signing none yet: its holders begin it ceremony has begun: "waxseal ceremony show"/)
  assert.doesNotMatch(told(true), /waxseal init/)
})

test('the status tells what the sentinel found, and how far webhooks have come', () => {
  const text = statusLines(status).join(' ').replaceAll(/ +/g, ' ')
  assert.match(text, /sentinel pypi, 700000 names, read \S+Z: 1 internal here, 22 under prefixes, 333 look-alikes/)
  assert.match(text, /webhook chat, last at \S+Z, 12 events later, fails since \S+Z/)
})
