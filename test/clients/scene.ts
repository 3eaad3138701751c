import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Client, Outcome } from '../support/clients.ts'
import { buildSdist, buildWheel, flitCoreWheel, type Distribution } from '../support/python-projects.ts'
import { startWaxseal, type RunningServer } from '../support/server.ts'
import { startSimulator, type Simulator } from '../support/upstream-simulator.ts'

export const YANK_REASON = 'the 1.1 build was broken'

/** A JSON upstream, an HTML-only one, and private projects that depend on both, behind one Waxseal. */
export type Scene = {
  readonly server: RunningServer
  /** The one index URL that a reading client is given, with a final slash. */
  readonly indexUrl: string
  /** acme-app 1.0: requires alpha-dep and beta-dep. */
  readonly app: Distribution
  /** acme-native 1.0: an sdist only, built with flit_core from the index. */
  readonly native: Distribution
  /** On the JSON upstream; 1.1 is yanked. */
  readonly alpha: Distribution
  readonly alphaYanked: Distribution
  /** On the HTML upstream. */
  readonly beta: Distribution
  [Symbol.asyncDispose](): Promise<void>
}

const simulated = (file: Distribution) => ({
  filename: file.filename,
  bytes: file.bytes,
  uploadTime: '2024-03-01T12:00:00.000000Z',
})

/** Uploads as twine does, without twine: the form and its Basic credentials. */
export const upload = async (server: Pick<RunningServer, 'url' | 'token'>, file: Distribution): Promise<void> => {
  const form = new FormData()
  const wheel = file.filename.endsWith('.whl')
  form.set(':action', 'file_upload')
  form.set('protocol_version', '1')
  form.set('metadata_version', /^Metadata-Version: (.*)$/m.exec(file.metadata)?.[1] ?? '2.1')
  form.set('name', file.name)
  form.set('version', file.version)
  form.set('filetype', wheel ? 'bdist_wheel' : 'sdist')
  form.set('pyversion', wheel ? 'py3' : 'source')
  const fields = new Map([
    ['Summary', 'summary'],
    ['Requires-Python', 'requires_python'],
    ['Requires-Dist', 'requires_dist'],
  ])
  for (const line of file.metadata.split('\n')) {
    const [name = '', value = ''] = line.split(': ')
    const field = fields.get(name)
    if (field !== undefined) form.append(field, value)
  }
  form.set('sha256_digest', file.sha256)
  form.set('content', new Blob([Uint8Array.from(file.bytes)], { type: 'application/octet-stream' }), file.filename)
  const authorization = `Basic ${Buffer.from(`__token__:${server.token}`).toString('base64')}`
  const response = await fetch(`${server.url}/legacy/`, { method: 'POST', body: form, headers: { authorization } })
  assert.equal(response.status, 200, `${file.filename}: ${response.statusText}\n${await response.text()}`)
}

export const startScene = async (): Promise<Scene> => {
  const alpha = buildWheel({ name: 'alpha-dep', version: '1.0' })
  const alphaYanked = buildWheel({ name: 'alpha-dep', version: '1.1' })
  const beta = buildWheel({ name: 'beta-dep', version: '2.0', requiresPython: '>=3.8' })
  const betaTooNew = buildWheel({ name: 'beta-dep', version: '3.0', requiresPython: '>=99' })
  const app = buildWheel({ name: 'acme-app', version: '1.0', requires: ['alpha-dep>=1', 'beta-dep>=2'] })
  const native = buildSdist({ name: 'acme-native', version: '1.0', requires: ['alpha-dep'] })
  const backend = flitCoreWheel()
  await using starting = new AsyncDisposableStack()
  const json: Simulator = starting.use(await startSimulator())
  const html: Simulator = starting.use(await startSimulator())
  json.addProject({
    name: 'alpha-dep',
    formats: 'json',
    files: [simulated(alpha), { ...simulated(alphaYanked), yanked: YANK_REASON }],
  })
  if (backend !== undefined) json.addProject({ name: 'flit-core', formats: 'json', files: [simulated(backend)] })
  html.addProject({
    name: 'beta-dep',
    formats: 'html',
    files: [
      { ...simulated(beta), requiresPython: '>=3.8' },
      { ...simulated(betaTooNew), requiresPython: '>=99' },
    ],
  })
  const server = starting.use(
    await startWaxseal({
      upstreams: new Map([
        ['json', json.simpleUrl],
        ['html', html.simpleUrl],
      ]),
    }),
  )
  for (const file of [app, native]) await upload(server, file)
  const parts = starting.move()
  return {
    server,
    indexUrl: `${server.url}/simple/`,
    app,
    native,
    alpha,
    alphaYanked,
    beta,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** An empty folder for one client's project, removed with the scope. */
export const workFolder = async (): Promise<{ readonly path: string } & AsyncDisposable> => {
  const path = await mkdtemp(join(tmpdir(), 'waxseal-project-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Both streams of a client as a person reads them: lines that the client wrapped are one line again. */
export const terminal = ({ stdout, stderr }: Outcome): string => `${stdout}\n${stderr}`.replaceAll(/\s+/g, ' ')

/** The files are installed in the project's own `.venv`, and of the scene's projects nothing else is. */
export const assertInstalled = (project: string, files: readonly Distribution[]): void => {
  const found = globSync('.venv/lib/python3.*/site-packages/{acme,alpha,beta}_*.dist-info', { cwd: project })
  const expected = files.map((file) => `${file.name.replaceAll('-', '_')}-${file.version}.dist-info`)
  assert.deepEqual(found.map((path) => basename(path)).toSorted(), expected.toSorted())
}

/** The client succeeded; where it did not, its terminal stands in the failure. */
export const assertSuccess = (outcome: Outcome): void => {
  assert.equal(outcome.code, 0, `exit ${outcome.code}\n${outcome.stdout}\n${outcome.stderr}`)
}

/** How a client is run with more in its environment. */
export const withEnv =
  (client: Client, env: Readonly<Record<string, string>>): Client['run'] =>
  (args, options) =>
    client.run(args, { ...options, env: { ...options.env, ...env } })
