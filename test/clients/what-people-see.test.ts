import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { clientTest, outsideRequests, wantedClients } from '../support/clients.ts'
import { buildWheel, type Distribution } from '../support/python-projects.ts'
import { startWaxseal, type RunningServer } from '../support/server.ts'
import { startSimulator, type Simulator } from '../support/upstream-simulator.ts'
import { terminal, workFolder } from './scene.ts'
import { uploaders } from './uploading.ts'

/**
 * What stands on the screen of whoever is refused: the rule, and the way out. pip says nothing of a page without files but that there is
 * none (behaviour.md section 0), so a name or release that is denied or reserved is asked for as by a lock from before: by its address.
 */

const DAY_MS = 86_400_000
let upstream: Simulator
let folder: Awaited<ReturnType<typeof workFolder>>
let server: RunningServer

const wheel = (name: string, version = '1.0'): Distribution => buildWheel({ name, version })
const young = wheel('young', '1.5')
const old = wheel('young', '1.4')
const [held, shut, worm, reserved] = [wheel('held'), wheel('shut'), wheel('worm'), wheel('corp-x')]

before(async () => {
  upstream = await startSimulator()
  const listed = (file: Distribution, days: number) => ({
    filename: file.filename,
    bytes: file.bytes,
    uploadTime: new Date(Date.now() - days * DAY_MS).toISOString(),
  })
  upstream.addProject({ name: 'young', files: [listed(old, 30), listed(young, 1)] })
  for (const file of [held, worm]) upstream.addProject({ name: file.name, files: [listed(file, 30)] })
  folder = await workFolder()
  writeFileSync(join(folder.path, 'waxseal.toml'), 'prefixes = ["corp"]\n[names]\ncooldown-days = 3\n')
  server = await startWaxseal({ dataDir: folder.path, upstreams: new Map([['upstream', upstream.simpleUrl]]) })
  for (const name of ['young', 'held', 'worm']) await (await fetch(`${server.url}/simple/${name}/`)).arrayBuffer()
  await deny({ project: 'held', version: '1.0', overlay: 'quarantined', reason: 'looked into' })
  await deny({ project: 'worm', overlay: 'blocked', reason: 'a worm' })
  await deny({ project: 'shut', overlay: 'quarantined', reason: 'looked into' })
})
after(async () => {
  await server?.stop()
  await folder?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'a client asked another host than the index')
})

async function deny(denial: Readonly<Record<string, string>>): Promise<void> {
  const token = await server.createToken({ scope: 'admin' })
  const authorization = `Basic ${Buffer.from(`__token__:${token}`).toString('base64')}`
  const response = await fetch(`${server.url}/api/v1/denials`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(denial),
  })
  assert.equal(response.status, 200, await response.text())
}

/** As a lock has it. */
const urlOf = ({ name, sha256, filename }: Distribution): string =>
  `${server.url}/files/${name}/${sha256}/${filename}#sha256=${sha256}`
const address = (file: Distribution): string => `${file.name} @ ${urlOf(file)}`

/** What a lock from before names. */
const LOCKED = [
  [
    'withheld',
    young,
    /withheld until .* 3 days old here\. Newest that is allowed: 1\.4\. Ask for it: waxseal request young==1\.5/,
  ],
  ['quarantined', held, /held 1\.0 is quarantined since .*looked into\. Ask for it: waxseal request held==1\.0/],
  ['blocked', worm, /worm is blocked since .*\(denial 2\): a worm\. Ask for it: waxseal request worm/],
  [
    'reserved',
    reserved,
    /corp-x falls under the prefix corp, whose names belong to this index.*waxseal request corp-x/,
  ],
] as const

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'shows of a release that is withheld until when, and how to ask for it', async (pip) => {
    await using work = await workFolder()
    const args = ['download', '--no-deps', '--index-url', `${server.url}/simple/`]
    const outcome = await pip.run([...args, 'young==1.5'], { cwd: work.path })
    assert.notEqual(outcome.code, 0, terminal(outcome))
    // As the reason of the yank, and as that of the refused file.
    assert.match(terminal(outcome), /files of upstreams have to be 3 days old here\..*waxseal request young==1\.5/)
    const newest = await pip.run([...args, 'young'], { cwd: work.path })
    assert.equal(newest.code, 0, terminal(newest))
    assert.match(terminal(newest), /young-1\.4/)
  })

  for (const [what, file, expected] of LOCKED) {
    clientTest(wanted, `shows of a locked file that is ${what} the rule and the way out`, async (pip) => {
      await using work = await workFolder()
      const args = ['download', '--no-deps', '--no-index', address(file)]
      const outcome = await pip.run(args, { cwd: work.path })
      assert.notEqual(outcome.code, 0, terminal(outcome))
      assert.match(terminal(outcome), expected)
    })
  }
}

for (const wanted of wantedClients('twine')) {
  for (const [what, file, expected] of [
    ['an upstream’s', young, /'young' (?:exists upstream at|belongs to) 'upstream'.*waxseal project claim young/],
    [
      'quarantined',
      shut,
      /shut is quarantined since .*\(denial 3\): looked into\. It takes no uploads\. Ask an administrator/,
    ],
    ['blocked', worm, /worm is blocked since .*\(denial 2\): a worm\. It takes no uploads\. Ask an administrator/],
    ['reserved', reserved, /'corp-x' is reserved by the prefix 'corp'.*waxseal project claim corp-x/],
  ] as const) {
    clientTest(wanted, `shows of a name that is ${what} the rule and the way out`, async (twine) => {
      await using work = await workFolder()
      // A token for one project makes no name.
      const token = await server.createToken(
        what === 'reserved' ? { scope: 'upload', project: file.name } : { scope: 'upload' },
      )
      const outcome = await uploaders.twine(twine, work.path, file, { url: server.url, token })
      assert.notEqual(outcome.code, 0, terminal(outcome))
      assert.match(terminal(outcome), expected)
    })
  }
}

/** How each of the others is asked for a file by its address: its project, and the command that fetches it. */
const lockers = {
  poetry: {
    write: (cwd: string, file: Distribution): void =>
      writeFileSync(
        join(cwd, 'pyproject.toml'),
        `[tool.poetry]
name = "consumer"
version = "1.0"
description = ""
authors = []
[tool.poetry.dependencies]
python = "^3.11"
${file.name} = { url = "${urlOf(file)}" }
`,
      ),
    args: ['lock'],
    env: { POETRY_VIRTUALENVS_CREATE: 'false' },
  },
  pdm: {
    write: (cwd: string, file: Distribution): void =>
      writeFileSync(
        join(cwd, 'pyproject.toml'),
        `[project]
name = "consumer"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["${file.name} @ ${urlOf(file)}"]
[[tool.pdm.source]]
name = "pypi"
url = "${server.url}/simple/"
verify_ssl = true
`,
      ),
    args: ['lock'],
    env: { PDM_CHECK_UPDATE: '0', PDM_USE_VENV: '0' },
  },
  pipenv: {
    write: (cwd: string, file: Distribution): void =>
      writeFileSync(
        join(cwd, 'Pipfile'),
        `[[source]]
name = "waxseal"
url = "${server.url}/simple/"
verify_ssl = true
[packages]
${file.name} = { file = "${urlOf(file)}" }
`,
      ),
    args: ['lock'],
    env: { PIPENV_VENV_IN_PROJECT: '1' },
  },
} as const

/** By day the newest of each: they take half a minute. */
const NIGHTLY = process.env['WAXSEAL_NIGHTLY'] !== undefined

for (const name of ['poetry', 'pdm', 'pipenv'] as const) {
  for (const wanted of wantedClients(name).filter(({ client }) => NIGHTLY || client?.generation !== 'bookworm')) {
    clientTest(
      wanted,
      'shows of locked files the rule and the way out, as far as it shows anything',
      async (client) => {
        for (const [what, file, expected] of LOCKED) {
          await using work = await workFolder()
          const { write, args, env } = lockers[name]
          write(work.path, file)
          const python =
            name === 'pipenv' ? { PIPENV_DEFAULT_PYTHON_VERSION: client.python, PIPENV_PYTHON: client.python } : {}
          const outcome = await client.run(args, { cwd: work.path, env: { ...env, ...python } })
          assert.notEqual(outcome.code, 0, terminal(outcome))
          // PDM 2.29 loses the reason phrase in its caching HTTP client, and hides bodies: status and address are all there is.
          const isMute = name === 'pdm' && client.generation === 'newest'
          const shown = isMute ? new RegExp(`403 Forbidden.*/files/${file.name}/`) : expected
          assert.match(terminal(outcome), shown, what)
        }
      },
    )
  }
}
