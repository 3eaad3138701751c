import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertInstalled, assertSuccess, startScene, terminal, upload } from '../clients/scene.ts'
import { makeCertificate } from '../support/certificate.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal } from '../support/server.ts'
import { intoTarget, machineTrusting } from './machine.ts'
import { startService } from './service.ts'

for (const wanted of wantedClients('poetry')) {
  clientTest(
    wanted,
    'installs what verifies through the service, by the password that its configuration has',
    async (client) => {
      await using scene = await startScene()
      await using machine = await machineTrusting(scene.server.url)
      await using service = await startService(machine)
      const project = join(machine.folder, 'project')
      await mkdir(project)
      writeFileSync(
        join(project, 'pyproject.toml'),
        [
          '[tool.poetry]',
          'name = "application"',
          'version = "1.0"',
          'description = ""',
          'authors = []',
          '[tool.poetry.dependencies]',
          'python = ">=3.9"',
          'acme-app = "*"',
          '[[tool.poetry.source]]',
          'name = "guard"',
          `url = "http://127.0.0.1:${service.port}/simple/"`,
          // Before priorities: this one instead of PyPI.
          client.version.startsWith('1.3') ? 'default = true' : 'priority = "primary"',
          '',
        ].join('\n'),
      )
      const env = {
        POETRY_VIRTUALENVS_IN_PROJECT: 'true',
        POETRY_HTTP_BASIC_GUARD_USERNAME: 'guard',
        POETRY_HTTP_BASIC_GUARD_PASSWORD: service.secret,
      }
      assertSuccess(await client.run(['install', '--no-root', '--no-interaction'], { cwd: project, env }))
      assertInstalled(project, [scene.app, scene.alpha, scene.beta])
      assert.ok(!readFileSync(join(project, 'poetry.lock'), 'utf8').includes(service.secret))
    },
  )
}

for (const wanted of wantedClients('pip').slice(-1)) {
  clientTest(wanted, 'reads a private index with a token that no program gets', async (client) => {
    await using server = await startWaxseal({ args: ['--no-upstream', '--private'] })
    const app = buildWheel({ name: 'acme-private', version: '1.0' })
    await upload(server, app)
    const token = await server.createToken({ scope: 'read' })
    await using machine = await machineTrusting(undefined)
    const without = await machine.waxseal(['trust', 'add', server.url, '--yes'])
    assert.equal(without.code, 3)
    assert.match(without.stderr, /wants a token for reading \(--token-file\)/)
    const added = await machine.waxseal(['trust', 'add', server.url, '--yes', '--token-file', '-'], {
      input: `${token}\n`,
    })
    assert.equal(added.code, 0, terminal(added))
    const installed = await machine.pip(client, intoTarget(join(machine.folder, 'site'), 'acme-private'))
    assert.equal(installed.code, 0, terminal(installed))
    assert.equal(installed.report.files[0]?.sha256, app.sha256)

    // In a file for its owner alone; never in what a program is told, nor in what is printed.
    const shown = await machine.waxseal(['trust', 'show', '--json'])
    const { folder } = JSON.parse(shown.stdout) as { folder: string }
    assert.equal(statSync(join(folder, 'token')).mode & 0o777, 0o600)
    const environment = await machine.waxseal(['run', '--', 'env'])
    assert.equal(environment.code, 0)
    assert.ok(!`${environment.stdout}${environment.stderr}${shown.stdout}`.includes(token))
    assert.ok(!environment.stdout.includes(Buffer.from(`__token__:${token}`).toString('base64')))

    // A token that was revoked is said.
    const wrong = await machine.waxseal(['trust', 'login', '--token-file', '-'], { input: 'wrong\n' })
    assert.equal(wrong.code, 0, terminal(wrong))
    const refused = await machine.pip(client, intoTarget(join(machine.folder, 'other'), '--no-cache-dir', 'acme-other'))
    assert.equal(refused.code, 1)
  })
}

void test('a token goes over HTTPS, or not at all', async () => {
  await using machine = await machineTrusting(undefined)
  const refused = await machine.waxseal(['trust', 'add', 'http://packages.example', '--yes', '--token-file', '-'], {
    input: 'secret\n',
  })
  assert.equal(refused.code, 3)
  assert.match(refused.stderr, /only HTTPS takes one/)
  assert.ok(!refused.stderr.includes('secret'))
})

void test('waxseal guard prints what programs and systemd are told, and says each refusal as it happens', async (t) => {
  await using scene = await startScene()
  await using machine = await machineTrusting(scene.server.url)
  await using service = await startService(machine)
  assert.equal((await machine.waxseal(['guard', '--print', 'password'])).stdout.trim(), service.secret)
  const url = await machine.waxseal(['guard', '--print', 'url', '--port', String(service.port)])
  assert.equal(url.stdout.trim(), `${service.url}/simple/`)
  const page = await fetch(`${service.url}/simple/no-such-name/`)
  assert.equal(page.status, 404)
  assert.match(service.said(), /^refused \(not-offered\): no-such-name is not offered/m)
  assert.ok(!service.said().includes(service.secret))

  const unit = await machine.waxseal(['guard', '--print', 'unit'])
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.skip('no systemd-analyze')
  const file = join(machine.folder, 'waxseal-guard.service')
  writeFileSync(file, unit.stdout)
  const verified = spawnSync('systemd-analyze', ['verify', '--user', file], { encoding: 'utf8' })
  assert.equal(
    verified.stderr
      .split('\n')
      .filter((line) => line.includes('waxseal-guard'))
      .join('\n'),
    '',
  )
})

void test('another root for an index that is trusted is refused, whatever is typed', async () => {
  await using scene = await startScene()
  await using other = await startWaxseal({ args: ['--no-upstream'] })
  await using machine = await machineTrusting(scene.server.url)
  const root = join(machine.folder, 'root.json')
  writeFileSync(root, Buffer.from(await (await fetch(`${other.url}/tuf/1.root.json`)).arrayBuffer()))
  const differs = await machine.waxseal(['trust', 'add', scene.server.url, '--root', root])
  assert.equal(differs.code, 1)
  assert.match(differs.stderr, /is trusted already, with another root/)
  // The same again is what scripts do.
  assert.equal((await machine.waxseal(['trust', 'add', scene.server.url, '--yes'])).code, 0)
  const wrong = await machine.waxseal(['trust', 'add', other.url, '--fingerprint', 'a'.repeat(64)])
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /not the one that was given: nothing is trusted/)
  const foreign = await machine.waxseal(['trust', 'add', other.url, '--root', join(machine.folder, 'root.json')])
  assert.equal(foreign.code, 0, terminal(foreign))
  // Without a terminal nobody has looked.
  await machine.waxseal(['trust', 'remove', other.url])
  const unasked = await machine.waxseal(['trust', 'add', other.url])
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /add --yes/)
  const list = await machine.waxseal(['trust', 'list', '--json'])
  assert.deepEqual(
    (JSON.parse(list.stdout) as { url: string }[]).map(({ url }) => url),
    [scene.server.url],
  )
})

void test('an index with a certificate that nobody here knows is refused, with the way to know it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-tls-'))
  const { certificate, key } = makeCertificate(folder.path, 'index')
  const env = { WAXSEAL_TLS_CERTIFICATE: certificate, WAXSEAL_TLS_KEY: key }
  await using server = await startWaxseal({ args: ['--no-upstream'], env })
  await using machine = await machineTrusting(undefined)
  const refused = await machine.waxseal(['trust', 'add', server.url, '--yes'])
  assert.equal(refused.code, 3)
  assert.match(refused.stderr, /authority that is not known here: NODE_EXTRA_CA_CERTS=FILE names it/)
  const added = await machine.waxseal(['trust', 'add', server.url, '--yes'], {
    env: { NODE_EXTRA_CA_CERTS: certificate },
  })
  assert.equal(added.code, 0, terminal(added))
})
