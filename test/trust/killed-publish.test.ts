import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { DirectoryState, initialiseState, TrustClient } from '@waxseal/trust'
import type { TargetFile } from '@waxseal/trust'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { uploadFile } from '../support/upload-form.ts'
import { StoredRemote } from './stored-remote.ts'
import { trustingClients } from './trusting-clients.ts'

/** More steps than one upload's publish has, on any machine. */
const MOST_STEPS = 100
const ALONE = { args: ['--no-upstream'] }
const PROJECTS = ['acme-hello', 'acme-other']

interface Seen {
  readonly snapshot: number
  /** The versions on the page of the project that is uploaded to. */
  readonly versions: readonly string[]
}

/** What whoever looks at the folder of a server that is gone can verify: each page is whole, signed, and the one that is served. */
async function look(dataDir: string, state: DirectoryState): Promise<Seen> {
  using remote = new StoredRemote(dataDir)
  const client = await TrustClient.open({ state, remote, now: Date.now })
  const { snapshot } = await client.refresh()
  const bodies = new Map<string, string>()
  for (const project of PROJECTS) {
    const path = `simple/${project}/index.json`
    const found = await client.find(path)
    assert.equal(found.kind, 'found', path)
    assert.equal(found.file.hashes.get('sha256'), remote.pages().get(project), `${project} is served as it is signed`)
    bodies.set(project, await whole(client, path, found.file))
  }
  const { versions, _waxseal } = JSON.parse(bodies.get('acme-hello') ?? '') as {
    versions: string[]
    _waxseal: { snapshot: number }
  }
  assert.ok(_waxseal.snapshot <= snapshot, 'no page is ahead of its snapshot')
  return { snapshot, versions }
}

const whole = (client: TrustClient, path: string, file: TargetFile): Promise<string> =>
  text(client.download(path, file))

const NIGHTLY = process.env['WAXSEAL_NIGHTLY'] !== undefined

void test('kill -9 before each step of a publish: the old snapshot or the new one, whole, to every client', async (t) => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-killed-'))
  const dataDir = join(folder.path, 'data')
  const options = { ...ALONE, dataDir }
  await using first = await startWaxseal(options)
  await using clients = await trustingClients(first.url)
  const state = await DirectoryState.open(join(folder.path, 'stored'))
  await initialiseState(state, Buffer.from(await (await fetch(`${first.url}/tuf/1.root.json`)).arrayBuffer()))
  for (const name of PROJECTS) {
    assert.equal((await uploadFile(first, buildWheel({ name, version: '1.0' }))).status, 200)
  }
  await first.stop()
  let before = await look(dataDir, state)
  const died: string[] = []
  const outcomes = new Set<string>()
  for (let step = 1; ; step += 1) {
    assert.ok(step < MOST_STEPS, died.join('\n'))
    const version = `1.${step}`
    const env = { KILL_AT: String(step), NODE_OPTIONS: `--import=${import.meta.resolve('../support/kill-at.ts')}` }
    await using server = await startWaxseal({ ...options, env })
    // What the one before left is published by now.
    const healed = await look(dataDir, state)
    assert.ok(healed.snapshot >= before.snapshot)
    assert.deepEqual(healed.versions, await versionsAt(server.url))
    before = healed
    const answer = await uploadFile(server, buildWheel({ name: 'acme-hello', version })).catch(() => undefined)
    const where = /^killed before (.*)$/m.exec(server.log())?.[1]
    if (where === undefined) {
      assert.equal(answer?.status, 200)
      await clients.follow(server.url, PROJECTS)
      break
    }
    await server.kill9()
    died.push(where)
    const after = await look(dataDir, state)
    if (after.snapshot === before.snapshot) assert.deepEqual(after, before, `before ${where}`)
    else {
      assert.deepEqual(
        after,
        { snapshot: before.snapshot + 1, versions: [...before.versions, version] },
        `before ${where}`,
      )
    }
    // By day each second time: it is two more starts of a server.
    if (NIGHTLY || step % 2 === 0) {
      // Those that nobody here wrote see it as it lies there, too: this server changes nothing.
      await using untouched = await startWaxseal({ dataDir, args: ['--no-upstream', '--read-only'] })
      assert.equal(await clients.follow(untouched.url, PROJECTS), after.snapshot, `before ${where}`)
    }
    outcomes.add(after.snapshot === before.snapshot ? 'old' : 'new')
  }
  t.diagnostic(died.join('; '))
  const tables = /^(?:insert into|update|delete from) "(?:journal|page|setting|snapshot|superseded_page|tuf_file)"/
  const within = new Set(died.flatMap((where) => tables.exec(where)?.[0] ?? []))
  // What the server does beside it may shift a step or two.
  assert.ok(within.size >= 5, died.join('; '))
  assert.ok(died.filter((where) => where === 'commit').length >= 2, 'of the upload, and of the publish')
  assert.deepEqual([...outcomes].toSorted(), ['new', 'old'])
})

async function versionsAt(url: string): Promise<readonly string[]> {
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  return ((await (await fetch(`${url}/simple/acme-hello/`, { headers })).json()) as { versions: string[] }).versions
}
