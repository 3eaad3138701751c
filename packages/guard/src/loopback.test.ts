import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { GuardError } from './error.ts'
import { openLoopback } from './loopback-server.ts'
import type { LoopbackOptions } from './loopback-server.ts'
import type { Guard } from './open-guard.ts'
import { RunReport } from './run-report.ts'

/** A guard that offers nothing: what is asked here is who may ask at all. */
const nothing = (): Guard => {
  const report = new RunReport(Date.now)
  const index = {
    offered: (project: string) =>
      Promise.reject(
        new GuardError('page-unverified', `asked for ${project} — ü\u001b[2J\u202e`, { data: { project } }),
      ),
  }
  return { index, report, trusted: { url: 'https://packages.example' } } as unknown as Guard
}
const opened = async (
  options: LoopbackOptions = {},
): Promise<{ guard: Guard } & Awaited<ReturnType<typeof openLoopback>>> => {
  const guard = nothing()
  return { guard, ...(await openLoopback(guard, 'https://packages.example', options)) }
}

/** One request, byte for byte; everything that comes back. */
const said = (port: number, text: string): Promise<string> =>
  new Promise((done, fail) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.setEncoding('latin1').on('data', (data: string) => (answer += data))
    socket.once('close', () => done(answer)).once('error', fail)
  })
const asked = (port: number, target: string, more = ''): Promise<string> =>
  said(port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`)

void test('CLI-3: without the secret there is nothing, with it there is the guard', async () => {
  await using loopback = await opened()
  const { pathname } = new URL(loopback.endpoint.url)
  assert.match(await asked(loopback.port, '/simple/demo/'), /^HTTP\/1\.1 404 /)
  const almost = `${pathname.slice(0, -1)}${pathname.endsWith('x') ? 'y' : 'x'}`
  assert.match(await asked(loopback.port, `${almost}/simple/demo/`), /^HTTP\/1\.1 404 /)
  assert.match(
    await asked(loopback.port, `${pathname}/simple/Demo_x/`),
    /^HTTP\/1\.1 403 waxseal: page-unverified: asked for demo-x \? \?\?\[2J\?\r\n/,
  )
  const body = Buffer.from(
    (await asked(loopback.port, `${pathname}/simple/demo/`)).split('\r\n\r\n')[1] ?? '',
    'latin1',
  )
  const { title } = JSON.parse(body.toString('utf8')) as { title: string }
  assert.equal(title, 'asked for demo — ü [2J\\u{202e}', 'LOG: what programs show as it is')
  // As programs ask that take it for their proxy.
  assert.match(
    await asked(loopback.port, `${loopback.endpoint.url}/simple/demo/`),
    /^HTTP\/1\.1 403 waxseal: page-unverified/,
  )
  await using other = await opened()
  assert.notEqual(new URL(other.endpoint.url).pathname, pathname)
})

void test('a service is asked by its password, under any user name', async () => {
  await using loopback = await opened({ secret: 's'.repeat(32), password: true })
  const basic = (password: string): string =>
    `Authorization: Basic ${Buffer.from(`any:${password}`).toString('base64')}\r\n`
  assert.match(
    await asked(loopback.port, '/simple/demo/', basic('s'.repeat(32))),
    /^HTTP\/1\.1 403 waxseal: page-unverified/,
  )
  const without = await asked(loopback.port, '/simple/demo/')
  assert.match(without, /^HTTP\/1\.1 401 /)
  assert.match(without, /\r\nWWW-Authenticate: Basic /)
  assert.match(await asked(loopback.port, '/simple/demo/', basic('wrong')), /^HTTP\/1\.1 401 /)
  assert.match(await asked(loopback.port, '/simple/demo/', 'Authorization: Basic ?\r\n'), /^HTTP\/1\.1 401 /)
})

void test('as a proxy it leads nowhere else, and says who wanted to go where', async () => {
  await using loopback = await opened()
  assert.match(
    await asked(loopback.port, 'http://evil.example/simple/demo/'),
    /^HTTP\/1\.1 403 waxseal: outside-refused/,
  )
  assert.match(
    await said(loopback.port, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n'),
    /^HTTP\/1\.1 403 /,
  )
  assert.match(
    await asked(loopback.port, `http://127.0.0.1:${loopback.port}.evil.example/`),
    /^HTTP\/1\.1 403 waxseal: outside-refused/,
  )
  const { outside } = loopback.guard.report.document({ index: '', root: '' }, undefined, 0, 0)
  assert.deepEqual(outside, ['http://evil.example', 'evil.example:443', 'another place'])
})

for (const target of [
  '/files/demo/../../../etc/passwd/x',
  '/files/demo/%2e%2e/%2e%2e',
  `/files/demo/${'a'.repeat(64)}/..%2f..%2fetc`,
  `/files/demo/${'A'.repeat(64)}/demo-1.0-py3-none-any.whl`,
  '/simple/../demo/',
  '/simple/%00/',
  '/simple/%zz/',
  '/',
  '/simple/',
  '/simple/demo/more/',
]) {
  void test(`FN-PATH: ${target} is nothing`, async () => {
    await using loopback = await opened()
    const { pathname } = new URL(loopback.endpoint.url)
    assert.match(await asked(loopback.port, `${pathname}${target}`), /^HTTP\/1\.1 404 waxseal: not-offered/)
  })
}

void test('nothing can be published through it', async () => {
  await using loopback = await opened()
  const { pathname } = new URL(loopback.endpoint.url)
  const answer = await said(
    loopback.port,
    `POST ${pathname}/simple/demo/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 405 /)
})

void test('a port that is taken is said', async () => {
  await using loopback = await opened()
  await assert.rejects(openLoopback(nothing(), 'https://packages.example', { port: loopback.port }), {
    code: 'port-taken',
    message: /another program: choose another with --port/,
  })
})
