import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { textLine } from './text-line.ts'

const line = (fields: object): string =>
  textLine(JSON.stringify({ level: 'info', time: '2026-01-02T03:04:05.678Z', ...fields }))

suite('the log as text', () => {
  test('a request is its answer, its address, what it took, and who asked', () => {
    const request = {
      msg: 'request',
      id: 'a-1',
      method: 'GET',
      route: '/simple/{project}/',
      path: '/simple/demo/',
      status: 404,
      code: 'not-found',
      cache: 'none',
      bytes: 512,
      ms: 1.5,
      client: '127.0.0.1',
      user: 'alice',
      cut: true,
    }
    assert.equal(line(request), '03:04:05.678 404 GET /simple/demo/ 1.5ms 512B not-found cut 127.0.0.1 alice\n')
    const failed = line({ ...request, level: 'error', cache: 'disk', err: { type: 'Error', message: 'no' } })
    assert.match(
      failed,
      /^03:04:05\.678 ERROR 404 .* 512B disk not-found cut .* err=\{"type":"Error","message":"no"\}\n$/,
    )
  })

  test('everything else is its message and what belongs to it', () => {
    assert.equal(
      line({ level: 'warn', msg: 'upstream-down', project: null, detail: { upstream: 'pypi' } }),
      '03:04:05.678 WARN upstream-down detail={"upstream":"pypi"}\n',
    )
  })

  test('nothing acts on a terminal, and no line can be forged (attacks.md LOG)', () => {
    const evil = 'evil\u001b[2J\u009b2J\r\n03:04:05.678 forged\u0007'
    for (const text of [
      line({ msg: evil }),
      line({ msg: 'x', actor: evil, detail: { reason: evil } }),
      line({ msg: 'request', method: 'GET', path: evil, client: evil, user: evil, err: { message: evil } }),
      textLine(`no JSON ${evil}`),
    ]) {
      assert.match(text, /evil/)
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f](?!$)/)
      assert.ok(text.endsWith('\n'))
    }
  })
})
