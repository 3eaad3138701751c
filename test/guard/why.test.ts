import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { upload } from '../clients/scene.ts'
import { documentOf, waxsealCommand } from '../support/command.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal, type RunningServer } from '../support/server.ts'

const wheels = ['1.0', '1.10', '1.9'].map((version) => buildWheel({ name: 'acme-app', version }))

let server: RunningServer
let folder: string
let env: NodeJS.ProcessEnv
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-why-command-'))
  server = await startWaxseal({ args: ['--no-upstream'] })
  for (const wheel of wheels) await upload(server, wheel)
  const yanked = await waxsealCommand([
    'release',
    'yank',
    'acme-app',
    '1.9',
    '--data',
    server.dataDir,
    '--reason',
    'broken',
  ])
  assert.equal(yanked.code, 0, yanked.stderr)
  env = { HOME: folder, WAXSEAL_GUARD_HOME: join(folder, 'guard'), XDG_CACHE_HOME: join(folder, 'cache') }
})
after(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const why = (...args: readonly string[]) => waxsealCommand(['why', ...args], { env, cwd: folder })

test('why needs an index or trust in one: without either it says where an index would be', async () => {
  const { code, stderr } = await why('acme-app')
  assert.equal(code, 3)
  assert.match(stderr, /There is no index in/)
})

test('where an index is trusted and none is kept, why explains what is signed: trust, yanks, the snapshot and its age', async () => {
  assert.equal((await waxsealCommand(['trust', 'add', server.url, '--yes'], { env })).code, 0)
  const { code, stdout, stderr } = await why('Acme_App')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^acme-app is answered for by http:\S+, snapshot \d+, signed \d+ s ago\.$/m)
  assert.match(stdout, /^rule +the name's record, claimed by the server$/m)
  assert.match(stdout, /^authority +internal, files from local$/m)
  assert.match(stdout, /^decided +revision 1, by \S+, 20\S+Z/m)
  assert.match(stdout, /^newest +1\.10$/m)
  assert.match(stdout, /^offered +3 files, 1 yanked$/m)
  const files = [...stdout.matchAll(/^ {2}acme_app-(\S+?)-py3\S+ +(\w+)(.*)$/gm)].map(([, version, trust, rest]) => [
    version,
    trust,
    /yanked: (.*)$/.exec(rest ?? '')?.[1],
  ])
  assert.deepEqual(files, [
    ['1.10', 'signed', undefined],
    ['1.9', 'signed', 'broken'],
    ['1.0', 'signed', undefined],
  ])
})

test('why of one version is about its files; of a name that nobody offers, it says so', async () => {
  const one = documentOf(await why('acme-app', '1.10.0', '--trust', server.url, '--json')) as {
    known: boolean
    offered: readonly { filename: string; trust: string; pinnedSince?: string }[]
  }
  assert.deepEqual(
    one.offered.map(({ filename }) => filename),
    ['acme_app-1.10-py3-none-any.whl'],
  )
  // The run before saw it first, a moment ago: not long enough to be called pinned.
  assert.equal(one.offered[0]?.trust, 'signed')
  const absent = await why('Acme.App==2.0')
  assert.match(absent.stdout, /^Use acme-app==1\.10, the newest that is handed on, .*waxseal request acme-app==2\.0$/m)
  const { code, stdout } = await why('unheard-of')
  assert.equal(code, 0)
  assert.match(stdout, /^Nobody offers unheard-of/)
  assert.match(stdout, /^rule +nothing: nobody has decided about this name$/m)
})

test('a data folder that is named is a server, whatever is trusted', async () => {
  const absent = await why('acme-app', '--data', join(folder, 'absent'))
  assert.equal(absent.code, 3)
  const recorded = documentOf(await why('acme-app', '--data', server.dataDir, '--json'))
  assert.equal(recorded['authority'], 'internal')
})
