import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempDisposable, open, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { addTrust, fetchRoot, GuardError, openGuard } from '@waxseal/guard'
import type { Guard, OpenGuardOptions } from '@waxseal/guard'
import { readNameRecord } from '@waxseal/index/names'
import { code, simulated } from '../conformance/offered.ts'
import { ask, JSON_PAGE, REFRESH_MS, START, startIndex } from '../conformance/index-under-test.ts'
import type { Answer, IndexUnderTest, Page } from '../conformance/index-under-test.ts'
import { newSigner, SignedWorld } from '../guard/signed-world.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution, Release } from '../support/python-projects.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { SimulatedProject, Simulator } from '../support/upstream-simulator.ts'
import { TRUTH_TABLE } from './truth-table-rows.ts'

const DAY_MS = 86_400_000
const MANYLINUX = 'cp311-cp311-manylinux_2_17_x86_64'

/** Files by a letter, as the rows have them: I of this index, U of the upstream, others as a row explains. */
type Files = Readonly<Record<string, Distribution>>

/**
 * What is to be seen: status of page and JSON, and of each file whether the page lists it, or lists it as yanked, and what its address
 * and that of its metadata answer. `guard`: the files that the guard hands on, byte for byte; or its code for the whole name.
 */
interface Seen {
  readonly page: string
  readonly json: string
  readonly files: Readonly<Record<string, string>>
  readonly guard: string
}

let upstream: Simulator
let index: IndexUnderTest
let now = START
let openAgain: (more?: Partial<OpenGuardOptions>) => Promise<Guard>
const parts = new AsyncDisposableStack()

before(async () => {
  upstream = parts.use(await startSimulator())
  index = parts.use(await signedIndex())
  openAgain = await trusted(index.url)
})
after(() => parts.disposeAsync())

async function signedIndex(): Promise<IndexUnderTest> {
  const unclaimed = [
    { pattern: 'strict-*', mode: 'deny' },
    { pattern: 'vetted-*', mode: 'approve' },
    { pattern: '*', mode: 'open' },
  ] as const
  return await startIndex({
    upstreams: { upstream },
    policy: { unclaimed, cooldown: (3 * DAY_MS) / 1000, approvals: 2 },
    signNew: { size: 'small', offlineKeys: () => Promise.resolve({ root: newSigner(), targets: newSigner() }) },
  })
}

/** Guards of one user, one after the other, on the clock of the index. */
async function trusted(url: string): Promise<typeof openAgain> {
  const { path } = parts.use(await mkdtempDisposable(join(tmpdir(), 'waxseal-truth-')))
  const home = { trust: join(path, 'trust'), cache: join(path, 'cache') }
  const time = (): number => now
  const about = { url, addedAt: new Date(START).toISOString(), rootFrom: 'index' } as const
  const known = await addTrust(home, about, await fetchRoot(url, {}), { authorization: undefined, env: {}, now: time })
  return (more) => openGuard({ home, trusted: known, env: {}, now: time, ...more })
}

function pass(milliseconds: number): void {
  now += milliseconds
  index.pass(milliseconds)
}

const told = (answer: Answer): string => [answer.status, code(answer)].filter((word) => word !== undefined).join(' ')

async function listing(project: string, { sha256, filename }: Distribution, page: Answer): Promise<string> {
  if (page.status !== 200) return 'absent'
  const { files, name } = page.json() as Page
  assert.equal(name, project)
  const found = files.find((file) => file.filename === filename && file.hashes['sha256'] === sha256)
  if (found === undefined) return 'absent'
  return (found.yanked ?? false) === false ? 'listed' : 'yanked'
}

async function look(project: string, files: Files): Promise<Seen> {
  const page = await ask(`${index.url}/simple/${project}/`, { headers: JSON_PAGE })
  const html = await ask(`${index.url}/simple/${project}/`, { headers: { accept: 'text/html' } })
  assert.equal(html.status, page.status)
  const seen: Record<string, string> = {}
  for (const [letter, file] of Object.entries(files)) {
    const how = await listing(project, file, page)
    // Both forms of the page say the same.
    assert.equal(html.text.includes(`${file.filename}#sha256=${file.sha256}`), how !== 'absent', `${letter} in HTML`)
    const [whole, sidecar] = [await ask(index.fileUrl(file)), await ask(`${index.fileUrl(file)}.metadata`)]
    assert.equal(told(sidecar), told(whole), `${letter}: the metadata beside the file`)
    if (whole.status === 200) assert.ok(whole.bytes.equals(file.bytes), `${letter}: its bytes`)
    seen[letter] = `${how} ${told(whole)}`
  }
  const json = await ask(`${index.url}/pypi/${project}/json`)
  await index.index.management.settled()
  return { page: told(page), json: told(json), files: seen, guard: await handedOn(project, files) }
}

async function handedOn(project: string, files: Files): Promise<string> {
  await using guard = await openAgain()
  try {
    await guard.refresh()
    const page = await guard.index.page(project)
    if (page === undefined) return 'not offered'
    const given: string[] = []
    for (const [letter, file] of Object.entries(files)) {
      const offered = page.files.some(({ filename, sha256 }) => filename === file.filename && sha256 === file.sha256)
      if (offered && (await isFetched(guard, { ...file, project }))) given.push(letter)
    }
    return given.join(' ')
  } catch (error) {
    if (error instanceof GuardError) return error.code
    throw error
  } finally {
    await guard.kept()
  }
}

async function isFetched(guard: Guard, file: Distribution & { readonly project: string }): Promise<boolean> {
  try {
    await using got = await guard.index.file(file)
    return got.size === file.bytes.length
  } catch (error) {
    if (error instanceof GuardError) return false
    throw error
  }
}

const offer = (
  name: string,
  files: readonly Distribution[],
  more: Partial<SimulatedProject> & { readonly uploadTime?: string } = {},
): void => {
  const { uploadTime, ...project } = more
  upstream.addProject({
    name,
    files: files.map((file) => ({
      ...simulated(file),
      metadata: Buffer.from(file.metadata),
      ...(uploadTime === undefined ? {} : { uploadTime }),
    })),
    ...project,
  })
}

async function upload(...files: readonly Distribution[]): Promise<void> {
  for (const file of files) {
    const answer = await index.upload(file)
    assert.equal(answer.status, 200, answer.text)
  }
}

async function manage(method: string, path: string, body?: unknown, token?: string): Promise<void> {
  const answer = await index.manage(method, path, body, token)
  assert.ok(answer.status === 200 || answer.status === 201, `${path}: ${answer.text}`)
}

/** A first download, by which the name is the upstream's from then on. */
async function decide(file: Distribution): Promise<void> {
  assert.equal((await ask(index.fileUrl(file))).status, 200)
}

const events = async (project: string): Promise<readonly string[]> => {
  const rows = index.index.store.db.selectFrom('event').select('kind').where('project', '=', project)
  return (await rows.execute()).map(({ kind }) => kind)
}

interface Case {
  readonly row: number
  readonly what: string
  /** Brings the state about with the name that it is given, and says which files there are. */
  readonly arrange: (wheel: (release: Omit<Release, 'name'>) => Distribution, project: string) => Promise<Files> | Files
  /** What the name begins with, where a rule goes by that. */
  readonly under?: string
  readonly seen: Seen
  readonly afterwards?: (files: Files, project: string) => Promise<void>
}

/** There and empty, so that nobody goes on to another index; the JSON API knows no such page, and says 404 as PyPI does. */
const EMPTY = { page: '200', json: '404', guard: '' } as const
/** The same of a name that nothing was ever decided about: nothing is signed for it. */
const UNSIGNED = { ...EMPTY, guard: 'not offered' } as const
const SHOWN = { page: '200', json: '200' } as const

const merged = async (project: string, more: object = {}): Promise<void> =>
  manage('PUT', `/projects/${project}/merge`, {
    owner: 'local',
    extender: 'upstream',
    extend: 'platform-wheels',
    reason: 'they build for more platforms',
    ...more,
  })

const denied =
  (overlay: 'quarantined' | 'blocked', whose: 'local' | 'upstream'): Case['arrange'] =>
  async (wheel, project) => {
    const file = wheel({ version: '1.0' })
    if (whose === 'local') await upload(file)
    else {
      offer(project, [file])
      await decide(file)
    }
    await manage('POST', '/denials', { project, overlay, reason: 'it phones home' })
    return whose === 'local' ? { I: file } : { U: file }
  }

const CASES: readonly Case[] = [
  {
    row: 1,
    what: 'nothing to protect: absent',
    arrange: (wheel) => ({ U: wheel({ version: '1.0' }) }),
    seen: { page: '404 not-found', json: '404', files: { U: 'absent 404 file-not-found' }, guard: 'not offered' },
  },
  {
    row: 1,
    what: 'denied by default: there and empty, so that nobody falls through',
    under: 'strict-',
    arrange: (wheel) => ({ U: wheel({ version: '1.0' }) }),
    seen: { ...UNSIGNED, files: { U: 'absent 403 name-unclaimed' } },
  },
  {
    row: 2,
    what: 'nobody answers, and no upstream is asked',
    under: 'strict-',
    arrange: (wheel, project) => {
      const U = wheel({ version: '1.0' })
      offer(project, [U])
      return { U }
    },
    seen: { ...UNSIGNED, files: { U: 'absent 403 name-unclaimed' } },
    afterwards: async (_files, project) => assert.deepEqual(upstream.requestsFor(new RegExp(project)), []),
  },
  {
    row: 3,
    what: 'files older than the cooldown',
    arrange: (wheel, project) => {
      const U = wheel({ version: '1.0' })
      offer(project, [U])
      return { U }
    },
    seen: { ...SHOWN, files: { U: 'listed 200' }, guard: 'U' },
  },
  {
    row: 4,
    what: 'there and empty, and no upstream is asked',
    under: 'corp-',
    arrange: async (wheel, project) => {
      await manage('POST', '/namespaces', { name: 'corp', owner: 'operator' })
      const U = wheel({ version: '1.0' })
      offer(project, [U])
      return { U }
    },
    seen: { ...UNSIGNED, files: { U: 'absent 403 name-reserved' } },
    afterwards: async (_files, project) => assert.deepEqual(upstream.requestsFor(new RegExp(project)), []),
  },
  {
    row: 4,
    what: 'that nobody has: the same',
    under: 'corp-',
    arrange: (wheel) => ({ U: wheel({ version: '1.0' }) }),
    seen: { ...UNSIGNED, files: { U: 'absent 403 name-reserved' } },
  },
  {
    row: 5,
    what: 'its files',
    arrange: async (wheel) => {
      const I = wheel({ version: '1.0' })
      await upload(I)
      return { I }
    },
    seen: { ...SHOWN, files: { I: 'listed 200' }, guard: 'I' },
  },
  {
    row: 6,
    what: 'nothing of the upstream: newer, tagged, built again or with a local label',
    arrange: async (wheel, project) => {
      const files = {
        I: wheel({ version: '1.0' }),
        U: wheel({ version: '99.0' }),
        T: wheel({ version: '1.0', tag: MANYLINUX }),
        L: wheel({ version: '1.0+cu118' }),
        B: wheel({ version: '1.0', module: 'WHERE = "elsewhere"\n' }),
      }
      await upload(files.I)
      offer(project, [files.U, files.T, files.L, files.B])
      return files
    },
    seen: {
      ...SHOWN,
      files: {
        I: 'listed 200',
        U: 'absent 404 file-not-found',
        T: 'absent 404 file-not-found',
        L: 'absent 404 file-not-found',
        B: 'absent 404 file-not-found',
      },
      guard: 'I',
    },
    afterwards: async (_files, project) => {
      const after = upstream.requestsFor(`/simple/${project}/`)
      assert.equal(after.length, 0, 'after its first upload the upstream hears of it no more')
    },
  },
  {
    row: 7,
    what: 'deleted: there and empty',
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0' }), U: wheel({ version: '2.0' }) }
      await upload(files.I)
      offer(project, [files.U])
      await manage('DELETE', `/projects/${project}`)
      return files
    },
    seen: { ...EMPTY, files: { I: 'absent 410 file-deleted', U: 'absent 404 file-not-found' } },
  },
  {
    row: 7,
    what: 'claimed after it was given out: there and empty, also for lock files',
    arrange: async (wheel, project) => {
      const U = wheel({ version: '2.0' })
      offer(project, [U])
      await decide(U)
      await manage('POST', `/projects/${project}/claim`)
      return { U }
    },
    seen: { ...EMPTY, files: { U: 'absent 403 name-reserved' } },
  },
  {
    row: 8,
    what: 'yanked: its own, as yanked',
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0' }), U: wheel({ version: '2.0' }) }
      await upload(files.I)
      offer(project, [files.U])
      await manage('PUT', `/projects/${project}/releases/1.0/yank`, { reason: 'loses data' })
      return files
    },
    seen: { ...SHOWN, files: { I: 'yanked 200', U: 'absent 404 file-not-found' }, guard: 'I' },
  },
  {
    row: 8,
    what: 'for a Python that nobody has: its own',
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0', requiresPython: '>=99' }), U: wheel({ version: '2.0' }) }
      await upload(files.I)
      offer(project, [files.U])
      return files
    },
    seen: { ...SHOWN, files: { I: 'listed 200', U: 'absent 404 file-not-found' }, guard: 'I' },
  },
  {
    row: 10,
    what: 'the upload is refused, and changes nothing',
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '2.0' }), U: wheel({ version: '1.0' }) }
      offer(project, [files.U])
      await decide(files.U)
      for (const token of [await index.token('upload'), index.admin]) {
        const { status, reason } = await index.upload(files.I, token)
        assert.equal(status, 403)
        assert.match(reason, /upstream/)
      }
      return files
    },
    seen: { ...SHOWN, files: { I: 'absent 404 file-not-found', U: 'listed 200' }, guard: 'U' },
  },
  {
    row: 11,
    what: 'the young one is listed as yanked, and not given out',
    arrange: async (wheel, project) => {
      const files = { U: wheel({ version: '1.0' }), Y: wheel({ version: '2.0' }) }
      offer(project, [files.U])
      await decide(files.U)
      pass(REFRESH_MS)
      // Whatever its upload time says: it was not there a moment ago.
      offer(project, [files.U, files.Y])
      return files
    },
    seen: { ...SHOWN, files: { U: 'listed 200', Y: 'yanked 403 file-cooldown' }, guard: 'U' },
  },
  {
    row: 12,
    what: 'the bytes that were admitted, and an event',
    arrange: async (wheel, project) => {
      const files = { U: wheel({ version: '1.0' }), N: wheel({ version: '1.0', module: 'EVIL = 1\n' }) }
      assert.equal(files.N.filename, files.U.filename)
      offer(project, [files.U])
      await decide(files.U)
      offer(project, [files.N])
      pass(REFRESH_MS)
      return files
    },
    seen: { ...SHOWN, files: { U: 'listed 200', N: 'absent 404 file-not-found' }, guard: 'U' },
    afterwards: async (_files, project) => assert.ok((await events(project)).includes('upstream-mutated')),
  },
  {
    row: 13,
    what: 'down: what was kept',
    arrange: async (wheel, project) => {
      const U = wheel({ version: '1.0' })
      offer(project, [U])
      await decide(U)
      upstream.setFault(`/simple/${project}/`, { kind: 'status', status: 500 })
      pass(REFRESH_MS)
      return { U }
    },
    seen: { ...SHOWN, files: { U: 'listed 200' }, guard: 'U' },
  },
  {
    row: 13,
    what: 'dropped: what was kept, as yanked',
    arrange: async (wheel, project) => {
      const U = wheel({ version: '1.0' })
      offer(project, [U])
      await decide(U)
      upstream.removeProject(project)
      pass(REFRESH_MS)
      return { U }
    },
    seen: { ...SHOWN, files: { U: 'yanked 200' }, guard: 'U' },
  },
  {
    row: 13,
    what: 'quarantined there: quarantined here',
    arrange: async (wheel, project) => {
      const U = wheel({ version: '1.0' })
      offer(project, [U])
      await decide(U)
      offer(project, [], { status: { status: 'quarantined' } })
      pass(REFRESH_MS)
      return { U }
    },
    seen: { ...EMPTY, files: { U: 'absent 403 file-quarantined' } },
  },
  {
    row: 14,
    what: 'only what two have approved, by its bytes',
    under: 'vetted-',
    arrange: async (wheel, project) => {
      const files = { U: wheel({ version: '1.0' }), V: wheel({ version: '2.0' }), W: wheel({ version: '3.0' }) }
      offer(project, [files.U, files.V, files.W])
      const approve = (token: string, ...sha256s: readonly string[]): Promise<void> =>
        manage('POST', `/projects/${project}/approvals`, { sha256s }, token)
      await approve(index.admin, files.U.sha256, files.V.sha256)
      await approve(await index.token('admin'), files.V.sha256)
      return files
    },
    seen: {
      ...SHOWN,
      files: { U: 'yanked 403 file-unapproved', V: 'listed 200', W: 'yanked 403 file-unapproved' },
      guard: 'V',
    },
  },
  {
    row: 15,
    what: 'both',
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0' }), U: wheel({ version: '1.0', tag: MANYLINUX }) }
      await upload(files.I)
      offer(project, [files.U])
      await merged(project)
      return files
    },
    seen: { ...SHOWN, files: { I: 'listed 200', U: 'listed 200' }, guard: 'I U' },
  },
  {
    row: 16,
    what: "the owner's alone",
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0' }), U: wheel({ version: '1.0', tag: MANYLINUX, requires: ['evil'] }) }
      await upload(files.I)
      offer(project, [files.U])
      await merged(project)
      return files
    },
    seen: { ...SHOWN, files: { I: 'listed 200', U: 'absent 409 file-merge-conflict' }, guard: 'I' },
  },
  {
    row: 17,
    what: "the owner's alone",
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0' }), U: wheel({ version: '2.0', tag: MANYLINUX }) }
      await upload(files.I)
      offer(project, [files.U])
      await merged(project)
      return files
    },
    seen: { ...SHOWN, files: { I: 'listed 200', U: 'absent 403 file-merge-refused' }, guard: 'I' },
  },
  ...(['hold', 'follow'] as const).map((newer): Case => ({
    row: 18,
    what: `the patched one beside what it patches, newer ones: ${newer}`,
    arrange: async (wheel, project) => {
      const files = {
        I: wheel({ version: '2.1+corp.1' }),
        U: wheel({ version: '2.1' }),
        N: wheel({ version: '2.2' }),
      }
      offer(project, [files.U, files.N])
      await decide(files.U)
      await merged(project, { owner: 'upstream', extender: 'local', extend: 'newer-than-fork', newer })
      await upload(files.I)
      return files
    },
    seen: {
      ...SHOWN,
      files: {
        I: 'listed 200',
        U: 'listed 200',
        N: newer === 'hold' ? 'absent 403 file-merge-refused' : 'listed 200',
      },
      guard: newer === 'hold' ? 'I U' : 'I U N',
    },
  })),
  {
    row: 19,
    what: 'one',
    arrange: async (wheel, project) => {
      const I = wheel({ version: '1.0' })
      await upload(I)
      offer(project, [I])
      await merged(project)
      return { I }
    },
    seen: { ...SHOWN, files: { I: 'listed 200' }, guard: 'I' },
    afterwards: async (_files, project) => assert.equal((await index.page(project)).files.length, 1),
  },
  {
    row: 20,
    what: "the owner's, and an event",
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0' }), U: wheel({ version: '1.0', module: 'EVIL = 1\n' }) }
      await upload(files.I)
      offer(project, [files.U])
      await merged(project)
      return files
    },
    seen: { ...SHOWN, files: { I: 'listed 200', U: 'absent 409 file-merge-conflict' }, guard: 'I' },
    afterwards: async (_files, project) => assert.ok((await events(project)).includes('merge-conflict')),
  },
  ...(['local', 'upstream'] as const).flatMap((whose): readonly Case[] => {
    const letter = whose === 'local' ? 'I' : 'U'
    const closed = (files: string): Seen => ({ ...EMPTY, files: { [letter]: files }, guard: 'denied' })
    return [
      {
        row: 27,
        what: `${whose}: there and empty, and no address gives anything`,
        arrange: denied('quarantined', whose),
        seen: closed('absent 403 file-quarantined'),
      },
      {
        row: 28,
        what: `${whose}: there and empty, never a 404`,
        arrange: denied('blocked', whose),
        seen: closed('absent 403 file-blocked'),
      },
    ]
  }),
  {
    row: 29,
    what: 'the page without it',
    arrange: async (wheel, project) => {
      const files = { I: wheel({ version: '1.0' }), D: wheel({ version: '2.0' }) }
      await upload(files.I, files.D)
      await manage('POST', '/denials', { project, overlay: 'blocked', reason: 'a worm', sha256: files.D.sha256 })
      return files
    },
    seen: { ...SHOWN, files: { I: 'listed 200', D: 'absent 403 file-blocked' }, guard: 'I' },
  },
]

const VIRTUAL_ROWS = [21, 22, 23, 24, 25, 26]
const ROWS_WITH_A_TEST_OF_THEIR_OWN = [9, ...VIRTUAL_ROWS, 30]
const titleOf = (row: number): string => `row ${row}: ${TRUTH_TABLE.get(row)}`

it('every row of the table has a case, and every case a row', () => {
  const covered = new Set([...CASES.map(({ row }) => row), ...ROWS_WITH_A_TEST_OF_THEIR_OWN])
  assert.equal(TRUTH_TABLE.size, 30)
  assert.deepEqual(
    [...covered].toSorted((one, other) => one - other),
    [...TRUTH_TABLE.keys()],
  )
})

describe('page, file, metadata and JSON, over HTTP and through the guard', () => {
  for (const [at, { row, what, under = '', arrange, seen, afterwards }] of CASES.entries()) {
    it(`${titleOf(row)}: ${what}`, async () => {
      const project = `${under}row${row}case${at}`
      const files = await arrange((release) => buildWheel({ name: project, ...release }), project)
      assert.deepEqual(await look(project, files), seen)
      await afterwards?.(files, project)
    })
  }

  it(`${titleOf(9)}: 503, and never anybody else's`, async () => {
    const project = 'row9'
    await using broken = await startIndex({ upstreams: { upstream } })
    const [own, other] = [buildWheel({ name: project, version: '1.0' }), buildWheel({ name: project, version: '9.0' })]
    assert.equal((await broken.upload(own)).status, 200)
    offer(project, [other])
    const database = join(broken.dataDir, 'waxseal.db')
    {
      using beside = new DatabaseSync(database)
      beside.exec('pragma wal_checkpoint(truncate)')
    }
    const { size } = await stat(database)
    await using file = await open(database, 'r+')
    await file.write(Buffer.alloc(size - 4096, 0xff), 0, size - 4096, 4096)
    for (const url of [
      `${broken.url}/simple/${project}/`,
      broken.fileUrl(own),
      broken.fileUrl(other),
      `${broken.fileUrl(other)}.metadata`,
      `${broken.url}/pypi/${project}/json`,
    ]) {
      assert.equal((await ask(url)).status, 503, url)
    }
    assert.deepEqual(upstream.requestsFor(new RegExp(project)), [])
  })
})

/** Between a guard and the index: hands on everything, but for what `change` makes of it. */
async function relay(change: (path: string, body: Buffer) => Buffer): Promise<string> {
  const server = createServer((request, response) => {
    const { url: path = '/', headers } = request
    const { accept = '*/*' } = headers
    void ask(`${index.url}${path}`, { headers: { accept } }).then(({ status, headers: given, bytes }) => {
      const body = change(path, bytes)
      response.writeHead(status, { ...given, 'content-length': body.length }).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  parts.defer(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe(titleOf(30), () => {
  const own = buildWheel({ name: 'row30', version: '1.0' })
  const wanted = { ...own, project: 'row30' }
  const isTimestamp = (path: string): boolean => path === '/tuf/timestamp.json'

  before(() => upload(own))

  async function nothing(guard: Guard, trust: string): Promise<void> {
    const refusal = (error: unknown): boolean => {
      assert.ok(error instanceof GuardError)
      assert.deepEqual([error.code, error.data['trust']], ['page-unverified', trust])
      return true
    }
    await assert.rejects(guard.refresh(), refusal)
    await assert.rejects(guard.index.page('row30'), refusal)
    await assert.rejects(guard.index.file(wanted), refusal)
  }

  it('expired: the guard hands nothing on', async () => {
    await using guard = await openAgain({ now: () => now + 800 * DAY_MS })
    await nothing(guard, 'expired')
  })

  it('older than what was seen: the guard hands nothing on', async () => {
    const older = (await ask(`${index.url}/tuf/timestamp.json`)).bytes
    let isFrozen = false
    const again = await trusted(await relay((path, body) => (isFrozen && isTimestamp(path) ? older : body)))
    await upload(buildWheel({ name: 'row30', version: '1.1' }))
    {
      await using guard = await again()
      await guard.refresh()
      assert.equal((await guard.index.page('row30'))?.files.length, 2)
      await guard.kept()
    }
    isFrozen = true
    await using guard = await again()
    await nothing(guard, 'rollback')
  })

  it('signed by too few: the guard hands nothing on', async () => {
    const unsigned = (body: Buffer): Buffer =>
      Buffer.from(JSON.stringify({ ...(JSON.parse(body.toString()) as object), signatures: [] }))
    let isStripped = false
    const again = await trusted(await relay((path, body) => (isStripped && isTimestamp(path) ? unsigned(body) : body)))
    isStripped = true
    await using guard = await again()
    await nothing(guard, 'threshold-not-met')
  })
})

describe('virtual packages, which this release has not', () => {
  for (const row of VIRTUAL_ROWS) {
    it(`${titleOf(row)}: such a record is not written, and where one stands the guard hands nothing on`, async () => {
      const project = `row${row}`
      const record = {
        name: project,
        rev: 1,
        prev: null,
        authority: 'virtual',
        sources: ['local'],
        closed: false,
        lifts: [],
        since: new Date(START).toISOString(),
        by: 'ada',
      }
      const bytes = Buffer.from(JSON.stringify(record))
      assert.throws(() => readNameRecord(project, bytes))
      const internal = { ...record, authority: 'internal' }
      assert.equal(readNameRecord(project, Buffer.from(JSON.stringify(internal))).authority, 'internal', 'but for that')

      await using world = await SignedWorld.start()
      const file = world.wheel({ name: project, version: '1.0' })
      await world.server({
        page: { project, source: 'local', files: [{ file }] },
        claimedBytes: { name: project, bytes },
      })
      await using guard = await (await world.user()).opened()
      await guard.refresh()
      await assert.rejects(guard.index.page(project), { code: 'name-refused' })
      await assert.rejects(guard.index.file({ ...file, project }), { code: 'name-refused' })
    })
  }
})
