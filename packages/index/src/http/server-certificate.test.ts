import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encryptKey, makeCertificate } from '../../../../test/support/certificate.ts'
import { IndexError } from '../error.ts'
import { readCertificate, ServerCertificate } from './server-certificate.ts'

const DAY = 24 * 3_600_000
/** Long before the certificates of this file expire. */
const NOW = { now: () => Date.now() }

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-certificate-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** A log that keeps its sentences, and tells when there is a new one. */
function keepingLog() {
  const lines: string[] = []
  let told = Promise.withResolvers<void>()
  const write = (...said: readonly unknown[]): void => {
    lines.push(String(said.at(-1)))
    told.resolve()
    told = Promise.withResolvers<void>()
  }
  return { lines, log: { info: write, warn: write }, next: () => told.promise }
}

test('a pair is read with its names and its end', async () => {
  const files = makeCertificate(folder, 'good', 30)
  const { status } = await readCertificate(files)
  assert.deepEqual(status.names, ['localhost', '127.0.0.1', '0:0:0:0:0:0:0:1'])
  assert.ok(Math.abs(status.notAfter - Date.now() - 30 * DAY) < DAY)
  assert.match(status.sha256, /^[0-9a-f]{64}$/)
})

test('a pair that cannot be served says which file, why, and what to do', async () => {
  const good = makeCertificate(folder, 'one')
  const other = makeCertificate(folder, 'other')
  const text = join(folder, 'text.pem')
  await writeFile(text, 'hello\n')
  const chain = join(folder, 'wrong-order.pem')
  await copyFile(other.certificate, chain)
  await appendFile(chain, await readFile(good.certificate))
  const cut = join(folder, 'cut.pem')
  await writeFile(cut, (await readFile(good.certificate, 'utf8')).replace(/.{200}\n-----END/s, '\n-----END'))
  const cases = [
    [{ ...good, key: join(folder, 'nowhere') }, /^The TLS key \S+nowhere cannot be read: it does not exist\.$/],
    [{ ...good, certificate: folder }, /^The TLS certificate \S+ cannot be read: EISDIR/],
    [{ ...good, certificate: text }, /has no "-----BEGIN CERTIFICATE-----"/],
    [{ ...good, key: text }, /text\.pem is not a private key in PEM/],
    [{ ...good, key: other.key }, /other\.key does not belong to the certificate \S+one\.pem\.$/],
    [{ ...good, key: encryptKey(good.key) }, /is encrypted\. Write one without a passphrase.*openssl pkey/],
    [{ ...good, certificate: chain }, /the server's own certificate must come first/],
    [{ ...good, certificate: cut }, /The TLS certificate \S+cut\.pem cannot be read/],
  ] as const
  for (const [files, message] of cases) {
    await assert.rejects(readCertificate(files), (error: unknown) => {
      assert.ok(error instanceof IndexError && error.code === 'config-invalid')
      assert.match(error.message, message)
      return true
    })
  }
})

test('new files are noticed however they come: written over, renamed, or behind a swapped symbolic link', async () => {
  const [one, two, three, four] = ['r1', 'r2', 'r3', 'r4'].map((name) => makeCertificate(folder, name))
  assert.ok(one && two && three && four)
  // As Kubernetes mounts a secret: file → ..data/file, and ..data is swapped.
  const mount = join(folder, 'mount')
  for (const [version, made] of [
    ['v1', one],
    ['v2', two],
  ] as const) {
    await mkdir(join(mount, version), { recursive: true })
    await copyFile(made.certificate, join(mount, version, 'tls.crt'))
    await copyFile(made.key, join(mount, version, 'tls.key'))
  }
  await symlink('v1', join(mount, 'data'))
  const files = { certificate: join(mount, 'tls.crt'), key: join(mount, 'tls.key') }
  await symlink('data/tls.crt', files.certificate)
  await symlink('data/tls.key', files.key)
  const { lines, log } = keepingLog()
  await using served = await ServerCertificate.open(files, { clock: NOW, log, pollMs: 10 })
  const changes: string[] = []
  let changed = Promise.withResolvers<void>()
  served.onChange((pair) => {
    changes.push(pair.status.sha256)
    changed.resolve()
    changed = Promise.withResolvers<void>()
  })

  const swapped = changed.promise
  await symlink('v2', join(mount, 'new'))
  await rename(join(mount, 'new'), join(mount, 'data'))
  await swapped
  const renamed = changed.promise
  await rename(three.certificate, files.certificate)
  await rename(three.key, files.key)
  await renamed
  const written = changed.promise
  await copyFile(four.certificate, files.certificate)
  await copyFile(four.key, files.key)
  await written
  const expected = await readCertificate(four)
  assert.equal(changes.length, 3)
  assert.equal(served.status.sha256, expected.status.sha256)
  assert.equal(served.status.problem, undefined)
  assert.ok(lines.includes('a new TLS certificate is in use'))
})

test('a bad pair, or half a new one, is told once and changes nothing; the whole one is taken', async () => {
  const old = makeCertificate(folder, 'old')
  const next = makeCertificate(folder, 'next')
  const files = { certificate: join(folder, 'live.pem'), key: join(folder, 'live.key') }
  await copyFile(old.certificate, files.certificate)
  await copyFile(old.key, files.key)
  const { lines, log } = keepingLog()
  await using served = await ServerCertificate.open(files, { clock: NOW, log })
  const before = served.status.sha256
  await copyFile(next.certificate, files.certificate)
  await served.reload()
  await served.reload()
  assert.equal(served.pair.status.sha256, before)
  assert.match(served.status.problem ?? '', /does not belong/)
  await rm(files.key)
  await served.reload()
  await copyFile(next.key, files.key)
  await served.reload()
  assert.notEqual(served.status.sha256, before)
  assert.equal(served.status.problem, undefined)
  assert.equal(lines.length, 3, lines.join('\n'))
  assert.match(lines[0] ?? '', /does not belong to the certificate \S+\. The certificate from before stays in use\.$/)
  assert.match(lines[1] ?? '', /cannot be read: it does not exist\. The certificate from before stays in use\.$/)
})

test('after a bad pair the one from before is taken again when it comes back', async () => {
  const old = makeCertificate(folder, 'back')
  const files = { certificate: join(folder, 'b.pem'), key: join(folder, 'b.key') }
  await copyFile(old.certificate, files.certificate)
  await copyFile(old.key, files.key)
  await using served = await ServerCertificate.open(files, { clock: NOW, log: keepingLog().log })
  for (const spoil of [() => writeFile(files.key, ''), () => rm(files.key)]) {
    await spoil()
    await served.reload()
    assert.ok(served.status.problem)
    await copyFile(old.key, files.key)
    await served.reload()
    assert.equal(served.status.problem, undefined)
  }
})

test('an end within 14 days is told at the start and once a day, and so is one that is past', async () => {
  const files = makeCertificate(folder, 'short', 20)
  const { lines, log } = keepingLog()
  let now = Date.now()
  await using served = await ServerCertificate.open(files, { clock: { now: () => now }, log })
  assert.deepEqual(lines, [])
  now += 7 * DAY
  await served.reload()
  await served.reload()
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^The TLS certificate \S+short\.pem expires on \d{4}-\d\d-\d\dT/)
  now += 1.5 * DAY
  await served.reload()
  assert.equal(lines.length, 2)
  now += 30 * DAY
  await served.reload()
  assert.match(lines[2] ?? '', /expired on/)
})
