import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAuthorization } from './credentials.ts'

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
const malformed = { kind: 'malformed' }

describe('the Authorization header', () => {
  it('may be absent', () => {
    assert.deepEqual(parseAuthorization(undefined), { kind: 'none' })
    assert.deepEqual(parseAuthorization('  '), { kind: 'none' })
  })

  it('carries a token as Bearer, as token, or as the password of __token__; white space around it is ignored', () => {
    const expected = { kind: 'token', token: 'wax_abc' }
    for (const header of [
      'Bearer wax_abc',
      'bearer  wax_abc ',
      'token wax_abc',
      basic('__token__:wax_abc'),
      basic('__token__: wax_abc\r\n'),
      ` bAsIc ${basic(' __token__ :wax_abc').slice(6)}  `,
    ]) {
      assert.deepEqual(parseAuthorization(header), expected, header)
    }
  })

  it('carries a user and a password, which may hold colons, spaces and any letter', () => {
    const expected = { kind: 'basic', user: 'alice', password: ' pä:ss 😀 ' }
    assert.deepEqual(parseAuthorization(basic('alice: pä:ss 😀 ')), expected)
  })

  it('is malformed in every other form, however long', () => {
    for (const header of [
      'Basic',
      'Basic !!!',
      basic('no colon'),
      basic(':password'),
      basic('alice:'),
      basic('__token__:  '),
      `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`,
      basic(`${'a'.repeat(65)}:password`),
      basic('a\0b:password'),
      basic('a\u001b[31mb:password'),
      basic('a\u009bb:password'),
      basic('alice:pass\0word'),
      basic('__token__:wax_\0abc'),
      'Digest username="a"',
      'Bearer ',
      `Bearer ${'a'.repeat(5000)}`,
      basic('a:b'.repeat(5_000_000)),
    ]) {
      assert.deepEqual(parseAuthorization(header), malformed, header.slice(0, 40))
    }
  })
})
