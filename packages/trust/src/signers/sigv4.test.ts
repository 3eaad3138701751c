import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signedHeaders } from './sigv4.ts'
import type { AwsCredentials, UnsignedRequest } from './sigv4.ts'

/** Those of the test suite that AWS published for Signature Version 4 (aws-sig-v4-test-suite). */
const CREDENTIALS: AwsCredentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
const SUITE = { region: 'us-east-1', service: 'service', now: new Date('2015-08-30T12:36:00Z') }
const TOKEN =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=='

function request(method: string, path: string, headers: Record<string, string> = {}, body = ''): UnsignedRequest {
  return { method, url: new URL(`https://example.amazonaws.com${path}`), headers, body: Buffer.from(body) }
}

const VECTORS: readonly (readonly [string, UnsignedRequest, Partial<AwsCredentials>, string, string])[] = [
  [
    'get-vanilla',
    request('GET', '/'),
    {},
    'host;x-amz-date',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  ],
  [
    'post-vanilla',
    request('POST', '/'),
    {},
    'host;x-amz-date',
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  ],
  [
    'get-vanilla-query-order-key-case',
    request('GET', '/?Param2=value2&Param1=value1'),
    {},
    'host;x-amz-date',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'post-x-www-form-urlencoded',
    request('POST', '/', { 'content-type': 'application/x-www-form-urlencoded' }, 'Param1=value1'),
    {},
    'content-type;host;x-amz-date',
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  ],
  [
    'post-sts-header-before',
    request('POST', '/'),
    { sessionToken: TOKEN },
    'host;x-amz-date;x-amz-security-token',
    '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
  ],
]

for (const [name, unsigned, more, names, signature] of VECTORS) {
  test(`signs ${name} of AWS’s test suite as it says`, () => {
    const headers = signedHeaders(unsigned, { ...CREDENTIALS, ...more }, SUITE)
    assert.equal(
      headers['authorization'],
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
    )
  })
}

test('signs the example of the documentation, a GET with a query', () => {
  const headers = signedHeaders(
    {
      method: 'GET',
      url: new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'),
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: new Uint8Array(),
    },
    CREDENTIALS,
    { ...SUITE, service: 'iam' },
  )
  assert.match(
    headers['authorization'] ?? '',
    /Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7$/,
  )
})
