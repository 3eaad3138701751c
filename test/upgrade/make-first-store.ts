import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ListedPage } from '../support/behind-upstream.ts'
import { buildSdist, buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'
import { multipart } from '../support/upload-stream.ts'
import { startSimulator } from '../support/upstream-simulator.ts'
import type { Answer, Expected, Login } from './answers.ts'
import { answerTo, loginStatus } from './answers.ts'
import { unpackRelease } from './old-release.ts'

/**
 * `node test/upgrade/make-first-store.ts`: makes a store with the program of the first release, with everything that one
 * can hold, and asks that program what it answers. Written once, to `first-store.tar.gz` and `first-store.json`, and kept.
 */
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const HTML_TYPE = 'text/html'
/** Nobody listens there: what is asked later, is asked without an upstream. */
const GONE = 'http://127.0.0.1:9/simple/'

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')

function attestation(file: Distribution): string {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: file.filename, digest: { sha256: file.sha256 } }],
    predicateType: 'https://docs.pypi.org/attestations/publish/v1',
    predicate: null,
  }
  const material = { certificate: 'AAAA', transparency_entries: [{}] }
  const envelope = { statement: base64(statement), signature: 'AAAA' }
  return JSON.stringify([{ version: 1, verification_material: material, envelope }])
}

async function upload(server: RunningServer, file: Distribution, fields: Record<string, string> = {}): Promise<void> {
  const sdist = { filetype: 'sdist', pyversion: 'source', metadata_version: '2.2' }
  const { body, contentType } = multipart(file, { ...(file.filename.endsWith('.gz') ? sdist : {}), ...fields })
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': contentType }
  const reply = await ask(`${server.url}/legacy/`, { method: 'POST', headers, body })
  assert.equal(reply.status, 200, `${file.filename}: ${reply.reason}`)
}

async function change(server: RunningServer, method: string, path: string, body?: object): Promise<void> {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }
  const json = body === undefined ? {} : { body: JSON.stringify(body) }
  const reply = await ask(`${server.url}/api/v1${path}`, { method, headers, ...json })
  assert.equal(reply.status, 200, `${method} ${path}: ${reply.status} ${reply.body.toString()}`)
}

/** Everything that the upstream has is asked for: pages, some files with their sidecars, one project only looked at. */
async function fillCache(server: RunningServer, upstream: Awaited<ReturnType<typeof startSimulator>>): Promise<void> {
  const file = (name: string, version: string) => {
    const { filename, bytes, metadata } = buildWheel({ name, version, requiresPython: '>=3.8' })
    const provenance = Buffer.from('{"version":1,"attestation_bundles":[]}')
    return { filename, bytes, metadata: Buffer.from(metadata), provenance, requiresPython: '>=3.8' }
  }
  const files = [
    file('cached-lib', '1.0'),
    { ...file('cached-lib', '1.1'), yanked: 'broken' },
    file('cached-lib', '2.0'),
  ]
  upstream.addProject({ name: 'cached-lib', files, status: { status: 'deprecated', reason: 'use another' } })
  upstream.addProject({ name: 'only-looked-at', files: [file('only-looked-at', '1.0')], formats: 'html' })
  upstream.addProject({ name: 'shrinking', files: [file('shrinking', '1.0'), file('shrinking', '2.0')] })
  await ask(`${server.url}/simple/only-looked-at/`)
  for (const name of ['cached-lib', 'shrinking']) {
    const page = await ask(`${server.url}/simple/${name}/`, { headers: { accept: JSON_TYPE } })
    for (const { url } of (JSON.parse(page.body.toString()) as ListedPage).files) {
      for (const part of ['', '.metadata', '.provenance']) {
        const at = new URL(`${url}${part}`, `${server.url}/simple/${name}/`).href
        assert.equal((await ask(at)).status, 200, at)
      }
    }
  }
  // A file that the upstream takes away is withdrawn and stays on record.
  upstream.addProject({ name: 'shrinking', files: [file('shrinking', '1.0')] })
  assert.equal((await ask(`${server.url}/simple/shrinking/`)).status, 200)
}

async function fillOwn(server: RunningServer): Promise<void> {
  const app = buildWheel({ name: 'corp-app', version: '1.0', requires: ['corp-lib'] })
  await upload(server, app, { requires_dist: 'corp-lib', attestations: attestation(app) })
  await upload(server, buildSdist({ name: 'corp-app', version: '1.0' }))
  for (const version of ['1.0', '1.1', '2.0rc1', '2.0']) await upload(server, buildWheel({ name: 'corp-lib', version }))
  await change(server, 'PUT', '/projects/corp-lib/releases/1.1/yank', { reason: 'the wrong branch was built' })
  await change(server, 'DELETE', '/projects/corp-lib/releases/1.0')
  for (const name of ['corp-gone', 'corp-suspect', 'corp-old', 'own-tool']) {
    await upload(server, buildWheel({ name, version: '1.0' }))
  }
  await change(server, 'DELETE', '/projects/corp-gone')
  await change(server, 'PUT', '/projects/corp-suspect/status', { status: 'quarantined', reason: 'under investigation' })
  await change(server, 'PUT', '/projects/corp-old/status', { status: 'archived', reason: 'no longer developed' })
  await change(server, 'POST', '/projects/claimed-name/claim')
}

async function makeUsers(dataDir: string, main: string, scratch: string): Promise<readonly Omit<Login, 'status'>[]> {
  const run = (...args: string[]) => runWaxseal([...args, '--data', dataDir, '--json'], {}, main)
  const password = 'kept with the first store'
  const passwordFile = join(scratch, 'password')
  writeFileSync(passwordFile, password)
  await run('user', 'create', 'alice', '--admin', '--password-file', passwordFile)
  await run('user', 'create', 'carol', '--password-file', passwordFile)
  await run('user', 'disable', 'carol')
  const token = async (user: string, scope: string, ...more: string[]): Promise<{ id: string; token: string }> =>
    JSON.parse(await run('token', 'create', '--user', user, '--scope', scope, ...more)) as { id: string; token: string }
  const reader = await token('bob', 'read', '--label', 'a reader')
  const limited = await token('ci', 'upload', '--project', 'corp-lib')
  const revoked = await token('bob', 'read')
  await run('token', 'revoke', revoked.id)
  const basic = (user: string, secret: string): string => `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
  const path = '/api/v1/tokens'
  return [
    { who: 'alice with her password', authorization: basic('alice', password), path: '/api/v1/users' },
    { who: 'alice with another password', authorization: basic('alice', `${password}!`), path },
    { who: 'carol, who is disabled', authorization: basic('carol', password), path },
    { who: 'a reader', authorization: `Bearer ${reader.token}`, path },
    { who: 'a reader where administrators may go', authorization: `Bearer ${reader.token}`, path: '/api/v1/users' },
    { who: 'a token of one project as a password', authorization: basic('__token__', limited.token), path },
    { who: 'a revoked token', authorization: `Bearer ${revoked.token}`, path },
  ]
}

async function askEverything(url: string): Promise<readonly Answer[]> {
  const list = await answerTo(url, '/simple/', JSON_TYPE)
  const { projects } = JSON.parse(list.text ?? '') as { projects: readonly { name: string }[] }
  const hidden = ['corp-gone', 'corp-suspect', 'claimed-name', 'corp-never']
  const answers = [list, await answerTo(url, '/simple/', HTML_TYPE)]
  for (const name of new Set([...projects.map((project) => project.name), ...hidden])) {
    const page = await ask(`${url}/simple/${name}/`, { headers: { accept: JSON_TYPE } })
    const listed = page.status === 200 ? (JSON.parse(page.body.toString()) as ListedPage).files : []
    for (const accept of [JSON_TYPE, HTML_TYPE]) answers.push(await answerTo(url, `/simple/${name}/`, accept))
    for (const path of [`/pypi/${name}/json`, `/why/${name}`, `/api/v1/projects/${name}`]) {
      answers.push(await answerTo(url, path, 'application/json'))
    }
    if (name === 'only-looked-at') continue
    for (const file of listed) {
      const at = new URL(file.url, `${url}/simple/${name}/`).pathname
      for (const part of ['', '.metadata']) answers.push(await answerTo(url, `${at}${part}`, '*/*'))
    }
  }
  return answers
}

const scratch = mkdtempSync(join(tmpdir(), 'waxseal-first-store-'))
try {
  using old = unpackRelease('0.1.0')
  assert.deepEqual(old.differing, [])
  const dataDir = join(scratch, 'data')
  const config = join(scratch, 'waxseal.toml')
  const settings = (url: string): string => `prefixes = ["corp"]\n[upstream.sim]\nurl = "${url}"\nrefresh-seconds = 0\n`
  const start = async (url: string): Promise<RunningServer> => {
    writeFileSync(config, settings(url))
    return startWaxseal({ main: old.main, dataDir, args: ['--config', config] })
  }
  let logins: readonly Omit<Login, 'status'>[] = []
  {
    await using upstream = await startSimulator()
    await using server = await start(upstream.simpleUrl)
    await fillOwn(server)
    await fillCache(server, upstream)
    logins = await makeUsers(dataDir, old.main, scratch)
  }
  await using server = await start(GONE)
  const answers = await askEverything(server.url)
  assert.deepEqual(await askEverything(server.url), answers, 'the same twice')
  const told = await Promise.all(
    logins.map(async (login) => ({ ...login, status: await loginStatus(server.url, login) })),
  )
  await server.stop()
  const expected = { answers, logins: told } satisfies Expected
  const here = (name: string): string => resolve(import.meta.dirname, name)
  writeFileSync(here('first-store.json'), `${JSON.stringify(expected, undefined, 2)}\n`)
  const args = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--use-compress-program=gzip -9n']
  execFileSync('tar', [...args, '-cf', here('first-store.tar.gz'), '-C', scratch, 'data'])
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
