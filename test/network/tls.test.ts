import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { assertSuccess, withEnv, workFolder } from '../clients/scene.ts'
import { uploaders } from '../clients/uploading.ts'
import { addressOf, until } from '../support/behind-upstream.ts'
import { encryptKey, makeCertificate } from '../support/certificate.ts'
import { clientTest, wantedClients } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { runWaxseal, startWaxseal } from '../support/server.ts'
import type { RunningServer } from '../support/server.ts'

const file = buildWheel({ name: 'sealed', version: '1.0', module: `TEXT = '${'x'.repeat(2_000_000)}'\n` })

/** The name in the certificate that is served now. */
const subjectOf = async ({ url }: RunningServer): Promise<string> => {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

describe('over TLS', () => {
  const parts = new AsyncDisposableStack()
  let folder: string
  let served: { readonly certificate: string; readonly key: string }
  let server: RunningServer

  const use = async (name: string): Promise<string> => {
    const made = makeCertificate(folder, name)
    await copyFile(made.certificate, served.certificate)
    await copyFile(made.key, served.key)
    return made.certificate
  }
  const subject = (): Promise<string> => subjectOf(server)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waxseal-tls-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    served = { certificate: join(folder, 'served.pem'), key: join(folder, 'served.key') }
    await use('first')
    const config = join(folder, 'waxseal.toml')
    await writeFile(config, '[tls]\ncertificate = "served.pem"\nkey = "served.key"\n')
    server = parts.use(await startWaxseal({ args: ['--no-upstream', '--config', config] }))
  })
  after(() => parts.disposeAsync())

  for (const wanted of wantedClients('twine')) {
    clientTest(wanted, 'uploads over https', async (twine) => {
      await using work = await workFolder()
      const version = twine.generation === 'newest' ? '1.0' : '0.9'
      const mine = version === '1.0' ? file : buildWheel({ name: 'sealed', version })
      const trusting = { ...twine, run: withEnv(twine, { TWINE_CERT: join(folder, 'first.pem') }) }
      assertSuccess(await uploaders.twine(trusting, work.path, mine, server))
    })
  }

  for (const wanted of wantedClients('pip')) {
    clientTest(wanted, 'installs over https with the authority it is given, and not without', async (pip) => {
      await using work = await workFolder()
      const install = [
        'install',
        '--no-deps',
        '--retries',
        '0',
        '--index-url',
        `${server.url}/simple/`,
        '--target',
        'out',
      ]
      const trusting = { PIP_CERT: join(folder, 'first.pem') }
      assertSuccess(await pip.run([...install, 'sealed==1.0'], { cwd: work.path, env: trusting }))
      const stranger = await pip.run([...install, '--upgrade', 'sealed==1.0'], { cwd: work.path })
      assert.notEqual(stranger.code, 0)
      assert.match(stranger.stdout + stranger.stderr, /certificate verify failed/i)
    })
  }

  it('SIGHUP brings a new certificate, and a download that is running ends well', async () => {
    const { hostname, port } = new URL(server.url)
    const asked = request({
      hostname,
      port,
      path: addressOf('sealed', file),
      agent: false,
      ca: await readFile(join(folder, 'first.pem')),
    }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    assert.equal(response.statusCode, 200)
    await use('second')
    server.signal('SIGHUP')
    await until(subject, (name) => name === 'second')
    const pieces: Buffer[] = []
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece)
    assert.ok(Buffer.concat(pieces).equals(file.bytes))
  })

  it('a pair that does not belong together changes nothing, and the log says why', async () => {
    await copyFile(makeCertificate(folder, 'third').certificate, served.certificate)
    server.signal('SIGHUP')
    await until(
      async () => server.log(),
      (log) => log.includes('does not belong to the certificate'),
    )
    assert.equal(await subject(), 'second')
  })

  it('commands beside the server need no certificate', async () => {
    assert.ok(await server.createToken({ scope: 'read' }))
  })
})

describe('deploy/certbot-hook.sh', () => {
  // Root goes by no group: the server runs as root without that right.
  const asGroup = (group: number): readonly string[] => [
    'setpriv',
    '--bounding-set=-dac_override,-dac_read_search',
    '--groups',
    String(group),
  ]
  const missing =
    userInfo().uid !== 0
      ? 'only root can give a file to a group of which it is no member'
      : spawnSync('setpriv', ['--version']).status === 0 || process.env['CI']
        ? false
        : 'setpriv (util-linux) is not here'

  it('brings a renewed pair to a server that may read it by its group alone', { skip: missing }, async () => {
    await using parts = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-hook-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o755)
    const [tls, bin] = [join(folder, 'tls'), join(folder, 'bin')]
    await mkdir(bin)
    await mkdir(tls)
    const [pid, hook] = [join(folder, 'pid'), resolve(import.meta.dirname, '../../deploy/certbot-hook.sh')]
    // In place of systemd's: what ExecReload= of the unit does.
    await writeFile(join(bin, 'systemctl'), `#!/bin/sh\n[ ! -e ${pid} ] || kill -HUP "$(cat ${pid})"\n`, {
      mode: 0o755,
    })
    const renew = async (name: string): Promise<void> => {
      const lineage = join(folder, name)
      await mkdir(lineage, { mode: 0o700 })
      const made = makeCertificate(lineage, name)
      await rename(made.certificate, join(lineage, 'fullchain.pem'))
      await rename(made.key, join(lineage, 'privkey.pem'))
      const env = {
        PATH: `${bin}:${process.env['PATH']}`,
        RENEWED_LINEAGE: lineage,
        TLS_FOLDER: tls,
        TLS_GROUP: '4242',
      }
      const { status, stderr } = spawnSync(hook, { env, encoding: 'utf8' })
      assert.deepEqual([status, stderr], [0, ''])
      for (const file of await readdir(tls)) await chown(join(tls, file), 4243, 4242)
    }
    await chown(tls, 4243, 4242)
    await chmod(tls, 0o750)
    await renew('old')
    const env = { WAXSEAL_TLS_CERTIFICATE: join(tls, 'fullchain.pem'), WAXSEAL_TLS_KEY: join(tls, 'privkey.pem') }
    await assert.rejects(
      startWaxseal({ args: ['--no-upstream'], env, through: asGroup(4244) }),
      /privkey\.pem cannot be read: the user of this process may not read it|fullchain\.pem cannot be read: the user/,
    )
    const server = parts.use(await startWaxseal({ args: ['--no-upstream'], env, through: asGroup(4242) }))
    assert.equal(await subjectOf(server), 'old')
    await writeFile(pid, String(server.pid))
    await renew('new')
    await until(
      () => subjectOf(server),
      (name) => name === 'new',
    )
  })

  it('is not for a copy of systemd, which stays as it was: serve says so', async () => {
    await using parts = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-credential-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    const { certificate, key } = makeCertificate(folder, 'tls-key')
    const start = (credentials: string) =>
      startWaxseal({
        args: ['--no-upstream'],
        env: { WAXSEAL_TLS_CERTIFICATE: certificate, WAXSEAL_TLS_KEY: key, CREDENTIALS_DIRECTORY: credentials },
      })
    const warning = /Warning: .*tls-key\.key is a copy that systemd made.*\n.*restart/
    assert.match(parts.use(await start(folder)).log(), warning)
    assert.doesNotMatch(parts.use(await start(join(folder, 'other'))).log(), warning)
  })
})

describe('what keeps a server from starting is told without a stack trace', () => {
  it('an encrypted key, a missing file, a wrong key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-tls-'))
    try {
      const good = makeCertificate(folder, 'good')
      for (const [key, message] of [
        [encryptKey(good.key), /is encrypted\. Write one without a passphrase/],
        [join(folder, 'absent.key'), /absent\.key cannot be read: it does not exist/],
        [makeCertificate(folder, 'other').key, /other\.key does not belong to the certificate/],
      ] as const) {
        const env = { WAXSEAL_TLS_CERTIFICATE: good.certificate, WAXSEAL_TLS_KEY: key }
        const args = ['serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--no-upstream']
        await assert.rejects(runWaxseal(args, env), (error: Error) => {
          assert.match(error.message, /exited with 2/)
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /\n\s+at /)
          return true
        })
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
